"""The published tables, put together from the staged ones.

`as_of` of a past day means: orders and refunds known now and dated before that instant, with today's status, identity,
profile and tags. It hides later orders from the figures, not from the tables: everybody and every order is there, and
`orders.counted` says what the figures hold. Deleted accounts and orders stay, with `deleted_at`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import polars as pl

from transforms.habits import habits
from transforms.identity import DEFAULT_FORM, EmailForm, identify_numbered
from transforms.identity_registered import new_aliases
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
    tables of ROW_ORDER but `rfm_cuts`; `beside`: what the table `orders` has beside the staged orders.
    """

    everybody: pl.LazyFrame
    totals: pl.LazyFrame
    habits: pl.LazyFrame
    tables: Mapping[str, pl.LazyFrame]
    beside: "Beside"


class Beside(NamedTuple):
    """What the table `orders` has beside the staged orders, with numbers for keys.

    `orders`: `order_id, person_number, identity_number` and DERIVED, one row an order; `people`: `person_number,
    customer_key`; `identities`: `identity_number, identity`. Numbers go from 0 on, with none left out.
    """

    orders: pl.LazyFrame
    people: pl.LazyFrame
    identities: pl.LazyFrame


DERIVED = ("counted", "refunded", "net", "deleted_at")


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
    totals = _now(parts.totals)
    cuts = rfm_cuts(totals).collect()
    return scored_marts(parts, score(totals, cuts), cuts.lazy(), shop=shop, as_of=as_of)


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

    `staged` holds the tables of `staged_schemas.STAGED` and `deletions` (RAW_DELETIONS); its orders need of `billing` only the
    names, and no `shipping_address`, where `in_full` is given. `as_of` is an exclusive, aware instant. `hash_key` has 16
    to 64 bytes. `aliases` and `form` are those of `identity.identify`. Raises ValueError on an unfit `hash_key`.
    """
    deletions = staged["deletions"]
    accounts = with_deleted_at(staged["customers"], deletions, "customer", "woocommerce_id")
    known_orders = with_deleted_at(staged["orders"], deletions, "order", "order_id")
    identified = identify_numbered(known_orders, accounts, hash_key=hash_key, aliases=aliases, form=form)
    # Shared steps are collected here, one after the other: what is left to collect together is little.
    placed = _now(
        placed_orders(
            identified.orders.drop("email", "billing", "shipping_address", strict=False).with_columns(
                customer_key="person_number"
            ),
            as_of=as_of,
            not_counted=not_counted,
        )
    )
    refunds = _now(
        placed_refunds(with_deleted_at(staged["refunds"], deletions, "refund", "refund_id"), placed, as_of=as_of)
    )
    currencies = _now(currency_totals(placed, refunds))
    orders = with_refunded(placed, refunds, as_of=as_of)
    beside = Beside(
        orders.select("order_id", "person_number", "identity_number", *DERIVED),
        identified.keys,
        identified.identities.select("identity_number", "identity"),
    )
    by_key = partial(_by_key, keys=identified.keys)
    tables = {
        "customer_currencies": by_key(currencies),
        "orders": by_key(orders).join(beside.identities, on="identity_number", how="left"),
        "order_lines": staged["order_lines"],
        "refunds": by_key(refunds),
        "products": with_deleted_at(staged["products"], deletions, "product", "product_id"),
        "identities": identified.identities,
        "identity_reviews": identified.reviews,
    }
    moved = identified.identities.select(alias_key="identity", customer_key="customer_key")
    everybody = people(accounts, placed, identified.keys, moved, in_full or _among(staged["orders"]))
    return PeopleMarts(
        without_returned(everybody, placed, identified.keys),
        _now(by_key(customer_totals(currencies, as_of=as_of, timezone=timezone))),
        by_key(_now(habits(placed, staged["order_lines"], staged["products"]))),
        tables,
        beside,
    )


def _now(frame: pl.LazyFrame) -> pl.LazyFrame:
    return frame.collect(engine="streaming").lazy()


def _by_key(numbered: pl.LazyFrame, keys: pl.LazyFrame) -> pl.LazyFrame:
    """Return a frame whose `customer_key` holds the numbers of people, with their keys in place of them."""
    texts = keys.select("customer_key", key_number="person_number")
    return numbered.rename({"customer_key": "key_number"}).join(texts, on="key_number", how="left").drop("key_number")


def scored_marts(
    parts: PeopleMarts, scored: pl.LazyFrame, cuts: pl.LazyFrame, *, shop: str, as_of: datetime
) -> dict[str, pl.LazyFrame]:
    """Return the tables as published, sorted, from `people_marts` and what `rfm.score` and `rfm.rfm_cuts` give."""
    # People are sorted before their figures are laid beside them, in this order: sorting lists and addresses takes long.
    everybody = parts.everybody.sort(ROW_ORDER["customers"])
    tables = {name: table.sort(ROW_ORDER[name]) for name, table in {"rfm_cuts": cuts, **parts.tables}.items()}
    tables["customers"] = with_figures(everybody, scored, parts.habits)
    stamps = {"shop": pl.lit(shop), "as_of": pl.lit(as_of, dtype=TIME)}
    return {name: conform(tables[name].with_columns(**stamps), MARTS[name]) for name in ROW_ORDER}


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
    The rest is as in `build_marts`; see `identity_registered.new_aliases` for what is found.
    """
    accounts = with_deleted_at(staged["customers"], staged["deletions"], "customer", "woocommerce_id")
    return new_aliases(staged["orders"], accounts, known_keys, hash_key=hash_key, aliases=aliases, form=form)
