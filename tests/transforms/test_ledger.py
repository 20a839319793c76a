"""Spend to the cent: every case of a refund against a ledger kept by hand, and the rows that totals are made of."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.staged_builders import (
    AS_OF,
    BERLIN,
    NOT_COUNTED,
    SEEN,
    Row,
    a_deletion,
    a_refund,
    an_order,
    an_order_line,
    marts,
    raw,
    recorded,
    staged,
)
from transforms.ledger import COMPONENTS, order_components, spend_ledger
from transforms.schemas import ORDER_LINES, ORDERS, conform
from transforms.staging import stage_orders_and_lines

LATER = SEEN + timedelta(hours=1)
AMOUNTS = st.decimals(-9_999, 9_999, places=6) | st.sampled_from([Decimal("0.01"), Decimal(10)])
TIMES = st.datetimes(datetime(2026, 6, 26), datetime(2026, 7, 4), timezones=st.just(UTC))  # noqa: DTZ001
REFUND = st.tuples(AMOUNTS, TIMES, st.sampled_from(["there", "there", "there", "tombstone", "not listed"]))
ORDER = st.tuples(
    st.integers(1, 2),
    st.sampled_from(["EUR", "USD"]),
    st.sampled_from(["completed", "refunded", "processing", "cancelled", "trash"]),
    AMOUNTS,
    TIMES,
    st.sampled_from([False, False, False, True]),
    st.lists(REFUND, max_size=3),
)


@dataclass
class Book:
    """A ledger kept by hand: gross, refunded and counted orders of each person and currency."""

    gross: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    refunded: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    orders: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    seen: set[tuple[str, str]] = field(default_factory=set)

    def enter(self, key: tuple[str, str], order: tuple[Any, ...]) -> None:
        """Enter one order with its refunds: what each of them is worth before AS_OF."""
        _, _, status, total, at, deleted, refunds = order
        if status in NOT_COUNTED or deleted:
            return
        if at < AS_OF:
            self.seen.add(key)
            self.gross[key] += total
            self.orders[key] += 1
        for amount, refunded_at, kept in refunds:
            if kept == "there" and refunded_at < AS_OF:
                self.seen.add(key)
                self.refunded[key] += amount


def written(drawn: list[tuple[Any, ...]]) -> tuple[dict[str, pl.LazyFrame], Book]:
    """Return the staged tables of drawn orders with their refunds, and the same in a book."""
    orders: list[Row] = []
    refunds: list[Row] = []
    gone: list[Row] = []
    book = Book()
    for number, order in enumerate(drawn, start=1):
        who, currency, status, total, at, deleted, its_refunds = order
        ids = {number * 10 + index: one for index, one in enumerate(its_refunds)}
        listed = [each for each, (_, _, kept) in ids.items() if kept != "not listed"]
        fields = {"currency": currency, "status": status, "total": total, "created_at": at, "refund_ids": listed}
        orders.append(an_order(number, woocommerce_id=who, observed_at=SEEN + timedelta(minutes=1), **fields))
        gone += [a_deletion("order", number, LATER)] if deleted else []
        gone += [a_deletion("refund", each, LATER) for each, (_, _, kept) in ids.items() if kept == "tombstone"]
        refunds += [a_refund(each, number, amount, created_at=back) for each, (amount, back, _) in ids.items()]
        book.enter((f"woo:{who}", currency), order)
    return staged(orders=orders, refunds=refunds, deletions=gone), book


@settings(max_examples=8, deadline=None)
@given(st.lists(ORDER, max_size=8))
def test_figures_and_entries_are_those_of_a_book_kept_by_hand(drawn: list[tuple[Any, ...]]) -> None:
    """Partial, several, late, deleted, unlisted and oversized refunds, of orders cancelled, trashed, deleted or later."""
    hold_against_a_book(drawn)


@pytest.mark.deep
@settings(max_examples=500, deadline=None)
@given(st.lists(ORDER, max_size=8))
def test_many_histories_are_those_of_a_book_kept_by_hand(drawn: list[tuple[Any, ...]]) -> None:
    """Rare meetings of cases need many histories."""
    hold_against_a_book(drawn)


def hold_against_a_book(drawn: list[tuple[Any, ...]]) -> None:
    """Compare every person's figures and entries with those of a book that is kept order by order."""
    tables, book = written(drawn)

    built = marts(tables, only=["customer_currencies", "orders", "refunds"])
    entries = spend_ledger(built["orders"].lazy(), built["refunds"].lazy(), as_of=AS_OF).collect()

    rows = {(row["customer_key"], row["currency"]): row for row in built["customer_currencies"].to_dicts()}
    assert set(rows) == book.seen
    for key, row in rows.items():
        gross, refunded = book.gross[key], book.refunded[key]
        assert (row["orders_count"], row["gross"], row["refunded"]) == (book.orders[key], gross, refunded)
        assert row["net"] == gross - refunded
        own = entries.filter(pl.struct("customer_key", "currency") == {"customer_key": key[0], "currency": key[1]})
        sums = dict(own.filter("counted").group_by("kind").agg(pl.col("amount").sum()).iter_rows())
        assert sums.get("order", 0) == gross
        assert sums.get("refund", 0) == -refunded
    assert entries.height == built["orders"].height + built["refunds"].height
    assert entries.filter(pl.col("counted") != pl.col("why_not").is_null()).is_empty()


