"""The Great Expectations suites, on good frames and on frames with one thing spoilt.

Importing Great Expectations takes ten seconds, once for all tests of this file.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from pipelines.expectations import MART_SUITES, RAW_SUITES, SuiteResult, validate
from transforms.schemas import MARTS

CUSTOMERS = MART_SUITES["customers"]
RAW_ORDERS = RAW_SUITES["orders"]

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROWS = 100


def raw_orders(*spoilt: dict[str, Any]) -> pl.DataFrame:
    """Return a hundred raw orders as they come out of the warehouse: good, but for the first rows, one a `spoilt`."""
    rows = [
        {
            "id": number,
            "status": ["completed", "processing", "checkout-draft"][number % 3],
            "date_created_gmt": NOON - timedelta(days=number),
            "date_modified_gmt": NOON - timedelta(days=number - 1),
            "observed_at": NOON,
            "body_length": 3100,
            "currency": ["EUR", "USD"][number % 2],
            "total": ["31.75", "-0.50", "62", "1074.250000"][number % 4],
            "observed_by": "pull",
        }
        for number in range(1, ROWS + 1)
    ]
    for row, changes in zip(rows, spoilt, strict=False):
        row.update(changes)
    return pl.DataFrame(rows)


def customers(*spoilt: dict[str, Any]) -> pl.DataFrame:
    """Return a hundred people as the marts hold them: good, but for the first ones, one a `spoilt`."""
    rows: list[dict[str, Any]] = [
        {
            "customer_key": f"woo:{number}",
            "woocommerce_id": number,
            "country": "DE",
            "currency": "EUR",
            "orders_count": 2,
            "gross": Decimal("100.10"),
            "refunded": Decimal("0.20"),
            "net": Decimal("99.90"),
            "first_order_at": NOON - timedelta(days=90),
            "last_order_at": NOON - timedelta(days=number),
            "recency_days": number,
            "median_days_between": 30.5,
            "active_months": 2,
            "refund_rate": Decimal("0.001998"),
            "r": 5,
            "f": 1,
            "m": 3,
            "rfm_group": "Can't lose",
            "as_of": NOON,
        }
        for number in range(1, 81)
    ]
    nobody = dict.fromkeys(CUSTOMERS.columns) | {"orders_count": 0, "active_months": 0, "as_of": NOON}
    rows += [nobody | {"customer_key": f"guest:{number:040x}", "country": ""} for number in range(ROWS - 80)]
    for row, changes in zip(rows, spoilt, strict=False):
        row.update(changes)
    return of_table("customers", rows)


def of_table(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return rows as the marts hold the columns that the suite of this table looks at; what they lack is null."""
    return pl.DataFrame(rows, schema={name: MARTS[table][name] for name in MART_SUITES[table].columns})


def broken(result: SuiteResult) -> dict[str, object]:
    """Return the meaning and the count of each expectation that does not hold."""
    return {str(row["meaning"]): row["unexpected_count"] for row in result.expectations if not row["success"]}


def test_good_raw_orders_pass() -> None:
    """Drafts, whole amounts, six decimals and negative totals are ordinary."""
    result = validate(RAW_ORDERS, raw_orders())
    assert broken(result) == {}
    assert result.success
    assert len(result.expectations) == 16


def test_good_people_pass() -> None:
    """People without an order, and so without money and scores, are ordinary."""
    result = validate(CUSTOMERS, customers())
    assert broken(result) == {}
    assert result.success


def test_each_bad_raw_order_fails_its_own_expectation() -> None:
    """Every expectation must be able to fail, and only that one: a person reads which."""
    spoilt = {
        "No order stands there twice": [{"id": 90}],
        "Every order has an id": [{"id": None}],
        "Ids are positive numbers": [{"id": 0}],
        "No order's body is empty": [{"body_length": None}],
        "Bodies hold at least an object": [{"body_length": 0}, {"body_length": 2}],
        "Every order has a status": [{"status": None}],
        "Every order has a creation date": [{"date_created_gmt": None}],
        "Orders were created after 1993": [{"date_created_gmt": datetime(1, 1, 1, tzinfo=UTC)}],
        "Every order has a currency": [{"currency": None}],
        "Currencies are three capitals": [{"currency": "eur"}, {"currency": "€"}],
        "Every order has a total": [{"total": None}],
        "Totals can be read as exact money": [{"total": text} for text in ("1e309", "1,00", "", "NaN", "0.1234567")],
    }
    result = validate(RAW_ORDERS, raw_orders(*(row for rows in spoilt.values() for row in rows)))
    assert not result.success
    assert broken(result) == {meaning: len(rows) for meaning, rows in spoilt.items()} | {
        "No order stands there twice": 2  # both of the pair are counted
    }


