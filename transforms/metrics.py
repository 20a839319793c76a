"""What people spent: per person and currency, and per person in the main currency.

Counted orders and counted refunds only (see `transforms.orders`). `gross` is the sum of order totals, `refunded` of
refund amounts, `net = gross - refunded`, exactly; `net` is negative where more came back than was paid before `as_of`.
`average_order` is `net / orders_count` of the same currency, `refund_rate` is `refunded / gross`; both are rounded half
to even at the sixth decimal, in decimal arithmetic, and nothing else is rounded. Money of different currencies is never added.

The *main currency* of a person is that of most counted orders; on a tie that of the latest order, then the first in the
alphabet. A person without a counted order has no currency, no dates, and zero orders and money (also where a refund is
dated before `as_of` and its order is not: `customer_currencies` still shows that refund).
"""

from datetime import datetime
from decimal import Decimal

import polars as pl

from transforms.days import day_number
from transforms.schemas import MONEY

NOTHING = pl.lit(Decimal(0), dtype=MONEY)
COUNT = pl.Int64


def currency_totals(orders: pl.LazyFrame, refunds: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row for each person and currency with a counted order or refund, from placed orders and refunds.

    Columns: `customer_key, currency, orders_count, gross, refunded, net, average_order` (0 without an order),
    `first_order_at, last_order_at, last_day` (shop day of the latest).
    """
    keys = ["customer_key", "currency"]
    sold = (
        orders.filter("counted")
        .group_by(keys)
        .agg(
            orders_count=pl.len().cast(COUNT),
            gross=pl.col("total").sum(),
            first_order_at=pl.col("created_at").min(),
            last_order_at=pl.col("created_at").max(),
            last_day=pl.col("order_day").max(),
        )
    )
    back = refunds.filter("counted").group_by(keys).agg(refunded=pl.col("amount").sum())
    return (
        sold.join(back, on=keys, how="full", coalesce=True, nulls_equal=True)
        .with_columns(
            pl.col("orders_count").fill_null(0),
            pl.col("gross", "refunded").cast(MONEY).fill_null(NOTHING),
        )
        .with_columns(net=pl.col("gross") - pl.col("refunded"))
        .with_columns(average_order=average(pl.col("net"), pl.col("orders_count")))
    )


def average(amount: pl.Expr, count: pl.Expr) -> pl.Expr:
    """Return money divided by a count, half to even at the sixth decimal; 0 where the count is 0."""
    quotient = amount.cast(pl.Decimal(38, 6)) / count.cast(pl.Decimal(38, 0))
    return pl.when(count > 0).then(quotient.cast(MONEY)).otherwise(NOTHING)


def refund_rate(refunded: pl.Expr, gross: pl.Expr) -> pl.Expr:
    """Return refunded money divided by gross, half to even at the sixth decimal, in decimal arithmetic.

    Above 1 where more came back than was paid before `as_of`; null where gross is 0, and where the rate has more than
    twelve digits before the point (a refund of a million on an order of a millionth).
    """
    # Polars refuses to divide a decimal by 0, also in a branch that is not taken.
    some = pl.when(gross != 0).then(gross)
    return (refunded.cast(pl.Decimal(38, 6)) / some.cast(pl.Decimal(38, 6))).cast(MONEY, strict=False)


def customer_totals(currencies: pl.LazyFrame, *, as_of: datetime, timezone: str) -> pl.LazyFrame:
    """Return one row for each person with a counted order, from `currency_totals`; money in the main currency.

    `orders_count`, `first_order_at`, `last_order_at` and `recency_days` (from the day of the last order to the day that
    begins at `as_of`) go over all currencies; `refund_rate` is that of the main one.
    """
    of_main = pl.col("currency", "gross", "refunded", "net", "average_order")
    return (
        currencies.filter(pl.col("orders_count") > 0)
        .group_by("customer_key")
        .agg(
            of_main.sort_by("orders_count", "last_order_at", "currency", descending=[True, True, False]).first(),
            pl.col("orders_count").sum(),
            pl.col("first_order_at").min(),
            pl.col("last_order_at").max(),
            recency_days=pl.lit(day_number(as_of, timezone), dtype=pl.Int32) - pl.col("last_day").max(),
        )
        .with_columns(refund_rate=refund_rate(pl.col("refunded"), pl.col("gross")))
    )


def with_figures(everybody: pl.LazyFrame, scored: pl.LazyFrame, habits: pl.LazyFrame) -> pl.LazyFrame:
    """Return people (`customer_key`) with the columns of `customer_totals` as scored, and of `habits.habits`.

    People without a counted order have zero counts and money, empty lists, and null otherwise. `segments` is empty.
    Rows stay in the order of `everybody`.
    """
    nothing = pl.lit([], dtype=pl.List(pl.String))
    figures = everybody
    for found in (scored, habits):
        figures = figures.join(found, on="customer_key", how="left", maintain_order="left")
    return figures.with_columns(
        pl.col("orders_count", "active_months", "products_count").fill_null(0),
        pl.col("gross", "refunded", "net", "average_order").fill_null(NOTHING),
        pl.col("categories", "coupons").fill_null(nothing),
        segments=nothing,
    )
