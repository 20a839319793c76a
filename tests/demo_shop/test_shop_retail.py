"""A retailer's order file: which invoices become orders, which refunds, and exact sums."""

import json
from datetime import UTC, date, datetime, time
from pathlib import Path

import polars as pl
import pytest

from demo_shop.changes import Shop
from demo_shop.money import fixed, micros
from demo_shop.retail import load_retail
from tests.demo_shop.recorded_shop import KEYS, Asker

FILE = Path(__file__).parents[2].parent / "shared" / "data" / "online_retail_ii.parquet"
FIRST, SECOND = "Year 2009-2010", "Year 2010-2011"

Row = tuple[str, str, str, int, str, float, int | None]


def a_file(tmp_path: Path, rows: list[Row]) -> Path:
    """Write rows of (sheet, invoice, stock code, quantity, date, price, customer) as such a file."""
    frame = pl.DataFrame(
        {
            "row_no": range(1, len(rows) + 1),
            "sheet": [row[0] for row in rows],
            "invoice": [row[1] for row in rows],
            "stock_code": [row[2] for row in rows],
            "description": [f"Thing {row[2]}" for row in rows],
            "quantity": [row[3] for row in rows],
            "invoice_date": [datetime.fromisoformat(row[4]) for row in rows],
            "price": [row[5] for row in rows],
            "customer_id": [row[6] for row in rows],
            "country": ["EIRE"] * len(rows),
        },
        schema_overrides={"customer_id": pl.Int32},
    )
    path = tmp_path / "orders.parquet"
    frame.write_parquet(path)
    return path


def opened(tmp_path: Path, rows: list[Row]) -> Shop:
    """Open the shop of such rows; a late line fixes where the second sheet begins."""
    return load_retail(a_file(tmp_path, [*rows, (SECOND, "900000", "Z", 1, "2010-12-01T08:00", 1.0, 99)]), keys=KEYS)


def _orders(shop: Shop) -> list[tuple[str, int, str]]:
    return [
        (str(order.meta[0][2]), order.customer_id, fixed(shop.order_total(order.id), 3))
        for order in shop.orders.values()
        if order.meta[0][2] != "900000"
    ]


def test_an_order_is_an_invoice_above_zero_at_its_earliest_line(tmp_path: Path) -> None:
    """Lines keep product, quantity and price, negative and free ones too."""
    shop = opened(
        tmp_path,
        [
            (FIRST, "1", "A", 3, "2010-01-02T10:01", 0.105, 7),
            (FIRST, "1", "B", -1, "2010-01-02T10:00", 0.1, 7),
            (FIRST, "1", "C", 5, "2010-01-02T10:01", 0.0, 7),
            (FIRST, "2", "A", -3, "2010-01-02T10:00", 1.0, 7),
            (FIRST, "3", "A", 3, "2010-01-02T10:00", 0.0, 7),
            (FIRST, "A4", "A", 1, "2010-01-02T10:00", 50.0, 7),
        ],
    )
    assert _orders(shop) == [("1", 7, "0.215")]
    order = next(iter(shop.orders.values()))
    assert order.created == int(datetime(2010, 1, 2, 10, 0, tzinfo=UTC).timestamp())
    assert [(line.quantity, fixed(line.total, 3)) for line in order.lines] == [
        (3, "0.315"),
        (-1, "-0.100"),
        (5, "0.000"),
    ]
    assert shop.left_out["invoices with a total of zero or below"] == 2
    assert shop.left_out["bad-debt adjustments (invoices A…)"] == 1


def test_a_refund_goes_to_the_latest_earlier_order_else_to_the_first_later_one(tmp_path: Path) -> None:
    """C invoices name no original order; the amount may exceed the order's total."""
    shop = opened(
        tmp_path,
        [
            (FIRST, "C1", "A", -1, "2010-01-01T10:00", 99.0, 7),
            (FIRST, "2", "A", 1, "2010-01-02T10:00", 5.0, 7),
            (FIRST, "3", "A", 1, "2010-01-04T10:00", 6.0, 7),
            (FIRST, "C4", "A", -1, "2010-01-03T10:00", 1.0, 7),
            (FIRST, "C5", "A", -1, "2010-01-09T10:00", 2.0, 7),
        ],
    )
    by_invoice = {order.meta[0][2]: order for order in shop.orders.values()}
    refunds = {refund.reason: (refund.order_id, fixed(refund.amount, 3)) for refund in shop.refunds.values()}
    assert refunds == {
        "Invoice C1": (by_invoice["2"].id, "99.000"),
        "Invoice C4": (by_invoice["2"].id, "1.000"),
        "Invoice C5": (by_invoice["3"].id, "2.000"),
    }
    assert by_invoice["3"].modified == int(datetime(2010, 1, 9, 10, tzinfo=UTC).timestamp())
    assert by_invoice["2"].status == "completed"


