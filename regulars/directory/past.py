"""Whom a rule described on a past day, reconstructed from a version.

*Reconstructed* means: orders and refunds known now and dated before that day, with the statuses, owners, profiles, tags
and deletions of today (see `transforms.as_of`), and the segments that a rule names as they are saved now, evaluated as
of that day. Who was observed in a segment then stands in `segment_events`.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from regulars.directory.described import needed
from regulars.directory.lookup import IN_MEMORY, KEY, display_name
from regulars.directory.overlay import Overlay
from transforms.as_of import customers_as_of
from transforms.metrics import currency_totals
from transforms.orders import before
from transforms.rules import InSegment, Rule, by_id, compile_rule, flag_name, with_flags


class Then(NamedTuple):
    """Everybody whom a rule described, the largest net first, and their net of then, a currency each.

    `people` has the columns of lists (`ROW_COLUMNS`) with the figures of then, and today's `tags`.
    """

    people: pl.DataFrame
    net: dict[str, Decimal]


def reconstruct(
    tables: Mapping[str, pl.LazyFrame], rule: Rule, overlay: Overlay, *, as_of: datetime, timezone: str
) -> Then:
    """Return whom `rule` described as of the exclusive instant `as_of`.

    `tables` are a version's `customers, orders, order_lines, refunds, products`, and `as_of` is not after that of the
    version. Hidden people are left out. Raises RuleError where the rule names a segment that is not there, or that
    cannot be evaluated.
    """
    described = _described(tables, rule, overlay, as_of=as_of, timezone=timezone)
    found = described.with_columns(display_name().alias("name")).select("name", *IN_MEMORY).collect(engine="streaming")
    told = found.with_columns(overlay.tags_of(found[KEY]))
    # Amounts of two currencies have no order between them: the currency of most people comes first.
    order = [pl.col(KEY).count().over("currency"), pl.col("currency"), pl.col("net"), pl.col(KEY)]
    people = told.sort(order, descending=[True, False, True, False], nulls_last=True)
    return Then(people, _net(tables, people.select(KEY), as_of))


def _described(
    tables: Mapping[str, pl.LazyFrame], rule: Rule, overlay: Overlay, *, as_of: datetime, timezone: str
) -> pl.LazyFrame:
    named = by_id(rule, overlay.segments)
    segments = needed(named, overlay)
    rules = [*(overlay.order.rules[segment] for segment in segments), named]
    people = customers_as_of(tables, as_of=as_of, timezone=timezone).join(_tags(overlay), on=KEY, how="left")
    flagged = with_flags(people, rules, tables, as_of=as_of, timezone=timezone)
    there = pl.col("deleted_at").is_null()
    if overlay.hidden:
        there &= ~pl.col(KEY).is_in(list(overlay.hidden))
    *of_segments, asked = (there & compile_rule(each, as_of=as_of, timezone=timezone) for each in rules)
    for segment, member in zip(segments, of_segments, strict=True):
        flagged = flagged.with_columns(member.alias(flag_name(InSegment(segment))))
    return flagged.filter(asked)


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
