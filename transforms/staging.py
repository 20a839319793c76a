"""Staging: the shop's bodies as typed tables, one row for each raw row (order lines: one for each line).

Keys come from the raw row (`id`; a refund's order is `parent_id`), everything else from the body. Dates come only from
the `*_gmt` fields: the local ones are ambiguous in the autumn hour. Money is read from its text and never passes
through a float; a line's `price` is a JSON float and is left out (`total / quantity` says the same). `""` is null.

Amounts that must be there (an order's `total`, a refund's `amount`, a line's totals) are null where they cannot be
read, and block the publish; `discount`, `shipping`, `shipping_tax` and `tax` are 0 where the shop sends none. As in the
shop's own figures `total` holds tax and shipping, while `discount` and `shipping` are without their tax; `tax` holds
all of it, `shipping_tax` included.
"""

from decimal import Decimal

import polars as pl

from transforms.bodies import TEXT, address, boolean, decode, instant, integer, money, quantity, term, text, texts
from transforms.days import shop_day
from transforms.schemas import BILLING, SHIPPING, conform
from transforms.staged_schemas import (
    STAGED_CUSTOMERS,
    STAGED_ORDER_LINES,
    STAGED_ORDERS,
    STAGED_PRODUCTS,
    STAGED_REFUNDS,
)

BILLING_FIELDS = [field.name for field in BILLING.fields]
SHIPPING_FIELDS = [field.name for field in SHIPPING.fields]
ADDRESSES = [pl.Field("billing", BILLING), pl.Field("shipping", SHIPPING)]
NOTHING = pl.lit(Decimal(0), dtype=pl.Decimal(18, 6))

LINE = pl.Struct(
    texts("id", "product_id", "variation_id", "sku", "name", "quantity", "subtotal", "total", "total_tax"),
)
ORDER = pl.Struct(
    [
        *texts("number", "status", "currency", "customer_id", "payment_method"),
        *texts("total", "discount_total", "shipping_total", "shipping_tax", "total_tax"),
        *texts("date_created_gmt", "date_paid_gmt", "date_completed_gmt", "date_modified_gmt"),
        *ADDRESSES,
        pl.Field("coupon_lines", pl.List(pl.Struct(texts("code")))),
        pl.Field("refunds", pl.List(pl.Struct(texts("id")))),
        pl.Field("line_items", pl.List(LINE)),
    ]
)
REFUND = pl.Struct(texts("amount", "reason", "date_created_gmt"))
CUSTOMER = pl.Struct(
    [
        *texts("email", "first_name", "last_name", "username", "role", "is_paying_customer", "avatar_url"),
        *texts("date_created_gmt", "date_modified_gmt"),
        *ADDRESSES,
    ]
)
PRODUCT = pl.Struct(
    [
        *texts("name", "sku", "type", "status", "price", "date_created_gmt", "date_modified_gmt"),
        pl.Field("categories", pl.List(pl.Struct([pl.Field("name", TEXT)]))),
    ]
)


def stage_orders_and_lines(raw: pl.LazyFrame, timezone: str) -> dict[str, pl.LazyFrame]:
    """Return `orders` (STAGED_ORDERS, see `stage_orders`) and `order_lines` (STAGED_ORDER_LINES) from raw orders (RAW).

    A line is a row; an order without lines gives none. Collect them together (`pl.collect_all`), since they share the bodies, whose reading is most of the work.
    """
    decoded = _decoded_orders(raw).cache()
    return {"orders": _orders(decoded, timezone), "order_lines": _order_lines(decoded)}


def stage_orders(raw: pl.LazyFrame, timezone: str) -> pl.LazyFrame:
    """Return STAGED_ORDERS from raw orders (RAW), one row each. `timezone` decides `order_day`.

    `woocommerce_id` is 0 for a guest and null where the body is unreadable; `items` is the number of pieces.
    """
    return _orders(_decoded_orders(raw), timezone)


def _decoded_orders(raw: pl.LazyFrame) -> pl.LazyFrame:
    return raw.select("id", "observed_at", body=decode(pl.col("body"), ORDER))