def test_refunds_without_a_customer_or_without_any_order_are_counted_and_left_out(tmp_path: Path) -> None:
    """Somebody who compares sums with the file must find the difference named."""
    shop = opened(
        tmp_path,
        [
            (FIRST, "C1", "A", -1, "2010-01-01T10:00", 9.0, None),
            (FIRST, "C2", "A", -1, "2010-01-01T10:00", 9.0, 8),
        ],
    )
    assert shop.refunds == {}
    assert 8 in shop.customers
    assert shop.left_out["refunds without a customer (invoices C…)"] == 1
    assert shop.left_out["refunds of customers without any order"] == 1


def test_an_invoice_without_a_customer_is_a_guest_without_an_email(tmp_path: Path) -> None:
    """Such a guest is a person of that one invoice."""
    shop = opened(tmp_path, [(FIRST, "1", "A", 1, "2010-01-02T10:00", 5.0, None)])
    order = next(iter(shop.orders.values()))
    assert (order.customer_id, order.billing.email, order.billing.country) == (0, "", "IE")


def test_days_in_both_sheets_count_once_but_repeats_within_a_sheet_are_real(tmp_path: Path) -> None:
    """The overlap would otherwise double nine days of sales."""
    twice = [("1", "A", 1, "2010-12-01T09:00", 5.0, 7)] * 2
    rows: list[Row] = [(sheet, *row) for sheet in (FIRST, SECOND) for row in twice]
    shop = opened(tmp_path, rows)
    assert _orders(shop) == [("1", 7, "10.000")]
    assert shop.left_out["lines of the sheets' overlap, counted once"] == 2


def test_another_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """The command line shows it as it is."""
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(ValueError, match="not an Online Retail II file"):
        load_retail(tmp_path / "other.parquet")


@pytest.fixture(scope="module")
def retailer() -> Shop:
    """Return the shop of the whole file, where the file is."""
    if not FILE.exists():
        pytest.skip(f"{FILE.name} is not beside the project")
    return load_retail(FILE, keys=KEYS)


def _truth(shop: Shop, before: date) -> tuple[int, int, str, str]:
    limit = int(datetime.combine(before, time(), UTC).timestamp())
    orders = [o for o in shop.orders.values() if o.customer_id and o.created < limit]
    buyers = {order.customer_id for order in orders}
    refunds = [
        refund.amount
        for refund in shop.refunds.values()
        if refund.created < limit and shop.orders[refund.order_id].customer_id in buyers
    ]
    gross = sum(shop.order_total(order.id) for order in orders)
    return len(buyers), len(orders), fixed(gross, 3), fixed(sum(refunds), 3)


def test_the_whole_file_has_the_published_sums(retailer: Shop) -> None:
    """The bar of the demo: these figures are known from the file itself."""
    assert _truth(retailer, date(2011, 12, 10)) == (5878, 36969, "17431551.178", "1026832.470")
    assert (len(retailer.customers), len(retailer.orders)) == (5942, 40076)


@pytest.mark.parametrize("day", [date(2010, 12, 1), date(2011, 6, 1)])
def test_earlier_days_agree_with_the_file(retailer: Shop, day: date) -> None:
    """Straight from the file in Polars, by another way than the loader's."""
    rows = pl.read_parquet(FILE).filter(
        ~((pl.col("sheet") == FIRST) & (pl.col("invoice_date") >= pl.lit("2010-12-01").str.to_datetime()))
    )
    milli = (pl.col("price") * 1000).round().cast(pl.Int64) * pl.col("quantity")
    invoices = (
        rows.group_by("invoice")
        .agg(milli.sum().alias("total"), pl.col("invoice_date").min().alias("day"), pl.col("customer_id").max())
        .filter((pl.col("day") < pl.lit(day)) & pl.col("customer_id").is_not_null())
    )
    kind = pl.col("invoice").str.slice(0, 1)
    orders = invoices.filter(~kind.is_in(["C", "A"]) & (pl.col("total") > 0))
    refunds = invoices.filter((kind == "C") & pl.col("customer_id").is_in(orders["customer_id"].implode()))
    assert _truth(retailer, day) == (
        orders["customer_id"].n_unique(),
        orders.height,
        fixed(orders["total"].sum() * 1000, 3),
        fixed(-refunds["total"].sum() * 1000, 3),
    )


def test_the_retailers_money_has_three_decimals_on_the_wire(retailer: Shop) -> None:
    """Two decimals would lose a thousandth here and there and never meet the truth."""
    body = json.loads(Asker(retailer).get("orders?per_page=100&orderby=id&order=asc").body)
    order = body[0]
    assert sum(micros(line["total"]) for line in order["line_items"]) == micros(order["total"])
    assert (len(order["total"].partition(".")[2]), order["currency"]) == (3, "GBP")
    assert order["date_created"] == order["date_created_gmt"] == "2009-12-01T07:45:00"
