"""The invariants of figures: what breaks them, as rows of the published tables.

Each function takes the tables by name (`schemas.PUBLISHED`) and returns the rows that break one rule; none where all
is well. Money is compared exactly, as decimals.
"""

from collections.abc import Mapping

import polars as pl

Frames = Mapping[str, pl.LazyFrame]


def unread_orders(frames: Frames) -> pl.LazyFrame:
    """Return orders without a status or a currency."""
    return frames["orders"].filter(pl.any_horizontal(pl.col("status", "currency").is_null()))


def undated_orders(frames: Frames) -> pl.LazyFrame:
    """Return orders without a date."""
    return frames["orders"].filter(pl.any_horizontal(pl.col("created_at", "order_day").is_null()))


def undated_refunds(frames: Frames) -> pl.LazyFrame:
    """Return refunds without a date."""
    return frames["refunds"].filter(pl.any_horizontal(pl.col("created_at", "refund_day").is_null()))


def strangers(table: str, frames: Frames) -> pl.LazyFrame:
    """Return rows of `table` whose owner is nobody in `customers`."""
    return frames[table].join(frames["customers"].select("customer_key"), on="customer_key", how="anti")


def net_not_exact(frames: Frames) -> pl.LazyFrame:
    """Return rows of people, currencies and orders whose net is not what was paid less what came back."""
    wrong = pl.col("net").ne_missing(pl.col("gross") - pl.col("refunded"))
    columns = ("order_id", "customer_key", "net", "gross", "refunded")
    orders = frames["orders"].select("order_id", "customer_key", "net", "refunded", gross="total").select(columns)
    no_order = pl.lit(None, dtype=pl.Int64).alias("order_id")
    tables = (frames[name].with_columns(no_order).select(columns) for name in ("customers", "customer_currencies"))
    return pl.concat([table.filter(wrong) for table in (*tables, orders)])


def people_against_orders(frames: Frames) -> pl.LazyFrame:
    """Return people whose number of counted orders is not the number of their orders that count."""
    counted = frames["orders"].filter("counted").group_by("customer_key").agg(counted=pl.len().cast(pl.Int64))
    return (
        frames["customers"]
        .select("customer_key", "orders_count")
        .join(counted, on="customer_key", how="full", coalesce=True)
        .filter(pl.col("orders_count").fill_null(0) != pl.col("counted").fill_null(0))
    )


def currencies_against_rows(frames: Frames) -> pl.LazyFrame:
    """Return persons' currencies whose sums are not those of the counted orders and refunds."""
    keys = ["customer_key", "currency"]
    sold = (
        frames["orders"]
        .filter("counted")
        .group_by(keys)
        .agg(sold=pl.col("total").sum(), number=pl.len().cast(pl.Int64))
    )
    back = frames["refunds"].filter("counted").group_by(keys).agg(back=pl.col("amount").sum())
    joined = (
        frames["customer_currencies"]
        .select(*keys, "orders_count", "gross", "refunded")
        .join(sold, on=keys, how="full", coalesce=True)
        .join(back, on=keys, how="full", coalesce=True)
        .with_columns(pl.col("sold", "back", "gross", "refunded", "number", "orders_count").fill_null(0))
    )
    return joined.filter(
        (pl.col("gross") != pl.col("sold"))
        | (pl.col("refunded") != pl.col("back"))
        | (pl.col("orders_count") != pl.col("number"))
    )


def main_currency_not_listed(frames: Frames) -> pl.LazyFrame:
    """Return buyers whose figures are not those of one of their currencies."""
    columns = ["customer_key", "currency", "gross", "refunded", "net", "average_order"]
    buyers = frames["customers"].filter(pl.col("orders_count") > 0)
    return buyers.join(frames["customer_currencies"].select(columns), on=columns, how="anti")


