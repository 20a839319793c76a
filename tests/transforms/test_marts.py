"""The published tables as a whole: a recorded shop, a real retailer's truth, and days in the past."""

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from tests.transforms import retail_history
from tests.transforms.staged_builders import (
    AS_OF,
    BERLIN,
    HASH_KEY,
    SEEN,
    a_guest_order,
    a_refund,
    aliases,
    an_account,
    an_order,
    marts,
    raw,
    recorded,
    staged,
)
from transforms.days import as_of_for_day
from transforms.identity import EmailForm
from transforms.marts import build_marts
from transforms.quality import check_marts
from transforms.schemas import MARTS as PUBLISHED
from transforms.staging import stage_customers, stage_orders_and_lines, stage_products, stage_refunds

LIVE = datetime(2027, 1, 1, tzinfo=UTC)


def recorded_shop() -> dict[str, pl.LazyFrame]:
    """Return the recorded shop, staged."""
    orders = raw(recorded("orders"))
    return {
        **stage_orders_and_lines(orders, BERLIN),
        "refunds": stage_refunds(raw(recorded("refunds")), BERLIN),
        "customers": stage_customers(raw(recorded("customers"))),
        "products": stage_products(raw(recorded("products"))),
        "deletions": staged()["deletions"],
    }


def broken(tables: dict[str, pl.DataFrame]) -> list[tuple[str, int]]:
    """Return the checks that fail."""
    return check_marts(tables).filter(pl.col("violations") > 0).select("check", "violations").rows()


def test_a_recorded_shop_gives_all_tables_with_the_published_columns_and_passes_every_check() -> None:
    """Real bodies, end to end: two currencies, guests, refunds, drafts, trash."""
    tables = marts(recorded_shop(), as_of=LIVE)

    schemas = {name: pl.Schema(dict(schema)) for name, schema in PUBLISHED.items()}
    assert {name: table.schema for name, table in tables.items()} == {name: schemas[name] for name in tables}
    assert set(PUBLISHED) - set(tables) == {"segments", "segment_members", "person_tags"}
    assert broken(tables) == []
    assert tables["orders"].height == 1497
    assert tables["customer_currencies"]["currency"].unique().sort().to_list() == ["EUR", "USD"]


def test_every_recorded_order_has_the_owner_that_a_plain_reading_gives() -> None:
    """Accounts by id, guests by e-mail without case, guests with an account's e-mail merged into the account.

    The recorded guests carry names made up at random, order by order; no e-mail is taken for shared here.
    """
    by_email = defaultdict(set)
    for account in recorded("customers"):
        by_email[account["email"].strip().lower()].add(account["id"])
    expected = defaultdict(set)
    for order in recorded("orders"):
        email = order["billing"]["email"].strip().lower()
        owners = by_email.get(email, set())
        one = order["customer_id"] or (next(iter(owners)) if len(owners) == 1 else None)
        expected[f"woo:{one}" if one else email or f"order {order['id']}"].add(order["id"])

    orders = marts(recorded_shop(), as_of=LIVE, form=EmailForm(shared_names=0))["orders"]

    found = orders.group_by("customer_key").agg("order_id")["order_id"]
    assert {frozenset(ids) for ids in found} == {frozenset(ids) for ids in expected.values()}
    accounts = orders.filter(pl.col("customer_key").str.starts_with("woo:"))
    assert set(accounts["customer_key"]) == {key for key in expected if key.startswith("woo:")}


def test_a_past_day_hides_later_orders_from_the_figures_and_from_nothing_else() -> None:
    """As-of is a question about figures: people and orders known today stay in their tables."""
    orders = [
        an_order(1),
        an_order(2, woocommerce_id=2, created_at=AS_OF),
        a_guest_order(3, "g@x.example", created_at=AS_OF),
    ]

    tables = marts(staged(orders=orders, customers=[an_account(1), an_account(2, created_at=AS_OF)]))

    assert tables["orders"].height == 3
    assert tables["customers"].height == 3
    assert tables["customers"].filter(pl.col("orders_count") > 0)["customer_key"].to_list() == ["woo:1"]
    assert tables["customers"]["as_of"].unique().to_list() == [AS_OF]


