"""Raw bodies become typed rows: exactly, wholly, and without one bad body taking others with it."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.staged_builders import BERLIN, raw, recorded
from transforms.schemas import empty
from transforms.staged_schemas import (
    RAW,
    STAGED_CUSTOMERS,
    STAGED_ORDER_LINES,
    STAGED_ORDERS,
    STAGED_PRODUCTS,
    STAGED_REFUNDS,
)
from transforms.staging import stage_customers, stage_orders, stage_orders_and_lines, stage_products, stage_refunds

ORDERS = recorded("orders")


def at(text: str | None) -> datetime | None:
    """Read a `*_gmt` date as the reference does."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def lines_of(raw_orders: pl.LazyFrame) -> pl.LazyFrame:
    """Stage the lines of raw orders."""
    return stage_orders_and_lines(raw_orders, BERLIN)["order_lines"]


def orders_of(*bodies: dict[str, Any] | str) -> list[dict[str, Any]]:
    """Stage order bodies to rows."""
    return stage_orders(raw(bodies), BERLIN).collect().to_dicts()


def test_every_recorded_order_is_staged_as_its_body_says() -> None:
    """The whole recorded shop, trash and drafts included, against a plain reading of each body."""
    columns = ["order_id", "number", "status", "currency", "woocommerce_id", "email", "total", "discount", "shipping"]
    columns += ["tax", "coupons", "refund_ids", "items", "created_at", "paid_at", "completed_at", "modified_at"]
    expected = [
        (
            body["id"],
            body["number"],
            body["status"],
            body["currency"],
            body["customer_id"],
            body["billing"]["email"] or None,
            Decimal(body["total"]),
            Decimal(body["discount_total"]),
            Decimal(body["shipping_total"]),
            Decimal(body["total_tax"]),
            [coupon["code"] for coupon in body["coupon_lines"]],
            [refund["id"] for refund in body["refunds"]],
            sum(line["quantity"] for line in body["line_items"]),
            *(at(body[f"date_{name}_gmt"]) for name in ("created", "paid", "completed", "modified")),
        )
        for body in ORDERS
    ]

    staged = stage_orders(raw(ORDERS), BERLIN).collect()

    assert len(expected) == 1471 + 26
    assert staged.select(columns).rows() == expected
    assert staged.schema == pl.Schema(dict(STAGED_ORDERS))


def test_every_recorded_line_is_staged_as_its_body_says() -> None:
    """Lines decide what people bought; none may be lost, doubled, or moved to another order."""
    expected = [
        (
            body["id"],
            line["id"],
            line["product_id"],
            line["variation_id"],
            line["sku"] or None,
            line["name"] or None,
            line["quantity"],
            Decimal(line["subtotal"]),
            Decimal(line["total"]),
            Decimal(line["total_tax"]),
        )
        for body in ORDERS
        for line in body["line_items"]
    ]

    staged = lines_of(raw(ORDERS)).collect()

    assert staged.rows() == expected
    assert staged.schema == pl.Schema(dict(STAGED_ORDER_LINES))


def test_recorded_refunds_take_their_order_from_parent_id() -> None:
    """A refund's body names no order in the nested route; the raw row does."""
    bodies = recorded("refunds")

    staged = stage_refunds(raw(bodies), BERLIN).collect()

    assert staged.select("refund_id", "order_id", "amount", "reason", "created_at").rows() == [
        (body["id"], body["parent_id"], Decimal(body["amount"]), body["reason"] or None, at(body["date_created_gmt"]))
        for body in bodies
    ]
    assert staged.schema == pl.Schema(dict(STAGED_REFUNDS))


