"""How people buy: gaps between orders, months with an order, what they bought, and with which coupons.

All of it goes over a person's counted orders (see `transforms.orders`), whatever their currency. A *gap* is the number
of shop days between two consecutive counted orders; two orders of one day are 0 days apart. A *month* is a calendar
month on the shop's clock. A *product* is known by its id; a line without one (the shop writes 0 when a product is
deleted) by its SKU, else by its name, both as the shop wrote them. Categories are those the shop
files a product under today, or last did where it deleted the product. Coupon codes are folded like texts in rules, since the
shop takes `SUMMER` and `summer` for one code.

Whom a person's habits depend on: that person's counted orders and their lines, and the products. Nothing is rounded.
"""

import polars as pl

from transforms.rules import fold

COUNT = pl.Int64
NO_TEXTS = pl.lit([], dtype=pl.List(pl.String))


def habits(orders: pl.LazyFrame, order_lines: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row for each person with a counted order, from placed orders, order lines and products.

    `customer_key` may be of any type; whole numbers are quickest. What was bought is collected here, since two figures
    ask for it. Columns: `customer_key`, `median_days_between` (median of the gaps, Float64; null under two orders),
    `days_to_second` (shop days from the first counted order to the second; null under two), `active_months` (distinct
    months with a counted order), `products_count` (distinct products), `categories` (of these, distinct, sorted) and
    `coupons` (folded codes, distinct, sorted); the lists are empty where there is none.
    """
    counted = orders.filter("counted").select("order_id", "customer_key", "order_day", "coupons")
    bought = _bought(counted, order_lines).collect(engine="streaming").lazy()
    return (
        _rhythm(counted)
        .join(bought.group_by("customer_key").agg(products_count=pl.len().cast(COUNT)), on="customer_key", how="left")
        .join(_categories(bought, products), on="customer_key", how="left")
        .join(_coupons(counted), on="customer_key", how="left")
        .with_columns(pl.col("products_count").fill_null(0), pl.col("categories", "coupons").fill_null(NO_TEXTS))
    )


def _rhythm(counted: pl.LazyFrame) -> pl.LazyFrame:
    """Return `customer_key, median_days_between, days_to_second, active_months`."""
    date = pl.col("order_day").cast(pl.Date).dt
    # Lists of one group_by, not windows: each person's days are gathered once and sorted within.
    days = counted.group_by("customer_key").agg(
        days=pl.col("order_day").sort(),
        active_months=(date.year().cast(pl.Int32) * 12 + date.month()).n_unique().cast(COUNT),
    )
    ordered = pl.col("days").list
    return days.select(
        "customer_key",
        "active_months",
        median_days_between=ordered.diff(null_behavior="drop").list.median(),
        days_to_second=ordered.get(1, null_on_oob=True) - ordered.first(),
    )


def _bought(counted: pl.LazyFrame, order_lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return `customer_key, product_id, by_name`, each product of a person once; `by_name` stands in for a lacking id."""
    has_id = (pl.col("product_id") > 0).fill_null(value=False)
    named = pl.coalesce(pl.lit("sku ") + pl.col("sku"), pl.lit("name ") + pl.col("name"))
    owners = counted.select("order_id", "customer_key")
    # Apart, since nearly all lines have an id, and texts are slow to compare.
    by_id = order_lines.filter(has_id).select("order_id", "product_id").join(owners, on="order_id")
    others = order_lines.filter(~has_id).select("order_id", by_name=named).drop_nulls().join(owners, on="order_id")
    return pl.concat(
        [
            by_id.select("customer_key", "product_id").unique(),
            others.select("customer_key", "by_name").unique(),
        ],
        how="diagonal",
    )


def _categories(bought: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Return `customer_key, categories`; by numbers of categories, in the order of their names, until the last step."""
    filed = products.select("product_id", "categories").explode("categories").drop_nulls().collect()
    names = filed["categories"].unique().sort()
    numbers = pl.DataFrame({"categories": names}).with_row_index("number")
    filed = filed.join(numbers, on="categories").select("product_id", "number")
    return (
        bought.select("customer_key", "product_id")
        .join(filed.lazy(), on="product_id", how="inner")
        .group_by("customer_key")
        .agg(pl.col("number").unique().sort())
        .explode("number")
        .join(numbers.lazy(), on="number", how="left", maintain_order="left")
        .group_by("customer_key", maintain_order=True)
        .agg("categories")
    )


def _coupons(counted: pl.LazyFrame) -> pl.LazyFrame:
    return (
        counted.filter(pl.col("coupons").list.len() > 0)
        .select("customer_key", "coupons")
        .explode("coupons")
        .select("customer_key", coupons=fold(pl.col("coupons").str.strip_chars()))
        .filter(pl.col("coupons") != "")
        .unique()
        .group_by("customer_key")
        .agg(pl.col("coupons").sort())
    )