def test_a_shop_without_anything_publishes_empty_tables() -> None:
    """The first run of a new shop must show an empty app, not an error."""
    tables = marts(staged())

    assert {table.height for table in tables.values()} == {0}
    assert broken(tables) == []


def test_the_order_of_staged_rows_changes_nothing() -> None:
    """Two syncs that read the same shop in another order publish the same."""
    shop = {name: table.collect() for name, table in recorded_shop().items()}
    shuffled = {name: table.sample(fraction=1, shuffle=True, seed=7).lazy() for name, table in shop.items()}

    there, here = marts({name: table.lazy() for name, table in shop.items()}, as_of=LIVE), marts(shuffled, as_of=LIVE)

    assert all(there[name].equals(here[name]) for name in there)


def test_an_unfit_hash_key_is_refused_before_anything_runs() -> None:
    """Guests hashed with an empty key would be readable by anyone with a list of e-mails."""
    with pytest.raises(ValueError, match="16 bytes"):
        build_marts(
            staged(orders=[a_guest_order(1, "g@x.example")], refunds=[a_refund(1, 1)]),
            shop="lab",
            as_of=SEEN,
            timezone=BERLIN,
            not_counted=(),
            hash_key=b"",
            aliases=aliases(),
        )
    assert len(HASH_KEY) == 32


@pytest.fixture(scope="module")
def invoices() -> pl.DataFrame:
    """Return the retailer's invoices; skip where the file is not here."""
    if not retail_history.FILE.exists():
        pytest.skip("the retailer's history (../shared/data/online_retail_ii.parquet) is not here")
    return retail_history.invoices()


def naive_truth(invoices: pl.DataFrame, as_of: datetime) -> tuple[int, int, Decimal, Decimal, Decimal]:
    """Return people, orders, gross, refunded, net of accounts with an order before `as_of`, one invoice at a time."""
    orders, gross, refunded = defaultdict(int), defaultdict(int), defaultdict(int)
    ever_ordered = {
        row["customer_id"] for row in invoices.to_dicts() if row["invoice"][0] not in "CA" and row["millis"] > 0
    }
    for row in invoices.to_dicts():
        customer = row["customer_id"]
        if customer is None or row["at"] >= as_of or customer not in ever_ordered:
            continue
        if row["invoice"][0] == "C":
            refunded[customer] -= row["millis"]
        elif row["invoice"][0] != "A" and row["millis"] > 0:
            orders[customer] += 1
            gross[customer] += row["millis"]
    paid, back = sum(gross.values()), sum(refunded[customer] for customer in orders)
    return len(orders), sum(orders.values()), Decimal(paid) / 1000, Decimal(back) / 1000, Decimal(paid - back) / 1000


@pytest.mark.parametrize("day", [date(2011, 12, 10), date(2011, 6, 1), date(2010, 12, 1)])
def test_a_real_retailers_figures_are_exact_on_any_day(invoices: pl.DataFrame, day: date) -> None:
    """Two years of real orders: people, orders, gross, refunded and net to the thousandth."""
    as_of = as_of_for_day(day, "UTC")

    tables = marts(retail_history.staged(invoices), as_of=as_of, timezone="UTC")

    buyers = tables["customers"].filter(pl.col("woocommerce_id").is_not_null() & (pl.col("orders_count") > 0))
    figures = buyers.select(pl.len(), pl.col("orders_count", "gross", "refunded", "net").sum()).row(0)
    assert figures == naive_truth(invoices, as_of)
    assert broken(tables) == []
    if day == date(2011, 12, 10):
        amounts = ("17431551.178", "1026832.47", "16404718.708")
        assert figures == (5878, 36969, *(Decimal(amount) for amount in amounts))
