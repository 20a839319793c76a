"""How people buy, against a naive reading one order at a time."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from statistics import median
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.staged_builders import (
    AS_OF,
    NOT_COUNTED,
    a_refund,
    an_account,
    an_order,
    an_order_line,
    marts,
    person,
    staged,
)
from transforms.metrics import refund_rate
from transforms.schemas import MONEY

HABITS = (
    "median_days_between",
    "days_to_second",
    "active_months",
    "products_count",
    "categories",
    "coupons",
    "refund_rate",
)
PRODUCTS = [
    {"product_id": 1, "name": "Tea", "categories": ["Drinks", "Hot"]},
    {"product_id": 2, "name": "Cake", "categories": ["Food"]},
    {"product_id": 3, "name": "Juice", "categories": ["Drinks"]},
    {"product_id": 4, "name": "Card", "categories": None},
]
CATEGORIES = {1: {"Drinks", "Hot"}, 2: {"Food"}, 3: {"Drinks"}}
LINES = st.lists(
    st.tuples(
        st.sampled_from([None, 0, 1, 2, 3, 4, 99]),
        st.sampled_from([None, "A-1", "a-1"]),
        st.sampled_from([None, "Tea", "A-1"]),
    ),
    max_size=3,
)
ORDERS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.datetimes(datetime(2026, 1, 28), datetime(2026, 7, 3), timezones=st.just(UTC)),  # noqa: DTZ001
        st.sampled_from(["completed", "completed", "refunded", "cancelled"]),
        st.lists(st.sampled_from(["SUMMER", "summer", "straße", "STRASSE", " ", "x"]), max_size=2),
        LINES,
    ),
    max_size=14,
)


def naive(orders: list[dict[str, Any]], lines: list[dict[str, Any]]) -> tuple[Any, ...]:
    """Return the habits (but for the refund rate) of one person's orders, one at a time."""
    counted = [one for one in orders if one["status"] not in NOT_COUNTED and one["created_at"] < AS_OF]
    days = sorted(one["order_day"] for one in counted)
    gaps = [later - earlier for earlier, later in pairwise(days)]
    months = {(day.year, day.month) for day in (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=one) for one in days)}
    bought = set()
    for line in lines:
        if line["order_id"] in {one["order_id"] for one in counted}:
            if line["product_id"]:
                bought.add(("id", line["product_id"]))
            elif line["sku"] or line["name"]:
                bought.add(("sku", line["sku"]) if line["sku"] else ("name", line["name"]))
    categories = set().union(*(CATEGORIES.get(key, set()) for kind, key in bought if kind == "id"))
    codes = {code.strip().casefold() for one in counted for code in one["coupons"]} - {""}
    return (
        median(gaps) if gaps else None,
        gaps[0] if gaps else None,
        len(months),
        len(bought),
        sorted(categories),
        sorted(codes),
    )


@settings(max_examples=8, deadline=None)
@given(ORDERS)
def test_habits_are_those_of_a_naive_reading(drawn: list[tuple[Any, ...]]) -> None:
    """Several orders a day, orders that do not count, lines without a product, codes that differ in case alone."""
    hold_against_a_naive_reading(drawn)


@pytest.mark.deep
@settings(max_examples=300, deadline=None)
@given(ORDERS)
def test_habits_are_those_of_a_naive_reading_many_times_over(drawn: list[tuple[Any, ...]]) -> None:
    """Rare meetings of cases need many histories."""
    hold_against_a_naive_reading(drawn)


def hold_against_a_naive_reading(drawn: list[tuple[Any, ...]]) -> None:
    """Compare everybody's habits with those of their orders read one at a time."""
    orders, lines = [], []
    for number, (who, at, status, coupons, its_lines) in enumerate(drawn):
        orders.append(an_order(number, woocommerce_id=who, created_at=at, status=status, coupons=coupons))
        for at_line, (product, sku, name) in enumerate(its_lines):
            lines.append(an_order_line(number, at_line, product_id=product, sku=sku, name=name))
    accounts = [an_account(each) for each in (1, 2, 3)]

    tables = marts(staged(orders=orders, order_lines=lines, products=PRODUCTS, customers=accounts), only=["customers"])

    for each in (1, 2, 3):
        own = [one for one in orders if one["woocommerce_id"] == each]
        row = person(tables, f"woo:{each}")
        assert tuple(row[name] for name in HABITS[:-1]) == naive(own, lines)