def test_each_entry_that_does_not_count_says_why() -> None:
    """An analyst who adds up an order history by hand must find out which row to leave out, and why."""
    orders = [
        an_order(1, refund_ids=[11, 12]),
        an_order(2, status="cancelled", refund_ids=[21]),
        an_order(3, created_at=AS_OF, refund_ids=[31]),
        an_order(4, refund_ids=[41]),
    ]
    refunds = [
        a_refund(11, 1),
        a_refund(12, 1, "12.5", created_at=AS_OF),
        a_refund(21, 2),
        a_refund(31, 3),
        a_refund(41, 4),
        a_refund(99, 77),
    ]
    built = marts(staged(orders=orders, refunds=refunds, deletions=[a_deletion("order", 4, LATER)]))

    entries = spend_ledger(built["orders"].lazy(), built["refunds"].lazy(), as_of=AS_OF).collect()

    assert set(entries.select("order_id", "refund_id", "amount", "why_not").rows()) == {
        (1, None, 10, None),
        (1, 11, -1, None),
        (1, 12, Decimal("-12.5"), "later"),
        (2, None, 10, "status"),
        (2, 21, -1, "status"),
        (3, None, 10, "later"),
        (3, 31, -1, None),  # the money went back before that day, though its order is later
        (4, None, 10, "deleted"),
        (4, 41, -1, "deleted"),
        (77, 99, -1, "no order"),
    }


ANY_AMOUNT = st.decimals(-99_999_999, 99_999_999, places=6)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(ANY_AMOUNT, ANY_AMOUNT, st.none() | ANY_AMOUNT, st.lists(st.tuples(ANY_AMOUNT, ANY_AMOUNT))),
        max_size=5,
    )
)
def test_the_rows_of_an_order_add_up_to_its_total(drawn: list[tuple[Any, ...]]) -> None:
    """To the last millionth, whatever shops and plugins write into totals, shipping and lines."""
    orders, lines = [], []
    for number, (total, shipping, shipping_tax, its_lines) in enumerate(drawn):
        orders.append({"order_id": number, "total": total, "shipping": shipping, "shipping_tax": shipping_tax})
        lines += [an_order_line(number, at, total=net, tax=tax) for at, (net, tax) in enumerate(its_lines)]
    order_frame = pl.LazyFrame(orders, schema={name: ORDERS[name] for name in orders[0]} if orders else dict(ORDERS))
    line_frame = pl.LazyFrame(lines, schema=dict(ORDER_LINES))

    parts = order_components(order_frame, line_frame).collect()

    assert parts.schema == pl.Schema(dict(COMPONENTS))
    sums: dict[int, Decimal] = defaultdict(Decimal)
    for order_id, amount in parts.select("order_id", "amount").iter_rows():
        sums[order_id] += amount
    assert {order["order_id"]: order["total"] for order in orders if order["total"] or order["order_id"] in sums} == {
        order_id: amount for order_id, amount in sums.items() if amount or order_id in sums
    }
    assert not parts.filter(pl.col("kind") != "line", pl.col("amount") == 0).height


def test_a_receipt_reads_from_its_lines_to_the_rest() -> None:
    """Lines in the shop's order with tax, then shipping with its tax, then what fees and rounding make."""
    order = an_order(1, total=Decimal("31.75"), shipping=Decimal("4.20"), shipping_tax=Decimal("0.80"))
    lines = [
        an_order_line(1, 2, name="Cake", total=Decimal("5.00"), tax=Decimal("0.35")),
        an_order_line(1, 1, name="Tea", total=Decimal("16.81"), tax=Decimal("3.19")),
    ]
    built = marts(staged(orders=[order], order_lines=lines))

    parts = order_components(built["orders"].lazy(), built["order_lines"].lazy()).collect()

    assert parts.select("kind", "name", "amount").rows() == [
        ("line", "Tea", Decimal("20.00")),
        ("line", "Cake", Decimal("5.35")),
        ("shipping", None, Decimal("5.00")),
        ("fees and rounding", None, Decimal("1.40")),
    ]


def test_a_line_that_could_not_be_read_leaves_no_made_up_rest() -> None:
    """The missing amount would otherwise be shown as a fee."""
    built = marts(staged(orders=[an_order(1)], order_lines=[an_order_line(1, 1, total=None)]))

    parts = order_components(built["orders"].lazy(), built["order_lines"].lazy()).collect()

    assert parts.select("kind", "amount").rows() == [("line", None)]


def test_the_recorded_orders_of_a_real_shop_have_no_unexplained_rest() -> None:
    """WooCommerce's own totals: lines, shipping and fees explain them; a rest without a fee would be our mistake."""
    bodies = recorded("orders")
    made = {name: frame.collect() for name, frame in stage_orders_and_lines(raw(bodies), BERLIN).items()}
    unknown = {name: pl.lit(None, dtype=dtype) for name, dtype in ORDERS.items() if name not in made["orders"].columns}
    orders = conform(made["orders"].lazy().with_columns(**unknown), ORDERS)
    lines = made["order_lines"].lazy().with_columns(shop=pl.lit("lab"))

    parts = order_components(orders, lines).collect()

    rests = dict(parts.filter(pl.col("kind") == "fees and rounding").select("order_id", "amount").iter_rows())
    fees = {
        body["id"]: sum((Decimal(fee["total"]) + Decimal(fee["total_tax"]) for fee in body["fee_lines"]), Decimal(0))
        for body in bodies
    }
    cent = Decimal("0.02")
    assert len(bodies) > 20
    assert all(abs(rests.get(order_id, Decimal(0)) - fee) <= cent for order_id, fee in fees.items())