def test_recorded_accounts_keep_every_role_and_null_dates() -> None:
    """Administrators buy too, and a user never saved through the shop has no modification date."""
    bodies = recorded("customers")

    staged = stage_customers(raw(bodies)).collect()

    assert staged.select(
        "woocommerce_id", "email", "role", "is_paying_customer", "created_at", "modified_at"
    ).rows() == [
        (
            body["id"],
            body["email"],
            body["role"],
            body["is_paying_customer"],
            at(body["date_created_gmt"]),
            at(body["date_modified_gmt"]),
        )
        for body in bodies
    ]
    assert staged["modified_at"].null_count() == 2
    assert staged.schema == pl.Schema(dict(STAGED_CUSTOMERS))


def test_the_empty_date_of_an_import_is_none() -> None:
    """PHP writes 0000-00-00 as -0001-11-30: one such account, and no list that holds it could be read."""
    bodies = [{"id": n, "date_created_gmt": f"{year}-11-30T00:00:00"} for n, year in enumerate(("-0001", "2021"))]

    staged = stage_customers(raw(bodies)).collect()

    assert staged["created_at"].to_list() == [None, datetime(2021, 11, 30, tzinfo=UTC)]


def test_addresses_are_staged_field_by_field_with_empty_as_null() -> None:
    """`is null` in a rule must find people without a phone number, which the shop sends as an empty text."""
    body = next(body for body in recorded("customers") if body["billing"]["city"])

    row = stage_customers(raw([body])).collect().row(0, named=True)

    assert row["billing"] == {name: body["billing"][name] or None for name in row["billing"]}
    assert row["shipping"] == {name: body["shipping"][name] or None for name in row["shipping"]}


def test_products_without_a_price_have_none() -> None:
    """An empty price is unknown, not free."""
    bodies = [*recorded("products"), {"id": 9, "name": "Grouped", "price": "", "categories": [{"id": 1, "name": "A"}]}]

    staged = stage_products(raw(bodies)).collect()

    assert staged["price"].to_list() == [Decimal(body["price"]) if body["price"] else None for body in bodies]
    assert staged.row(-1, named=True)["categories"] == ["A"]
    assert staged.schema == pl.Schema(dict(STAGED_PRODUCTS))


def test_categories_are_named_as_the_shop_shows_them() -> None:
    """WordPress sends "Tea &amp; Coffee"; a rule that asks for what the shop's pages say would find nobody."""
    names = ["Tea &amp; Coffee", "&lt;3", "A &amp;lt; B", "Plain"]
    body = {"id": 9, "categories": [{"id": 1, "name": name} for name in names]}

    staged = stage_products(raw([body])).collect()

    assert staged["categories"].to_list() == [["Tea & Coffee", "<3", "A &lt; B", "Plain"]]


def test_both_copies_of_the_autumn_hour_keep_their_order_and_their_day() -> None:
    """Two recorded orders say 02:30 local; only the UTC dates tell them apart, an hour from each other."""
    twice = [body for body in ORDERS if body["id"] in (54, 160)]
    assert {body["date_created"] for body in twice} == {"2025-10-26T02:30:00"}

    staged = stage_orders(raw(twice), BERLIN).collect()

    assert staged.select("order_id", "created_at", "order_day").rows() == [
        (54, datetime(2025, 10, 26, 0, 30, tzinfo=UTC), 20387),
        (160, datetime(2025, 10, 26, 1, 30, tzinfo=UTC), 20387),
    ]


@settings(deadline=None)
@given(st.decimals(min_value=-999_999_999_999, max_value=999_999_999_999, places=6, allow_nan=False))
def test_money_is_read_exactly(amount: Decimal) -> None:
    """No amount that the columns can hold may change on the way, not by a millionth: floats would."""
    assert orders_of({"id": 1, "total": format(amount, "f")})[0]["total"] == amount


@pytest.mark.parametrize("amount", ["", "abc", None, "1,50", "1000000000000", [], {}])
def test_an_amount_that_is_no_number_is_null(amount: object) -> None:
    """Null is what the quality checks count; a silent zero would publish wrong sums."""
    (row,) = orders_of({"id": 1, "total": amount, "currency": "EUR"})

    assert (row["total"], row["currency"]) == (None, "EUR")


