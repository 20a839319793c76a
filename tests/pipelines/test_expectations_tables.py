"""The suites of every table: good rows pass, and each oddity fails its own expectation."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from pipelines.assets.checks import MARTS_CHECKED, RAW_CHECKED
from pipelines.expectations import MART_SUITES, RAW_SUITES, validate
from tests.pipelines.test_expectations import broken, customers, of_table
from transforms.schemas import MARTS
from transforms.staged_schemas import RAW_TABLES

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD: dict[str, dict[str, Any]] = {
    "customer_currencies": {
        "customer_key": "woo:1",
        "currency": "EUR",
        "orders_count": 1,
        "gross": Decimal(10),
        "refunded": Decimal(1),
        "net": Decimal(9),
        "first_order_at": NOON,
        "last_order_at": NOON,
    },
    "orders": {
        "order_id": 1,
        "customer_key": "woo:1",
        "counted": True,
        "status": "completed",
        "currency": "EUR",
        "total": Decimal(10),
        "refunded": Decimal(1),
        "net": Decimal(9),
        "items": 1,
        "created_at": NOON,
        "paid_at": NOON,
        "completed_at": NOON,
    },
    "order_lines": {
        "order_id": 1,
        "line_id": 1,
        "product_id": 5,
        "name": "Tea",
        "quantity": 1,
        "subtotal": Decimal(10),
        "total": Decimal(10),
    },
    "refunds": {
        "refund_id": 9,
        "order_id": 1,
        "customer_key": "woo:1",
        "currency": "EUR",
        "amount": Decimal(1),
        "created_at": NOON,
    },
    "products": {"product_id": 5, "name": "Tea", "status": "publish", "price": Decimal(10)},
    "segments": {"segment_id": "all", "name": "All", "rule": "orders_count >= 1", "people": 1},
    "segment_members": {"segment_id": "all", "customer_key": "woo:1"},
    "rfm_cuts": {
        "score": "m",
        "currency": "EUR",
        "people": 3,
        "cut_20": 1.0,
        "cut_40": 2.0,
        "cut_60": 2.0,
        "cut_80": 9.0,
    },
    "identities": {
        "identity": "guest:ab",
        "customer_key": "woo:1",
        "link": "account e-mail",
        "orders": 1,
        "first_order_at": NOON,
        "last_order_at": NOON,
    },
    "identity_reviews": {"email": "a@x.example", "reason": "names", "orders": 2, "customer_keys": ["woo:1"]},
    "person_tags": {"customer_key": "woo:1", "tags": ["wholesale"]},
}
SPOILT: list[tuple[str, dict[str, Any], str]] = [
    ("customer_currencies", {"net": Decimal("9.000001")}, "Net is gross less refunded, to the last digit"),
    ("customer_currencies", {"first_order_at": NOON + timedelta(1)}, "First orders come before last ones"),
    ("orders", {"customer_key": None}, "Every order belongs to somebody"),
    ("orders", {"net": Decimal("8.999999")}, "Net is the total less what was refunded, to the last digit"),
    ("orders", {"refunded": Decimal(11), "net": Decimal(-1)}, "Not more was refunded than paid"),
    ("orders", {"paid_at": NOON - timedelta(1)}, "Orders were paid after they were created"),
    ("order_lines", {"product_id": 0}, "Lines name a product that the shop still knows"),
    ("order_lines", {"subtotal": Decimal(9)}, "No line costs more after its discount than before"),
    ("refunds", {"amount": Decimal(-1)}, "Refunds are not below zero"),
    ("refunds", {"customer_key": None}, "Refunds belong to somebody"),
    ("products", {"status": "sold out"}, "Statuses are WordPress's own"),
    ("products", {"price": Decimal(-1)}, "Prices are not below zero"),
    ("segments", {"people": None}, "Every rule can be read"),
    ("segment_members", {"customer_key": "ana"}, "Keys are those of an account, a guest or a guest's order"),
    ("rfm_cuts", {"cut_60": 1.5}, "The cut at 60 % is not below that at 40 %"),
    ("rfm_cuts", {"score": "x"}, "Scores are R, F and M"),
    ("identities", {"link": "hearsay"}, "Every identity has a known reason why it belongs to its person"),
    ("identity_reviews", {"customer_keys": []}, "Every shared address is used by somebody"),
    ("person_tags", {"tags": []}, "Whoever is listed has a tag"),
]


def test_every_raw_table_and_every_table_of_the_marts_has_a_suite() -> None:
    """A table without one is a table whose oddities nobody hears of; Dagster must list the same ones."""
    assert {*RAW_TABLES, "deletions"} == RAW_SUITES.keys() == set(RAW_CHECKED)
    assert MARTS.keys() == MART_SUITES.keys() == set(MARTS_CHECKED)
    names = [suite.name for suite in (*RAW_SUITES.values(), *MART_SUITES.values())]
    assert len(set(names)) == len(names), "results are kept by the suite's name"


@pytest.mark.parametrize("table", GOOD)
def test_good_rows_of_every_table_pass_and_so_do_none(table: str) -> None:
    """A suite that refuses what is right is switched off within a week; new shops have empty tables."""
    for rows in ([GOOD[table]], []):
        result = validate(MART_SUITES[table], of_table(table, rows))
        assert (result.success, broken(result)) == (True, {})


@pytest.mark.parametrize(("table", "spoilt", "meaning"), SPOILT, ids=[f"{n}-{one[0]}" for n, one in enumerate(SPOILT)])
def test_each_oddity_fails_its_own_expectation(table: str, spoilt: dict[str, Any], meaning: str) -> None:
    """Every table's suite can fail, and says in a sentence with what."""
    assert broken(validate(MART_SUITES[table], of_table(table, [GOOD[table] | spoilt]))) == {meaning: 1}


