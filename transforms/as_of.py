"""What people looked like on a past day, worked out from a published version.

*As of D* means: the orders and refunds known in that version and dated before D, with the version's statuses, owners,
profiles and deletions. Figures, habits and scores are those of D, with the cuts of D: they equal what a run as of D
derives from the same data. This is *reconstructed*, not observed: an order that was cancelled since is cancelled here,
and everybody whom the version knows is there, with zeros where nobody had bought yet: `not_yet` names those among them who
had not come into being. Whoever was deleted since is missing from every past day.

A version knows which of its orders count up to its own as-of only. So D may lie at or before that instant; for a later
one the answer would be that of the version's own.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import takewhile

import polars as pl

from transforms.habits import habits
from transforms.metrics import currency_totals, customer_totals, with_figures
from transforms.orders import before
from transforms.rfm import rfm_cuts, score
from transforms.schemas import CUSTOMERS, TIME, conform, empty

# What a person has whatever the day: the columns that stand before the figures.
PROFILE = tuple(takewhile(lambda column: column != "currency", CUSTOMERS))
# What `habits` works out: for that all orders meet all their lines, which takes longer than everything else.
HABITS = ("median_days_between", "days_to_second", "active_months", "products_count", "categories", "coupons")


def not_yet(tables: Mapping[str, pl.LazyFrame], *, as_of: datetime) -> pl.LazyFrame:
    """Return the people, one column `customer_key`, who came into being at or after the exclusive instant `as_of`.

    They were created then, and have no order of any status before it. An account without a time of creation was always
    there. `tables` holds a version's `customers` and `orders`.
    """
    created_later = pl.col("created_at") >= pl.lit(as_of, dtype=TIME)
    later = tables["customers"].filter(created_later).select("customer_key")
    return later.join(tables["orders"].filter(before(as_of)).select("customer_key"), on="customer_key", how="anti")


def customers_as_of(
    tables: Mapping[str, pl.LazyFrame], *, as_of: datetime, timezone: str, columns: Collection[str] = tuple(CUSTOMERS)
) -> pl.LazyFrame:
    """Return `schemas.CUSTOMERS` with figures, habits, scores and groups as of the exclusive, aware instant `as_of`.

    `tables` holds a version's `customers, orders, order_lines, refunds, products`; there is a row for each of its
    people. Of `CUSTOMERS` the `columns` alone are returned, in its order. `segments` is empty: who was a member then is
    either observed, or asked by a rule over this frame.
    """
    scored = scored_as_of(currencies_as_of(tables, as_of=as_of), as_of=as_of, timezone=timezone)
    return people_as_of(tables, scored, as_of=as_of, columns=columns)


def currencies_as_of(tables: Mapping[str, pl.LazyFrame], *, as_of: datetime) -> pl.LazyFrame:
    """Return `metrics.currency_totals` as of the exclusive instant `as_of`, from a version's `orders` and `refunds`."""
    orders, refunds = (tables[name].with_columns(pl.col("counted") & before(as_of)) for name in ("orders", "refunds"))
    return currency_totals(orders, refunds)


def scored_as_of(currencies: pl.LazyFrame, *, as_of: datetime, timezone: str) -> pl.LazyFrame:
    """Return `rfm.score` of whoever had bought, from `currencies_as_of` the same instant."""
    # In memory: the cuts are of everybody, before anybody is scored.
    totals = customer_totals(currencies, as_of=as_of, timezone=timezone).collect().lazy()
    return score(totals, rfm_cuts(totals).collect())


def people_as_of(
    tables: Mapping[str, pl.LazyFrame], scored: pl.LazyFrame, *, as_of: datetime, columns: Collection[str]
) -> pl.LazyFrame:
    """Return what `customers_as_of` does, from `scored_as_of` the same instant.

    Only what the `columns` need is joined: a million people with all of their columns take longer than their sums.
    """
    if set(HABITS).intersection(columns):
        orders = tables["orders"].with_columns(pl.col("counted") & before(as_of))
        bought = habits(orders, tables["order_lines"], tables["products"])
    else:
        bought = empty({name: CUSTOMERS[name] for name in ("customer_key", *HABITS)})
    people = with_figures(tables["customers"].select(PROFILE), scored, bought)
    wanted = {name: dtype for name, dtype in CUSTOMERS.items() if name in columns}
    return conform(people.with_columns(as_of=pl.lit(as_of, dtype=TIME)), wanted)
