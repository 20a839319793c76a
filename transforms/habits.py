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

from transforms.pairs import distinct, in_order
from transforms.rules import fold

COUNT = pl.Int64
NO_TEXTS = pl.lit([], dtype=pl.List(pl.String))


def habits(orders: pl.LazyFrame, order_lines: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row for each person with a counted order, from placed orders, order lines and products.

    `customer_key` may be of any type; whole numbers are quickest. Worked out here, and not in the plan that is
    returned: what was sorted once serves several figures. Columns: `customer_key`, `median_days_between` (median of the
    gaps, Float64; null under two orders), `days_to_second` (shop days from the first counted order to the second; null
    under two), `active_months` (distinct months with a counted order), `products_count` (distinct products),
    `categories` (of these, distinct, sorted) and `coupons` (folded codes, distinct, sorted); the lists are empty where
    there is none.
    """
    counted = orders.filter("counted").select("order_id", "customer_key", "order_day", "coupons")
    if counted.collect_schema()["customer_key"].is_integer():
        return _by_number(counted, order_lines, products)
    keys = counted.select("customer_key").unique().collect().with_row_index("number").lazy()
    numbered = counted.join(keys, on="customer_key").drop("customer_key").rename({"number": "customer_key"})
    found = _by_number(numbered.collect(engine="streaming").lazy(), order_lines, products)
    return found.rename({"customer_key": "number"}).join(keys, on="number").drop("number")


def _by_number(counted: pl.LazyFrame, order_lines: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    bought = _bought_by_id(counted, order_lines)
    amounts = _amounts(bought, _bought_by_name(counted, order_lines))
    categories = _categories(bought, products)
    return (
        _rhythm(counted)
        .join(amounts, on="customer_key", how="left")
        .join(categories, on="customer_key", how="left")
        .join(_coupons(counted), on="customer_key", how="left")
        .with_columns(pl.col("products_count").fill_null(0), pl.col("categories", "coupons").fill_null(NO_TEXTS))
    )


def _rhythm(counted: pl.LazyFrame) -> pl.LazyFrame:
    """Return `customer_key, median_days_between, days_to_second, active_months`."""
    day, date = pl.col("order_day"), pl.col("order_day").cast(pl.Date).dt
    month = date.year().cast(pl.Int32) * 12 + date.month()
    same = pl.col("customer_key").eq(pl.col("customer_key").shift()).fill_null(value=False)
    days = in_order(counted.select("customer_key", "order_day").collect(engine="streaming"))
    return (
        days.lazy()
        .with_columns(gap=pl.when(same).then(day.diff()), new_month=~same | (month != month.shift()))
        .group_by("customer_key", maintain_order=True)
        .agg(
            median_days_between=pl.col("gap").median(),
            days_to_second=pl.col("gap").get(1, null_on_oob=True),
            active_months=pl.col("new_month").sum().cast(COUNT),
        )
        .collect()
        .lazy()
    )


def _bought_by_id(counted: pl.LazyFrame, order_lines: pl.LazyFrame) -> pl.DataFrame:
    """Return `customer_key, product_id`, each product of a person once, in this order."""
    lines = order_lines.filter(pl.col("product_id") > 0).select("order_id", "product_id")
    owners = counted.select("order_id", "customer_key")
    return distinct(lines.join(owners, on="order_id").select("customer_key", "product_id").collect(engine="streaming"))


def _bought_by_name(counted: pl.LazyFrame, order_lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return `customer_key, by_name`, each product of a person once, of lines that lack its id."""
    has_id = (pl.col("product_id") > 0).fill_null(value=False)
    named = pl.coalesce(pl.lit("sku ") + pl.col("sku"), pl.lit("name ") + pl.col("name"))
    others = order_lines.filter(~has_id).select("order_id", by_name=named).drop_nulls()
    return others.join(counted, on="order_id").select("customer_key", "by_name").unique()


def _amounts(bought: pl.DataFrame, by_name: pl.LazyFrame) -> pl.LazyFrame:
    """Return `customer_key, products_count`."""
    counts = [
        rows.group_by("customer_key").agg(products_count=pl.len().cast(COUNT)) for rows in (bought.lazy(), by_name)
    ]
    return pl.concat(pl.collect_all(counts)).lazy().group_by("customer_key").agg(pl.col("products_count").sum())


def _categories(bought: pl.DataFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """Return `customer_key, categories`."""
    filed = products.select("product_id", "categories").explode("categories").drop_nulls().collect()
    names = filed["categories"].unique().sort()
    numbers = pl.LazyFrame({"categories": names}).with_row_index("number")
    numbered = filed.lazy().join(numbers, on="categories").select("product_id", "number")
    pairs = bought.lazy().join(numbered, on="product_id").select("customer_key", "number")
    return _listed(distinct(pairs.collect(engine="streaming")), names)


def _coupons(counted: pl.LazyFrame) -> pl.LazyFrame:
    """Return `customer_key, coupons`."""
    used = (
        counted.filter(pl.col("coupons").list.len() > 0).select("customer_key", "coupons").explode("coupons").collect()
    )
    folded = fold(pl.col("coupons").str.strip_chars()).alias("folded")
    codes = used.select(pl.col("coupons").unique()).with_columns(folded).filter(pl.col("folded") != "")
    names = codes["folded"].unique().sort().alias("coupons")
    numbers = pl.DataFrame({"folded": names}).with_row_index("number")
    pairs = used.join(codes.join(numbers, on="folded"), on="coupons").select("customer_key", "number")
    return _listed(distinct(pairs), names)


def _listed(pairs: pl.DataFrame, names: pl.Series) -> pl.LazyFrame:
    """Return `customer_key` and a list column named as `names`: those at the `number` of a person's pairs."""
    texts = pairs.select("customer_key", names.gather(pairs["number"]))
    return texts.lazy().group_by("customer_key", maintain_order=True).agg(names.name).collect().lazy()