def _orders(decoded: pl.LazyFrame, timezone: str) -> pl.LazyFrame:
    body = pl.col("body").struct.field
    staged = decoded.select(
        "observed_at",
        order_id="id",
        number=text(body("number")),
        status=text(body("status")),
        currency=text(body("currency")),
        woocommerce_id=integer(body("customer_id")),
        email=text(body("billing").struct.field("email").str.strip_chars()),
        billing=address(body("billing"), BILLING_FIELDS),
        shipping_address=address(body("shipping"), SHIPPING_FIELDS),
        total=money(body("total")),
        discount=money(body("discount_total")).fill_null(NOTHING),
        shipping=money(body("shipping_total")).fill_null(NOTHING),
        shipping_tax=money(body("shipping_tax")).fill_null(NOTHING),
        tax=money(body("total_tax")).fill_null(NOTHING),
        payment_method=text(body("payment_method")),
        coupons=body("coupon_lines").list.eval(pl.element().struct.field("code")),
        refund_ids=body("refunds").list.eval(integer(pl.element().struct.field("id"))),
        items=body("line_items").list.eval(quantity(pl.element().struct.field("quantity"))).list.sum(),
        created_at=instant(body("date_created_gmt")),
        paid_at=instant(body("date_paid_gmt")),
        completed_at=instant(body("date_completed_gmt")),
        modified_at=instant(body("date_modified_gmt")),
    )
    return conform(staged.with_columns(order_day=shop_day(pl.col("created_at"), timezone)), STAGED_ORDERS)


def _order_lines(decoded: pl.LazyFrame) -> pl.LazyFrame:
    line = pl.col("line").struct.field
    lines = (
        decoded.select("id", line=pl.col("body").struct.field("line_items"))
        .filter(pl.col("line").list.len() > 0)
        .explode("line")
    )
    return conform(
        lines.select(
            order_id="id",
            line_id=integer(line("id")),
            product_id=integer(line("product_id")),
            variation_id=integer(line("variation_id")),
            sku=text(line("sku")),
            name=text(line("name")),
            quantity=quantity(line("quantity")),
            subtotal=money(line("subtotal")),
            total=money(line("total")),
            tax=money(line("total_tax")).fill_null(NOTHING),
        ),
        STAGED_ORDER_LINES,
    )


def stage_refunds(raw: pl.LazyFrame, timezone: str) -> pl.LazyFrame:
    """Return STAGED_REFUNDS from raw refunds (RAW). `amount` is positive; the shop gives a refund no currency."""
    body = pl.col("body").struct.field
    staged = raw.select("id", "parent_id", "observed_at", body=decode(pl.col("body"), REFUND)).select(
        "observed_at",
        refund_id="id",
        order_id="parent_id",
        amount=money(body("amount")),
        reason=text(body("reason")),
        created_at=instant(body("date_created_gmt")),
    )
    return conform(staged.with_columns(refund_day=shop_day(pl.col("created_at"), timezone)), STAGED_REFUNDS)


def stage_customers(raw: pl.LazyFrame) -> pl.LazyFrame:
    """Return STAGED_CUSTOMERS from raw customers (RAW): accounts of every role. `modified_at` may be null."""
    body = pl.col("body").struct.field
    staged = raw.select("id", "observed_at", body=decode(pl.col("body"), CUSTOMER)).select(
        "observed_at",
        woocommerce_id="id",
        email=text(body("email").str.strip_chars()),
        first_name=text(body("first_name")),
        last_name=text(body("last_name")),
        username=text(body("username")),
        role=text(body("role")),
        is_paying_customer=boolean(body("is_paying_customer")),
        avatar_url=text(body("avatar_url")),
        billing=address(body("billing"), BILLING_FIELDS),
        shipping=address(body("shipping"), SHIPPING_FIELDS),
        created_at=instant(body("date_created_gmt")),
        modified_at=instant(body("date_modified_gmt")),
    )
    return conform(staged, STAGED_CUSTOMERS)


def stage_products(raw: pl.LazyFrame) -> pl.LazyFrame:
    """Return STAGED_PRODUCTS from raw products (RAW). `price` is null where a product has none."""
    body = pl.col("body").struct.field
    staged = raw.select("id", "observed_at", body=decode(pl.col("body"), PRODUCT)).select(
        "observed_at",
        product_id="id",
        name=text(body("name")),
        sku=text(body("sku")),
        type=text(body("type")),
        status=text(body("status")),
        price=money(body("price")),
        categories=body("categories").list.eval(term(pl.element().struct.field("name"))),
        created_at=instant(body("date_created_gmt")),
        modified_at=instant(body("date_modified_gmt")),
    )
    return conform(staged, STAGED_PRODUCTS)
