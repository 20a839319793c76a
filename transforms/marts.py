"""The published tables, put together from the staged ones.

`as_of` of a past day means: orders and refunds known now and dated before that instant, with today's status, identity,
profile and tags. It hides later orders from the figures, not from the tables: everybody and every order is there, and
`orders.counted` says what the figures hold. Deleted accounts and orders stay, with `deleted_at`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import polars as pl

from transforms.habits import habits
from transforms.identity import DEFAULT_FORM, EmailForm, identify, new_aliases, resolve_aliases
from transforms.metrics import currency_totals, customer_totals, with_figures
from transforms.orders import placed_orders, placed_refunds, with_deleted_at, with_refunded
from transforms.people import OrdersInFull, people, without_returned
from transforms.rfm import rfm_cuts, score
from transforms.schemas import MARTS, TIME, conform

# The tables made here, and the rows' order: the same input gives the same files, and a person's rows lie together.
ROW_ORDER: Mapping[str, tuple[str, ...]] = {
    "customers": ("customer_key",),
    "customer_currencies": ("customer_key", "currency"),
    "orders": ("customer_key", "order_id"),
    "order_lines": ("order_id", "line_id"),
    "refunds": ("customer_key", "refund_id"),
    "products": ("product_id",),
    "rfm_cuts": ("score", "currency"),
    "identities": ("identity",),
    "identity_reviews": ("email", "reason"),
}


class PeopleMarts(NamedTuple):
    """What the marts are made of before people are compared with one another.

    `everybody`: the people with their profiles; `totals` and `habits`: figures of those who bought; `tables`: the other
    tables of ROW_ORDER but `rfm_cuts`.
    """

    everybody: pl.LazyFrame
    totals: pl.LazyFrame
    habits: pl.LazyFrame
    tables: Mapping[str, pl.LazyFrame]


def build_marts(
    staged: Mapping[str, pl.LazyFrame],
    *,
    shop: str,
    as_of: datetime,
    timezone: str,
    not_counted: Sequence[str],
    hash_key: bytes,
    aliases: pl.LazyFrame,
    form: EmailForm = DEFAULT_FORM,
    in_full: OrdersInFull | None = None,
) -> dict[str, pl.LazyFrame]:
    """Return the published tables (see `schemas.MARTS`) but for `segments`, `segment_members` and `person_tags`.

    The arguments are those of `people_marts`. Collect the tables together (`pl.collect_all`), since they share their
    first steps. `customers.segments` is an empty list: `transforms.segments` fills it.
    """
    parts = people_marts(
        staged,
        as_of=as_of,
        timezone=timezone,
        not_counted=not_counted,
        hash_key=hash_key,
        aliases=aliases,
        form=form,
        in_full=in_full,
    )
    return scored_marts(parts, score(parts.totals), rfm_cuts(parts.totals), shop=shop, as_of=as_of)


def people_marts(
    staged: Mapping[str, pl.LazyFrame],
    *,
    as_of: datetime,
    timezone: str,
    not_counted: Sequence[str],
    hash_key: bytes,
    aliases: pl.LazyFrame,
    form: EmailForm = DEFAULT_FORM,
    in_full: OrdersInFull | None = None,
) -> PeopleMarts:
    """Return what follows from each person's own accounts, orders, refunds and products.

    `staged` holds the tables of `schemas.STAGED` and `deletions` (RAW_DELETIONS); its orders need of `billing` only the
    names, and no `shipping_address`, where `in_full` is given. `as_of` is an exclusive, aware instant. `hash_key` has 16
    to 64 bytes. `aliases` and `form` are those of `identity.identify`. Raises ValueError on an unfit `hash_key`.
    """
    deletions = staged["deletions"]
    accounts = with_deleted_at(staged["customers"], deletions, "customer", "woocommerce_id")
    known_orders = with_deleted_at(staged["orders"], deletions, "order", "order_id")
    identified = identify(known_orders, accounts, hash_key=hash_key, aliases=aliases, form=form)
    # Cached: without it every table would find the owners of all orders anew, also when they are collected together.
    placed = placed_orders(
        known_orders.drop("billing", "shipping_address", strict=False),
        identified.owners,
        as_of=as_of,
        not_counted=not_counted,
    ).cache()
    refunds = placed_refunds(with_deleted_at(staged["refunds"], deletions, "refund", "refund_id"), placed, as_of=as_of)
    currencies = currency_totals(placed, refunds).cache()
    tables = {
        "customer_currencies": currencies,
        "orders": with_refunded(placed, refunds, as_of=as_of),
        "order_lines": staged["order_lines"],
        "refunds": refunds,
        "products": with_deleted_at(staged["products"], deletions, "product", "product_id"),
        "identities": identified.identities,
        "identity_reviews": identified.reviews,
    }
    everybody = people(accounts, placed, resolve_aliases(aliases), in_full or _among(staged["orders"]))
    return PeopleMarts(
        without_returned(everybody, placed),
        customer_totals(currencies, as_of=as_of, timezone=timezone),
        habits(placed, staged["order_lines"], staged["products"]),
        tables,
    )


def scored_marts(
    parts: PeopleMarts, scored: pl.LazyFrame, cuts: pl.LazyFrame, *, shop: str, as_of: datetime
) -> dict[str, pl.LazyFrame]:
    """Return the tables as published, sorted, from `people_marts` and what `rfm.score` and `rfm.rfm_cuts` give."""
    tables = {"customers": with_figures(parts.everybody, scored, parts.habits), "rfm_cuts": cuts, **parts.tables}
    stamps = {"shop": pl.lit(shop), "as_of": pl.lit(as_of, dtype=TIME)}
    return {
        name: conform(tables[name].with_columns(**stamps), MARTS[name]).sort(row_order)
        for name, row_order in ROW_ORDER.items()
    }


def _among(orders: pl.LazyFrame) -> OrdersInFull:
    return lambda ids: orders.join(ids.lazy(), on="order_id", how="semi").collect()


def find_aliases(
    staged: Mapping[str, pl.LazyFrame],
    known_keys: pl.LazyFrame,
    *,
    hash_key: bytes,
    aliases: pl.LazyFrame,
    form: EmailForm = DEFAULT_FORM,
) -> pl.LazyFrame:
    """Return `alias_key, customer_key`: guests who are accounts by now, for the caller to record before it publishes.

    `known_keys` has a column `customer_key`: the keys of the last published version and those that have notes or tags.
    The rest is as in `build_marts`; see `identity.new_aliases` for what is found.
    """
    accounts = with_deleted_at(staged["customers"], staged["deletions"], "customer", "woocommerce_id")
    return new_aliases(staged["orders"], accounts, known_keys, hash_key=hash_key, aliases=aliases, form=form)
