"""Orders and refunds as published: whose they are, what was refunded, and whether they count.

- A row is *gone* when the shop said so after we last saw the row (a tombstone older than the row is superseded).
- An order *has a counted status* when its status is not in `not_counted`, it is not in the trash, and it is not gone.
- An order *counts* when it has a counted status and was created before `as_of`.
- A refund *counts* when it is dated before `as_of` and its order has a counted status, even where the order itself is
  not before `as_of`. It is dropped where the shop deleted it: a tombstone says so, or its order was seen later than the
  refund and no longer lists it (the shop announces the deletion of a refund by nothing else).

`orders.refunded` is what was refunded before `as_of` whether or not it counts, and `net` is `total - refunded`, which
may be negative: shops hold refunds above the total. A refund without its order has neither owner nor currency, and
never counts. Orders at or after `as_of` stay in the table; they do not count.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import polars as pl

from transforms.schemas import MONEY, TIME

NOTHING = pl.lit(Decimal(0), dtype=MONEY)
TRASH = "trash"


def with_deleted_at(rows: pl.LazyFrame, deletions: pl.LazyFrame, kind: str, key: str) -> pl.LazyFrame:
    """Return `rows` with `deleted_at`: when the shop said that the `kind` with this id (column `key`) is gone.

    Null where it did not, or where the row was observed at or after that. The deletions are collected here: they are
    few, and where there is none, millions of rows need no join.
    """
    tombstones = (
        deletions.filter(pl.col("object") == kind)
        .group_by(pl.col("id").alias(key))
        .agg(gone_at=pl.col("observed_at").max())
        .collect()
    )
    if tombstones.is_empty():
        return rows.with_columns(deleted_at=pl.lit(None, dtype=TIME))
    superseded = pl.col("observed_at") >= pl.col("gone_at")
    return (
        rows.join(tombstones.lazy(), on=key, how="left")
        .with_columns(deleted_at=pl.when(superseded.fill_null(value=False).not_()).then("gone_at"))
        .drop("gone_at")
    )


def placed_orders(orders: pl.LazyFrame, *, as_of: datetime, not_counted: Sequence[str]) -> pl.LazyFrame:
    """Return staged orders (with `deleted_at`, and whose they are) with `counted` and `status_counts`."""
    status_counts = (
        pl.col("status").is_in([*not_counted, TRASH]).not_().fill_null(value=False) & pl.col("deleted_at").is_null()
    )
    return orders.with_columns(
        status_counts=status_counts,
        counted=status_counts & before(as_of),
    )


def placed_refunds(refunds: pl.LazyFrame, orders: pl.LazyFrame, *, as_of: datetime) -> pl.LazyFrame:
    """Return staged refunds (with `deleted_at`) that the shop still has, with owner, currency and `counted`.

    `orders` is the result of `placed_orders`.
    """
    of_order = orders.select(
        "order_id",
        "customer_key",
        "currency",
        "status_counts",
        "refund_ids",
        order_seen="observed_at",
    )
    listed = pl.col("refund_id").is_in(pl.col("refund_ids"))
    dropped = (pl.col("order_seen") > pl.col("observed_at")) & listed.not_()
    return (
        refunds.join(of_order, on="order_id", how="left")
        .filter(pl.col("deleted_at").is_null() & dropped.fill_null(value=False).not_())
        .with_columns(counted=pl.col("status_counts").fill_null(value=False) & before(as_of))
    )


def with_refunded(orders: pl.LazyFrame, refunds: pl.LazyFrame, *, as_of: datetime) -> pl.LazyFrame:
    """Return placed orders with `refunded` and `net`, from placed refunds dated before `as_of`."""
    back = refunds.filter(before(as_of)).group_by("order_id").agg(refunded=pl.col("amount").sum())
    return (
        orders.join(back, on="order_id", how="left")
        .with_columns(refunded=pl.col("refunded").fill_null(NOTHING))
        .with_columns(net=pl.col("total") - pl.col("refunded"))
    )


def before(as_of: datetime) -> pl.Expr:
    """Return whether `created_at` lies before the exclusive instant `as_of`; false where it is unknown."""
    return (pl.col("created_at") < pl.lit(as_of, dtype=pl.Datetime("us", "UTC"))).fill_null(value=False)