def test_a_plugins_status_on_a_few_orders_holds_and_is_counted() -> None:
    """Custom statuses are allowed; a shop full of them is worth a look, and still no failure."""
    few = validate(RAW_ORDERS, raw_orders({"status": "wc-picking"}))
    [row] = [row for row in few.expectations if row["meaning"] == "Statuses are WooCommerce's own"]
    assert (few.success, row["success"], row["unexpected_count"], row["unexpected_percent"]) == (True, True, 1, 1.0)
    many = validate(RAW_ORDERS, raw_orders().with_columns(status=pl.lit("wc-picking")))
    assert (many.success, broken(many)) == (True, {"Statuses are WooCommerce's own": ROWS})


def test_times_in_the_future_warn_when_they_are_many() -> None:
    """One wrong clock is ordinary; most orders changed after we saw them means that our own clock is wrong."""
    assert broken(validate(RAW_ORDERS, raw_orders({"date_modified_gmt": NOON + timedelta(days=9)}))) == {}
    shifted = raw_orders().with_columns(date_modified_gmt=pl.lit(NOON + timedelta(days=9)))
    result = validate(RAW_ORDERS, shifted)
    assert (result.success, broken(result)) == (True, {"Orders were changed before we saw them": ROWS})


def test_each_bad_person_fails_their_own_expectation() -> None:
    """Money is compared as decimals: a millionth off is off. `as_of` is exclusive: later orders must not count."""
    spoilt = {
        "No person stands there twice": [{"customer_key": "woo:70"}],
        "Every person has a key": [{"customer_key": None}],
        "Keys are those of an account, a guest or a guest's order": [{"customer_key": "woo:x"}],
        "No account belongs to two people": [{"woocommerce_id": 70}],
        "Every person has a number of orders": [{"orders_count": None, "r": None, "active_months": 0}],
        "Nobody has fewer than no orders": [{"orders_count": -1, "r": None, "active_months": -1}],
        "Net is gross less refunded, to the last digit": [{"net": Decimal("99.900001")}, {"net": None}],
        "Nobody bought for less than nothing": [{"gross": Decimal(-1), "net": Decimal("-1.2")}],
        "Nobody was refunded less than nothing": [{"refunded": Decimal(-1), "net": Decimal("101.1")}],
        "R is 1 to 5": [{"r": 6}, {"r": 0}],
        "F is 1 to 5": [{"f": 0}],
        "M is 1 to 5": [{"m": 6}],
        "Who has a counted order is scored, and nobody else": [{"r": None}, {"orders_count": 0, "active_months": 0}],
        "RFM groups are the eleven": [{"rfm_group": "VIP"}],
        "No last order lies in the future": [{"recency_days": -1}],
        "First orders come before last ones": [{"first_order_at": NOON}],
        "No order after the day of the figures counts": [{"last_order_at": NOON + timedelta(seconds=1)}],
        "Currencies are three capitals": [{"currency": "€"}],
        "No second order comes before the first": [{"median_days_between": -0.5}],
        "Nobody bought in more months than orders": [{"active_months": 3}],
    }
    result = validate(CUSTOMERS, customers(*(row for rows in spoilt.values() for row in rows)))
    assert not result.success
    assert broken(result) == {meaning: len(rows) for meaning, rows in spoilt.items()} | {
        "No person stands there twice": 2,  # both of the pair are counted
        "No account belongs to two people": 2,
    }


def test_hand_typed_countries_only_warn() -> None:
    """Old shops have them; nothing breaks."""
    result = validate(CUSTOMERS, customers().with_columns(country=pl.lit("Germany")))
    assert (result.success, broken(result)) == (True, {"Countries are two capitals": ROWS})


def test_a_person_below_zero_only_warns() -> None:
    """A shop may correct a sum by an order with a negative fee; the checks must not be red for ever after."""
    result = validate(CUSTOMERS, customers({"gross": Decimal(-1), "net": Decimal("-1.2")}))
    assert (result.success, broken(result)) == (True, {"Nobody bought for less than nothing": 1})


def test_empty_tables_pass() -> None:
    """A new shop has neither orders nor people."""
    assert validate(RAW_ORDERS, raw_orders().head(0)).success
    assert validate(CUSTOMERS, customers().head(0)).success


def test_results_hold_no_values() -> None:
    """They are shown and kept in Dagster; rows are about people."""
    spoilt = customers({"customer_key": "anna@example.com", "country": "Elbonia"})
    shown = repr(validate(CUSTOMERS, spoilt))
    assert "anna" not in shown
    assert "Elbonia" not in shown


def test_a_missing_column_is_named() -> None:
    """A caller's mistake, told before ten seconds of import."""
    with pytest.raises(ValueError, match="lacks the columns total"):
        validate(RAW_ORDERS, raw_orders().drop("total"))