@pytest.mark.parametrize("table", MART_SUITES)
def test_a_repeated_row_is_found_in_every_table(table: str) -> None:
    """The commonest fault of a merge: the same thing twice."""
    rows = customers() if table == "customers" else of_table(table, [GOOD[table]])
    found = broken(validate(MART_SUITES[table], pl.concat([rows, rows])))
    assert any("twice" in meaning for meaning in found)


SEEN: dict[str, Any] = {"date_created_gmt": NOON, "date_modified_gmt": NOON, "observed_at": NOON, "body_length": 99}
RAW_GOOD: dict[str, dict[str, Any]] = {
    "customers": {"id": 1, **SEEN, "email": "a@x.example", "role": "customer"},
    "refunds": {"id": 9, "parent_id": 1, **SEEN, "amount": "1.50"},
    "products": {"id": 5, **SEEN, "name": "Tea", "price": ""},
    "deletions": {"key": "order:1", "object": "order", "id": 1, "observed_at": NOON},
}


@pytest.mark.parametrize(
    ("table", "spoilt", "meaning"),
    [
        ("customers", {"email": "nobody"}, "E-mails have one @ and no space"),
        ("customers", {"body_length": 2}, "Bodies hold at least an object"),
        ("refunds", {"parent_id": None}, "Every refund names its order"),
        ("refunds", {"amount": "-1.50"}, "Amounts are not below zero"),
        ("products", {"price": "ask us"}, "Prices are amounts, or left open"),
        ("deletions", {"object": "coupon"}, "Deletions are of things that we keep"),
    ],
)
def test_raw_rows_pass_and_each_oddity_fails_its_own_expectation(
    table: str, spoilt: dict[str, Any], meaning: str
) -> None:
    """Of accounts, refunds, products and deletions as of orders."""
    suite = RAW_SUITES[table]
    assert broken(validate(suite, pl.DataFrame([RAW_GOOD[table]]))) == {}
    assert broken(validate(suite, pl.DataFrame([RAW_GOOD[table] | spoilt]))) == {meaning: 1}