def scores_wrong(frames: Frames) -> pl.LazyFrame:
    """Return buyers without complete scores from 1 to 5 and a group, and others who have any."""
    scores = pl.col("r", "f", "m")
    complete = pl.all_horizontal(scores.is_between(1, 5).fill_null(value=False), pl.col("rfm_group").is_not_null())
    absent = pl.all_horizontal(scores.is_null(), pl.col("rfm_group").is_null())
    return frames["customers"].filter(pl.when(pl.col("orders_count") > 0).then(complete).otherwise(absent).not_())


def figures_without_orders(frames: Frames) -> pl.LazyFrame:
    """Return people whose dates, currency or money do not fit their number of orders."""
    dated = pl.all_horizontal(pl.col("currency", "first_order_at", "last_order_at", "recency_days").is_not_null())
    bare = pl.all_horizontal(pl.col("currency", "first_order_at", "last_order_at", "recency_days").is_null())
    zero = pl.all_horizontal((pl.col("gross", "refunded", "net") == 0).fill_null(value=False))
    fits = pl.when(pl.col("orders_count") > 0).then(dated).otherwise(bare & zero)
    return frames["customers"].filter(fits.not_())


def as_of_differs(frames: Frames) -> pl.LazyFrame:
    """Return the instants that tables are as of, where these are several or unknown."""
    stamps = pl.concat([frames[name].select("as_of").unique() for name in ("customers", "rfm_cuts")])
    return stamps.unique().filter((pl.len() > 1) | pl.col("as_of").is_null())


def counted_after_as_of(frames: Frames) -> pl.LazyFrame:
    """Return counted orders and refunds at or after the as-of instant."""
    as_of = frames["customers"].select(pl.col("as_of").max())
    orders = frames["orders"].select(
        pl.lit(None, dtype=pl.Int64).alias("refund_id"), "order_id", "created_at", "counted"
    )
    rows = pl.concat([orders, frames["refunds"].select("refund_id", "order_id", "created_at", "counted")])
    return rows.filter("counted").join(as_of, how="cross").filter(pl.col("created_at") >= pl.col("as_of"))


def habits_wrong(frames: Frames) -> pl.LazyFrame:
    """Return people whose habits do not fit their number of orders.

    Gaps are known from the second order on and not below 0; months are at least one for buyers, at most one an order;
    without an order nothing was bought; a refund rate needs something paid.
    """
    orders = pl.col("orders_count")
    gaps = pl.col("median_days_between", "days_to_second")
    several = pl.all_horizontal((gaps >= 0).fill_null(value=False))
    rhythm = pl.when(orders > 1).then(several).otherwise(pl.all_horizontal(gaps.is_null()))
    months = pl.col("active_months").is_between(pl.min_horizontal(orders, 1), orders).fill_null(value=False)
    bought = pl.sum_horizontal("products_count", pl.col("categories", "coupons").list.len(), ignore_nulls=False)
    known = (bought >= 0).fill_null(value=False) & ((orders > 0) | (bought == 0))
    rate = (pl.col("gross") != 0) | pl.col("refund_rate").is_null()
    return frames["customers"].filter((rhythm & months & known & rate).not_())


def identities_against_orders(frames: Frames) -> pl.LazyFrame:
    """Return identities whose orders are not those the orders table has under them, or belong to somebody else."""
    placed = frames["orders"].group_by("identity", owner="customer_key").agg(placed=pl.len().cast(pl.Int64))
    return (
        frames["identities"]
        .select("identity", "customer_key", "orders")
        .join(placed, on="identity", how="full", coalesce=True, nulls_equal=True)
        .filter(
            pl.col("customer_key").ne_missing(pl.coalesce("owner", "customer_key"))
            | pl.col("identity").is_null()
            | pl.col("customer_key").is_null()
            | (pl.col("orders").fill_null(0) != pl.col("placed").fill_null(0))
        )
        .select("identity", customer_key=pl.coalesce("owner", "customer_key"))
    )
