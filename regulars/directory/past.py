"""Whom a rule described on a past day, reconstructed from a version.

*Reconstructed* means: orders and refunds known now and dated before that day, with the statuses, owners, profiles, tags
and deletions of today (see `transforms.as_of`), and the segments that a rule names as they are saved now, evaluated as
of that day. Whoever had not come into being by then is nowhere. Who was observed in a segment then stands in `segment_events`.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from regulars.directory.described import needed
from regulars.directory.lookup import IN_MEMORY, KEY, display_name
from regulars.directory.overlay import Overlay
from transforms.as_of import HABITS, PROFILE, customers_as_of, not_yet
from transforms.habits import habits
from transforms.metrics import currency_totals, with_figures
from transforms.orders import before
from transforms.rules import FIELDS, InSegment, Rule, by_id, compile_rule, conditions, flag_name, with_flags
from transforms.schemas import CUSTOMERS

FIGURES = (KEY, *(name for name in IN_MEMORY if name not in {*PROFILE, *HABITS}))


class Then(NamedTuple):
    """Whom a rule described: how many, their net of then by currency, and `people`, the largest net first.

    `people` has the columns of lists (`ROW_COLUMNS`) with the figures of then, and today's `tags`.
    """

    total: int
    net: dict[str, Decimal]
    people: pl.DataFrame


def reconstruct(
    tables: Mapping[str, pl.LazyFrame],
    rule: Rule,
    overlay: Overlay,
    *,
    as_of: datetime,
    timezone: str,
    most: int | None = None,
) -> Then:
    """Return whom `rule` described as of the exclusive instant `as_of`; of the people the first `most`, None for all.

    `tables` are a version's `customers, orders, order_lines, refunds, products`, and `as_of` is not after that of the
    version. Hidden people are left out. Raises RuleError where the rule names a segment that is not there, or that
    cannot be evaluated.
    """
    described = _described(tables, rule, overlay, as_of=as_of, timezone=timezone)
    found = described.select(FIGURES).collect(engine="streaming")
    # Amounts of two currencies have no order between them: the currency of most people comes first.
    order = [pl.col(KEY).count().over("currency"), pl.col("currency"), pl.col("net"), pl.col(KEY)]
    in_order = found.sort(order, descending=[True, False, True, False], nulls_last=True)
    shown = in_order if most is None else in_order.head(most)
    people = _people(tables, shown, as_of)
    return Then(found.height, _net(tables, found.select(KEY), as_of), people.with_columns(overlay.tags_of(people[KEY])))


def _people(tables: Mapping[str, pl.LazyFrame], figures: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Return `figures` with what is shown beside them: worked out for these people alone, since that takes longest."""
    profile, orders = (
        tables[name].join(figures.lazy().select(KEY), on=KEY, how="semi") for name in ("customers", "orders")
    )
    bought = habits(orders.with_columns(pl.col("counted") & before(as_of)), tables["order_lines"], tables["products"])
    told = with_figures(profile.select(PROFILE), figures.lazy().with_row_index("_place"), bought)
    named = told.sort("_place").with_columns(display_name().alias("name"))
    return named.select("name", *IN_MEMORY).collect(engine="streaming")


def _described(
    tables: Mapping[str, pl.LazyFrame], rule: Rule, overlay: Overlay, *, as_of: datetime, timezone: str
) -> pl.LazyFrame:
    named = by_id(rule, overlay.segments)
    segments = needed(named, overlay)
    rules = [*(overlay.order.rules[segment] for segment in segments), named]
    asked = {column for each in rules for leaf in conditions(each) for column in FIELDS[leaf.field].columns}
    columns = {*FIGURES, "deleted_at", *asked} & {*CUSTOMERS}
    people = customers_as_of(tables, as_of=as_of, timezone=timezone, columns=columns)
    people = people.join(not_yet(tables, as_of=as_of), on=KEY, how="anti").join(_tags(overlay), on=KEY, how="left")
    flagged = with_flags(people, rules, tables, as_of=as_of, timezone=timezone)
    there = pl.col("deleted_at").is_null()
    if overlay.hidden:
        there &= ~pl.col(KEY).is_in(list(overlay.hidden))
    *of_segments, fits = (there & compile_rule(each, as_of=as_of, timezone=timezone) for each in rules)
    for segment, member in zip(segments, of_segments, strict=True):
        flagged = flagged.with_columns(member.alias(flag_name(InSegment(segment))))
    return flagged.filter(fits)


def _tags(overlay: Overlay) -> pl.LazyFrame:
    written = {KEY: list(overlay.tags), "tags": [list(tags) for tags in overlay.tags.values()]}
    return pl.LazyFrame(written, schema={KEY: pl.String(), "tags": pl.List(pl.String())})


def _net(tables: Mapping[str, pl.LazyFrame], keys: pl.DataFrame, as_of: datetime) -> dict[str, Decimal]:
    """Return the net of these people, the currency of most of them first; also what is not in their main one."""
    orders, refunds = (
        tables[name].with_columns(pl.col("counted") & before(as_of)).join(keys.lazy(), on=KEY, how="semi")
        for name in ("orders", "refunds")
    )
    spent = currency_totals(orders, refunds).group_by("currency").agg(pl.col("net").sum(), people=pl.len())
    ordered = spent.sort("people", "currency", descending=[True, False]).collect(engine="streaming")
    return dict(ordered.select("currency", "net").iter_rows())