def test_missing_extra_and_oddly_typed_keys_are_read_for_what_they_are() -> None:
    """Plugins add keys, drop keys, and send numbers as text and text as numbers."""
    odd = {"id": 3, "number": 12, "customer_id": "7", "total": "5", "unheard": {"of": [1]}, "refunds": [{"id": "4"}]}

    (row,) = orders_of(odd)

    assert row["number"] == "12"
    assert row["woocommerce_id"] == 7
    assert row["refund_ids"] == [4]
    assert (row["discount"], row["tax"]) == (Decimal(0), Decimal(0))
    assert (row["status"], row["coupons"], row["created_at"], row["order_day"]) == (None, None, None, None)


def test_an_id_beyond_64_bits_is_null_and_harms_nobody() -> None:
    """2^63 fits no column; the other rows of the batch must still be read."""
    rows = orders_of({"id": 1, "customer_id": 2**63}, {"id": 2, "customer_id": 2**63 - 1})

    assert [row["woocommerce_id"] for row in rows] == [None, 2**63 - 1]


def test_lists_that_php_wrote_as_objects_are_read_as_lists() -> None:
    """An array that a plugin filtered has gaps, and PHP encodes it as an object; and an empty object as a list."""
    body = {
        "id": 1,
        "total": "5.10",
        "line_items": {"3": {"id": 8, "quantity": 2, "total": "5.10", "subtotal": "5.10"}},
    }
    body |= {"billing": [], "coupon_lines": {}}

    (row,) = orders_of(body)

    assert (row["total"], row["items"], row["coupons"]) == (Decimal("5.10"), 2, [])
    assert row["billing"]["city"] is None
    assert lines_of(raw([body])).select("line_id", "total").collect().rows() == [(8, Decimal("5.10"))]


@pytest.mark.parametrize(
    "bad",
    [
        "",
        " ",
        "}",
        ",",
        "{",
        "null",
        "[]",
        '"text"',
        "<b>Notice</b>{}",
        '{"total": "1"',
        "[" * 5000,
        '{"a": ' * 5000,
        "{},{}",
    ],
)
def test_a_body_that_is_no_object_has_null_fields_and_leaves_its_neighbours_alone(bad: str) -> None:
    """One broken body must neither stop the batch nor vanish: the row stays, and the checks count it."""
    good = json.dumps({"total": "2.50", "status": "completed"})

    rows = orders_of(good, bad, good)

    assert [row["order_id"] for row in rows] == [1, 2, 3]
    assert [row["total"] for row in rows] == [Decimal("2.50"), None, Decimal("2.50")]
    assert [row["status"] for row in rows] == ["completed", None, "completed"]


def test_half_a_surrogate_pair_does_not_stop_a_repaired_body() -> None:
    """Valid JSON may hold what no text can; the row survives with a question mark."""
    rows = orders_of('{"number": "a\\ud800b", "coupon_lines": {}, "total": "1"}')

    assert (rows[0]["number"], rows[0]["total"]) == ("a?b", Decimal(1))


def test_nothing_raw_gives_nothing_staged_with_all_columns() -> None:
    """A new shop has no refunds and no products; the run must not fail on it."""
    nothing = empty(RAW)
    frames = {
        "orders": (stage_orders(nothing, BERLIN), STAGED_ORDERS),
        "lines": (lines_of(nothing), STAGED_ORDER_LINES),
        "refunds": (stage_refunds(nothing, BERLIN), STAGED_REFUNDS),
        "customers": (stage_customers(nothing), STAGED_CUSTOMERS),
        "products": (stage_products(nothing), STAGED_PRODUCTS),
    }

    for name, (lazy, schema) in frames.items():
        staged = lazy.collect()
        assert (name, staged.height, staged.schema) == (name, 0, pl.Schema(dict(schema)))
