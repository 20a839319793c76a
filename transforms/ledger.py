"""The rows behind the money: what an order's total is made of, and the entries that a person's figures are sums of.

An order's total, as the shop has it, holds every line with its tax, shipping with its tax, fees, and what rounding
left over. The shop's fee lines are not staged, so fees and rounding are one row: whatever the rest of the total is.
Nothing here is rounded: the rows of an order add up to its total to the last digit, and the entries that count add up
to gross, refunded and net of `customer_currencies`.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import polars as pl

from transforms.orders import before
from transforms.schemas import MONEY

NOTHING = pl.lit(Decimal(0), dtype=MONEY)
LINE, SHIPPING, REST = "line", "shipping", "fees and rounding"
COMPONENTS: Mapping[str, pl.DataType] = {
    "order_id": pl.Int64(),
    "kind": pl.String(),
    "line_id": pl.Int64(),
    "name": pl.String(),
    "sku": pl.String(),
    "quantity": pl.Int64(),
    "amount": MONEY,
}
# Why an entry does not count, for people. The first that fits is told.
WHY_NOT: Mapping[str, str] = {
    "no order": "its order is not known",
    "deleted": "the shop deleted the order",
    "later": "it is not before the day of the figures",
    "status": "orders with this status do not count",
}


def order_components(orders: pl.LazyFrame, order_lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return COMPONENTS: the rows that each order's `total` is made of, in the order of a receipt.

    `kind` is 'line' (a row each, amount with tax), 'shipping' (with its tax) or 'fees and rounding' (the rest; negative
    where the shop took something off). The last two are left out where they are 0. `orders` and `order_lines` have the
    columns of `schemas.ORDERS` and `ORDER_LINES`; a `shipping_tax` that is null, as in versions that an earlier release
    published, stands in the rest. Where an amount could not be read there is no rest, and no sum to speak of.
    """
    of_orders = order_lines.join(orders.select("order_id"), on="order_id", how="semi")
    lines = of_orders.select(
        "order_id", "line_id", "name", "sku", "quantity", kind=pl.lit(LINE), amount=pl.col("total") + pl.col("tax")
    )
    shipping = pl.col("shipping") + pl.col("shipping_tax").fill_null(NOTHING)
    of_lines = lines.group_by("order_id").agg(listed=pl.col("amount").sum(), unread=pl.col("amount").is_null().any())
    totals = orders.select("order_id", "total", shipping=shipping).join(of_lines, on="order_id", how="left")
    rest = pl.col("total") - pl.col("listed").fill_null(NOTHING) - pl.col("shipping")
    known_rest = pl.when(pl.col("unread").fill_null(value=False).not_()).then(rest)
    parts = [
        _part(lines),
        _part(totals.select("order_id", kind=pl.lit(SHIPPING), amount="shipping").filter(pl.col("amount") != 0)),
        _part(totals.select("order_id", kind=pl.lit(REST), amount=known_rest).filter(pl.col("amount") != 0)),
    ]
    rank = pl.col("kind").replace_strict({LINE: 0, SHIPPING: 1, REST: 2}, return_dtype=pl.Int8)
    return pl.concat(parts).sort("order_id", rank, "line_id")


def _part(rows: pl.LazyFrame) -> pl.LazyFrame:
    there = rows.collect_schema().names()
    return rows.select(
        (pl.col(name) if name in there else pl.lit(None)).cast(dtype).alias(name) for name, dtype in COMPONENTS.items()
    )


def spend_ledger(orders: pl.LazyFrame, refunds: pl.LazyFrame, *, as_of: datetime) -> pl.LazyFrame:
    """Return one entry for each order and refund, with whether it counts and why not, by person, currency and time.

    Columns: `customer_key, currency, kind` ('order' or 'refund'), `order_id, refund_id, at, status` (the order's),
    `amount` (an order's total; a refund's amount below 0), `counted`, `why_not` (a key of WHY_NOT; null where it
    counts). `orders` and `refunds` have the columns of `schemas.ORDERS` and `REFUNDS`, `as_of` is their instant.

    For each person and currency the counted orders add up to `gross`, the counted refunds to `-refunded`, all counted
    entries to `net`. A refund without its order has neither person nor currency.
    """
    bought = orders.select(
        "customer_key",
        "currency",
        "order_id",
        "status",
        "counted",
        kind=pl.lit("order"),
        refund_id=pl.lit(None, dtype=pl.Int64),
        at="created_at",
        amount="total",
        why_not=_why_not(known=pl.lit(value=True), as_of=as_of),
    )
    of_order = orders.select("order_id", "status", "deleted_at", known=pl.lit(value=True))
    back = refunds.join(of_order, on="order_id", how="left").select(
        "customer_key",
        "currency",
        "order_id",
        "status",
        "counted",
        "refund_id",
        kind=pl.lit("refund"),
        at="created_at",
        amount=(NOTHING - pl.col("amount")).cast(MONEY),
        why_not=_why_not(known=pl.col("known").is_not_null(), as_of=as_of),
    )
    entries = pl.concat([bought, back], how="diagonal")
    ordered = (
        "customer_key",
        "currency",
        "kind",
        "order_id",
        "refund_id",
        "at",
        "status",
        "amount",
        "counted",
        "why_not",
    )
    return entries.select(ordered).sort("customer_key", "currency", "at", "order_id", "refund_id", nulls_last=False)


def _why_not(*, known: pl.Expr, as_of: datetime) -> pl.Expr:
    return (
        pl.when("counted")
        .then(pl.lit(None, dtype=pl.String))
        .when(known.not_())
        .then(pl.lit("no order"))
        .when(pl.col("deleted_at").is_not_null())
        .then(pl.lit("deleted"))
        .when(before(as_of).not_())
        .then(pl.lit("later"))
        .otherwise(pl.lit("status"))
    )