def test_people_without_a_counted_order_have_no_habits() -> None:
    """Nothing is known of their rhythm, and they bought nothing: rules find them by zeros and nulls."""
    row = person(marts(staged(customers=[an_account(1)], orders=[an_order(1, status="failed")])), "woo:1")

    assert tuple(row[name] for name in HABITS) == (None, None, 0, 0, [], [], None)


def test_one_order_has_no_gap_and_no_second() -> None:
    """A median of nothing is unknown; 0 would put one-time buyers among the quickest."""
    row = person(marts(staged(orders=[an_order(1)])), "woo:1")

    assert tuple(row[name] for name in HABITS[:3]) == (None, None, 1)


def test_the_days_between_orders_are_the_median_of_the_gaps() -> None:
    """One long pause must not make a monthly buyer a rare one: of gaps of 10, 4 and 25 days the median is 10."""
    days = (datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=after) for after in (0, 10, 14, 39))
    row = person(marts(staged(orders=[an_order(number, created_at=at) for number, at in enumerate(days, 1)])), "woo:1")

    assert (row["median_days_between"], row["days_to_second"]) == (10, 10)


def test_days_and_months_are_those_of_the_shops_clock() -> None:
    """23:30 UTC of 31 May is June in Berlin: a month earlier than the file says would be wrong for half the evenings."""
    orders = [
        an_order(1, created_at=datetime(2026, 5, 31, 21, 30, tzinfo=UTC)),  # 23:30 of 31 May in Berlin
        an_order(2, created_at=datetime(2026, 5, 31, 22, 30, tzinfo=UTC)),  # 00:30 of 1 June
    ]

    row = person(marts(staged(orders=orders)), "woo:1")

    assert (row["median_days_between"], row["days_to_second"], row["active_months"]) == (1, 1, 2)


def test_the_refund_rate_is_that_of_the_main_currency() -> None:
    """A third back: six decimals, and dollars do not change it."""
    orders = [an_order(1, refund_ids=[8]), an_order(2, total=Decimal(20)), an_order(3, currency="USD", refund_ids=[9])]
    refunds = [a_refund(8, 1, "10"), a_refund(9, 3, "10")]

    assert person(marts(staged(orders=orders, refunds=refunds)), "woo:1")["refund_rate"] == Decimal("0.333333")


def test_an_order_for_nothing_has_no_refund_rate() -> None:
    """Nothing was paid, so no share of it can come back."""
    assert person(marts(staged(orders=[an_order(1, total=Decimal(0))])), "woo:1")["refund_rate"] is None


AMOUNT = st.decimals(0, 999_999_999_999, places=6)


@settings(deadline=None)
@given(st.lists(st.tuples(AMOUNT, AMOUNT), min_size=1))
def test_refund_rates_round_half_to_even_at_the_sixth_decimal(pairs: list[tuple[Decimal, Decimal]]) -> None:
    """Decimal arithmetic over the whole range of money; what does not fit money's range is unknown, not an error."""
    frame = pl.LazyFrame(pairs, schema={"back": MONEY, "paid": MONEY}, orient="row")
    expected = [
        (back / paid).quantize(Decimal("0.000001"), ROUND_HALF_EVEN) if paid and back / paid < 10**12 - 1 else None
        for back, paid in pairs
    ]

    assert frame.select(refund_rate(pl.col("back"), pl.col("paid"))).collect().to_series().to_list() == expected


@pytest.mark.parametrize(("back", "expected"), [("0.5", "0"), ("1.5", "0.000002"), ("2.5", "0.000002")])
def test_a_rate_half_way_goes_to_the_even_neighbour(back: str, expected: str) -> None:
    """Random amounts seldom meet the half; these always do."""
    frame = pl.LazyFrame({"back": [Decimal(back)], "paid": [Decimal(1_000_000)]}, schema={"back": MONEY, "paid": MONEY})

    assert frame.select(refund_rate(pl.col("back"), pl.col("paid"))).collect().item() == Decimal(expected)
