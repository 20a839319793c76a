"""RFM by cuts: three scores from 1 to 5, and one of eleven groups that follows from them.

Population: people with at least one counted order before `as_of`. Recency is `recency_days`, frequency `orders_count`,
monetary `net` in the person's main currency. The cuts are the 20, 40, 60 and 80 % quantiles with linear interpolation,
over everybody for recency and frequency, within each main currency for money.

F and M are 1 + the number of cuts strictly below the value, R is 5 - the number of cuts strictly below the recency. So
equal values always score the same, and where everybody is equal, everybody has F = M = 1 and R = 5: scores say how a
person stands among the others. The group follows from R and the rounded-up mean of F and M.

Money is compared as Float64 (cuts lie between two values); it decides on a score, it never becomes an amount.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

QUANTILES = (0.2, 0.4, 0.6, 0.8)
CUTS = ("cut_20", "cut_40", "cut_60", "cut_80")

RFM_GROUPS = (
    "Champions",
    "Loyal",
    "Potential loyalists",
    "New",
    "Promising",
    "Need attention",
    "About to sleep",
    "At risk",
    "Can't lose",
    "Hibernating",
    "Lost",
)
RFM_MEANINGS: Mapping[str, str] = {
    "Champions": "Bought very recently, buy often and spend most.",
    "Loyal": "Buy often or spend much, and bought not long ago.",
    "Potential loyalists": "Bought recently and have come back a few times.",
    "New": "Bought very recently, with few orders and little spent so far.",
    "Promising": "Bought fairly recently, with few orders and little spent so far.",
    "Need attention": "Middling buyers whose last order is getting old.",
    "About to sleep": "Few orders, little spent, and none for a good while.",
    "At risk": "Were good or middling customers and have not bought for long.",
    "Can't lose": "Were among the best customers and have not bought for very long.",
    "Hibernating": "Bought a little, very long ago.",
    "Lost": "Bought least, and longest ago.",
}
# First digit R, second the rounded-up mean of F and M: all 25 pairs.
GROUP_CELLS: Mapping[str, str] = {
    "Champions": "55 54 45",
    "Loyal": "53 44 35 34",
    "Potential loyalists": "52 42 33 43",
    "New": "51",
    "Promising": "41 31",
    "Need attention": "32 23 22",
    "About to sleep": "21",
    "At risk": "25 24 13",
    "Can't lose": "15 14",
    "Hibernating": "12",
    "Lost": "11",
}
GROUP_BY_CELL = {int(cell): group for group, cells in GROUP_CELLS.items() for cell in cells.split()}


def rfm_cuts(totals: pl.LazyFrame) -> pl.LazyFrame:
    """Return the cuts of `customer_totals`: `score, currency, people, cut_20, cut_40, cut_60, cut_80`.

    One row for 'r', one for 'f' (both with a null currency; none where nobody has ordered), one for 'm' and each main
    currency.
    """
    everybody = [
        totals.select(
            pl.lit(score).alias("score"),
            pl.lit(None, dtype=pl.String).alias("currency"),
            pl.len().cast(pl.Int64).alias("people"),
            *_quantiles(column),
        ).filter(pl.col("people") > 0)
        for score, column in (("r", "recency_days"), ("f", "orders_count"))
    ]
    money = (
        totals.group_by("currency")
        .agg(pl.len().cast(pl.Int64).alias("people"), *_quantiles("net"))
        .select(pl.lit("m").alias("score"), "currency", "people", *CUTS)
        .sort("currency")
    )
    return pl.concat([*everybody, money])


def score(totals: pl.LazyFrame, cuts: pl.DataFrame) -> pl.LazyFrame:
    """Return `customer_totals` with `r`, `f`, `m` (Int8, 1 to 5) and `rfm_group`, by the `rfm_cuts` of these totals.

    >>> from decimal import Decimal
    >>> people = pl.LazyFrame(
    ...     {"recency_days": [1, 30, 400], "orders_count": [9, 1, 1], "net": [90, 10, 10], "currency": ["EUR"] * 3}
    ... ).with_columns(pl.col("net").cast(pl.Decimal(18, 6)))
    >>> score(people, rfm_cuts(people).collect()).select("r", "f", "m", "rfm_group").collect().rows()
    [(5, 5, 5, 'Champions'), (3, 1, 1, 'Promising'), (1, 1, 1, 'Lost')]
    """
    rows = {name: cuts.filter(score=name).rows(named=True) for name in "rfm"}
    scores = {
        "r": 5 - _cuts_below("recency_days", rows["r"]),
        "f": 1 + _cuts_below("orders_count", rows["f"]),
        "m": 1 + _cuts_below("net", rows["m"]),
    }
    scored = totals.with_columns(**{name: value.cast(pl.Int8) for name, value in scores.items()})
    return scored.with_columns(rfm_group=group_of(pl.col("r"), (pl.col("f") + pl.col("m") + 1) // 2))


def group_of(r: pl.Expr, fm: pl.Expr) -> pl.Expr:
    """Return the name of the group for R and the rounded-up mean of F and M, both 1 to 5."""
    cell = r.cast(pl.Int64) * 10 + fm.cast(pl.Int64)
    return cell.replace_strict(GROUP_BY_CELL, return_dtype=pl.String)


def _quantiles(column: str) -> Sequence[pl.Expr]:
    value = pl.col(column).cast(pl.Float64)
    return [
        value.quantile(quantile, interpolation="linear").alias(cut)
        for quantile, cut in zip(QUANTILES, CUTS, strict=True)
    ]


def _cuts_below(column: str, rows: Sequence[Mapping[str, Any]]) -> pl.Expr:
    """Return how many of the cuts lie strictly below the column: those of everybody, or of the person's currency."""
    value = pl.col(column).cast(pl.Float64)
    found = pl.lit(None, dtype=pl.Int8)
    for row in rows:
        below = pl.sum_horizontal((pl.lit(row[cut]) < value).cast(pl.Int8) for cut in CUTS)
        own = pl.col("currency").eq_missing(pl.lit(row["currency"], dtype=pl.String))
        found = below if column != "net" else pl.when(own).then(below).otherwise(found)
    return found
