"""Whom a rule described on a past day, reconstructed from a version.

*Reconstructed* means: orders and refunds known now and dated before that day, with the statuses, owners, profiles, tags
and deletions of today (see `transforms.as_of`), and the segments that a rule names as they are saved now, evaluated as
of that day. Whoever had not come into being by then is nowhere. Who was observed in a segment then stands in
`segment_events`.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from regulars.directory.described import needed
from regulars.directory.lookup import IN_MEMORY, KEY, display_name
from regulars.directory.overlay import Overlay
from transforms.as_of import PROFILE, currencies_as_of, not_yet, people_as_of, scored_as_of
from transforms.habits import habits
from transforms.metrics import with_figures
from transforms.orders import before
from transforms.rules import FIELDS, InSegment, Rule, by_id, compile_rule, conditions, flag_name, with_flags
from transforms.schemas import CUSTOMERS

IN_ORDER = (KEY, "currency", "net")  # what puts people in their order
FEW, MANY = 100, 10_000  # people to show; keys to look for one by one


class Day(NamedTuple):
    """The sums of a past day, worked out once for all that is asked of it: `currencies_as_of` and `scored_as_of`."""

    as_of: datetime
    currencies: pl.DataFrame
    scored: pl.DataFrame


class Then(NamedTuple):
    """Whom a rule described: how many, their net of then by currency, and `people`, the largest net first.

    `people` has the columns of lists (`ROW_COLUMNS`) with the figures of then, and today's `tags`.
    """

    total: int
    net: dict[str, Decimal]
    people: pl.DataFrame


def day_of(tables: Mapping[str, pl.LazyFrame], *, as_of: datetime, timezone: str) -> Day:
    """Return the sums of everybody as of the exclusive instant `as_of`, from a version's `orders` and `refunds`."""
    currencies = currencies_as_of(tables, as_of=as_of).collect(engine="streaming")
    scored = scored_as_of(currencies.lazy(), as_of=as_of, timezone=timezone).collect()
    return Day(as_of, currencies, scored)


def reconstruct(
    tables: Mapping[str, pl.LazyFrame],
    rule: Rule,
    overlay: Overlay,
    *,
    as_of: datetime,
    timezone: str,
    most: int | None = None,
    day: Day | None = None,
) -> Then:
    """Return whom `rule` described as of the exclusive instant `as_of`; of the people the first `most`, None for all.

    `tables` are a version's `customers, orders, order_lines, refunds, products`, and `as_of` is not after that of the
    version. `day` are that instant's sums, where they were worked out before. Hidden people are left out. Raises
    RuleError where the rule names a segment that is not there, or that cannot be evaluated.
    """
    day = day or day_of(tables, as_of=as_of, timezone=timezone)
    found = _described(tables, day, rule, overlay, timezone).select(IN_ORDER).collect(engine="streaming")
    # Amounts of two currencies have no order between them: the currency of most people comes first.
    order = [pl.col(KEY).count().over("currency"), pl.col("currency"), pl.col("net"), pl.col(KEY)]
    in_order = found.sort(order, descending=[True, False, True, False], nulls_last=True)
    shown = in_order if most is None else in_order.head(most)
    people = _people(tables, shown.select(KEY), day)
    return Then(found.height, _net(day, found.select(KEY)), people.with_columns(overlay.tags_of(people[KEY])))


def _people(tables: Mapping[str, pl.LazyFrame], keys: pl.DataFrame, day: Day) -> pl.DataFrame:
    """Return these people with what is shown of them, in this order: worked out for them alone."""
    profile, orders = (_of(tables[name], keys) for name in ("customers", "orders"))
    orders = orders.with_columns(pl.col("counted") & before(day.as_of)).collect(engine="streaming").lazy()
    lines = (
        _of(tables["order_lines"], orders.select("order_id").collect()) if keys.height <= FEW else tables["order_lines"]
    )
    bought = habits(orders, lines, tables["products"])
    placed = profile.select(PROFILE).join(keys.lazy().with_row_index("_place"), on=KEY)
    told = with_figures(placed, day.scored.lazy(), bought)
    named = told.sort("_place").with_columns(display_name().alias("name"))
    return named.select("name", *IN_MEMORY).collect(engine="streaming")


def _of(rows: pl.LazyFrame, keys: pl.DataFrame) -> pl.LazyFrame:
    """Return the rows whose column of the keys' name has one of them. Of few, Parquet passes over most of a table."""
    (name,) = keys.columns
    if keys.height <= MANY:
        return rows.filter(pl.col(name).is_in(keys[name].to_list()))
    return rows.join(keys.lazy(), on=name, how="semi")


def _described(
    tables: Mapping[str, pl.LazyFrame], day: Day, rule: Rule, overlay: Overlay, timezone: str
) -> pl.LazyFrame:
    as_of, named = day.as_of, by_id(rule, overlay.segments)
    segments = needed(named, overlay)
    rules = [*(overlay.order.rules[segment] for segment in segments), named]
    asked = {column for each in rules for leaf in conditions(each) for column in FIELDS[leaf.field].columns}
    columns = {*IN_ORDER, "deleted_at", *asked} & {*CUSTOMERS}
    people = people_as_of(tables, day.scored.lazy(), as_of=as_of, columns=columns)
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


def _net(day: Day, keys: pl.DataFrame) -> dict[str, Decimal]:
    """Return the net of these people, the currency of most of them first; also what is not in their main one."""
    mine = day.currencies.lazy().join(keys.lazy(), on=KEY, how="semi")
    spent = mine.group_by("currency").agg(pl.col("net").sum(), people=pl.len())
    return dict(
        spent.sort("people", "currency", descending=[True, False]).select("currency", "net").collect().iter_rows()
    )
