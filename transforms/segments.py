"""Who is in which segment: saved rules over the customers table.

Terms: a person is a *member* of a segment when its rule is true for them; people who were deleted, in the shop
(`deleted_at` is set) or here (*hidden*), are members of none. A segment may name others (`in_segment`): it sees their
members. A rule that can no longer be evaluated (its field is gone, it names a segment that is gone, or leads back to
itself) does not stop the others: its segment has no members and `people` is null, which is how readers tell "nobody"
(0) from "cannot be evaluated", and so have those that name it; `broken_segments` gives the sentence for each.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import polars as pl

from transforms.rules import (
    InSegment,
    Rule,
    SegmentRule,
    compile_rule,
    evaluation_order,
    flag_name,
    queries,
    segments_named,
    with_flags,
)
from transforms.schemas import CUSTOMERS, SEGMENT_MEMBERS, SEGMENTS, conform

__all__ = ["AssignedSegments", "SegmentRule", "asks_for_orders", "assign_segments", "broken_segments", "member_flag"]

NO_TABLES: Mapping[str, pl.LazyFrame] = {}


class AssignedSegments(NamedTuple):
    """What `assign_segments` returns, in this order; the frames have the columns of `transforms.schemas`."""

    customers: pl.LazyFrame
    segments: pl.LazyFrame
    segment_members: pl.LazyFrame


def assign_segments(
    customers: pl.LazyFrame,
    segments: Sequence[SegmentRule],
    *,
    shop: str,
    as_of: datetime,
    timezone: str,
    hidden: Collection[str] = (),
    tables: Mapping[str, pl.LazyFrame] = NO_TABLES,
) -> AssignedSegments:
    """Return customers with `segments` filled (ids, sorted), the segments with their counts, and the members.

    `customers` has `schemas.CUSTOMERS` and may have `tags`, a list of text, which is left out of the result. `as_of`
    and `timezone` are those of `compile_rule`. `hidden` are today's keys of people who were deleted here. `tables` has
    `orders`, `order_lines` and `products` of `schemas.MARTS`; only rules with a query look at them. Segments keep their
    order; `people` counts members, null where the rule cannot be evaluated. Members follow the order of `customers`, a
    person's segments by id. Raises ValueError where a query needs a table that `tables` has not.
    """
    rules = evaluation_order(segments).rules
    flagged = with_flags(customers, rules.values(), tables, as_of=as_of, timezone=timezone)
    flagged = _with_members(flagged, rules, as_of=as_of, timezone=timezone, hidden=hidden)
    named = [pl.when(member_flag(each)).then(pl.lit(each)) for each in sorted(rules)]
    ids = pl.concat_list(named).list.drop_nulls() if named else pl.lit([], dtype=pl.List(pl.String))
    # Collected here, so that members and counts, which follow from it, do not work it out again.
    assigned = conform(flagged.with_columns(segments=ids), CUSTOMERS).collect(engine="streaming").lazy()
    members = (
        assigned.filter(pl.col("segments").list.len() > 0)
        .select("customer_key", segment_id=pl.col("segments"))
        .explode("segment_id")
        .with_columns(shop=pl.lit(shop))
    )
    return AssignedSegments(
        assigned, _counted(segments, list(rules), members, shop=shop), conform(members, SEGMENT_MEMBERS)
    )


def asks_for_orders(segments: Sequence[SegmentRule]) -> bool:
    """Return whether a rule has a query, for which `assign_segments` needs orders, order lines and products."""
    return any(queries(rule) for rule in evaluation_order(segments).rules.values())


def broken_segments(segments: Sequence[SegmentRule]) -> dict[str, str]:
    """Return, by segment id, the sentence that tells why a rule cannot be evaluated; empty where all can."""
    return {segment_id: error.message for segment_id, error in evaluation_order(segments).broken.items()}


def member_flag(segment_id: str) -> pl.Expr:
    """Return the Boolean column that says who is a member of a segment."""
    return pl.col(flag_name(InSegment(segment_id)))


def _with_members(
    customers: pl.LazyFrame,
    rules: Mapping[str, Rule],
    *,
    as_of: datetime,
    timezone: str,
    hidden: Collection[str],
) -> pl.LazyFrame:
    """Return customers with a member flag for each rule; `rules` come in the order of evaluation."""
    alive = pl.col("deleted_at").is_null()
    if hidden:
        alive &= ~pl.col("customer_key").is_in(sorted(hidden))
    for step in _steps(rules):
        flags = {
            flag_name(InSegment(each)): alive & compile_rule(rules[each], as_of=as_of, timezone=timezone)
            for each in step
        }
        customers = customers.with_columns(**flags)
    return customers


def _steps(rules: Mapping[str, Rule]) -> list[list[str]]:
    """Return the ids in steps: each names only segments of the steps before, so that a step is one pass."""
    step: dict[str, int] = {}
    for segment_id, rule in rules.items():
        step[segment_id] = 1 + max((step[named] for named in segments_named(rule)), default=-1)
    return [[each for each in rules if step[each] == number] for number in sorted({*step.values()})]


def _counted(segments: Sequence[SegmentRule], readable: list[str], members: pl.LazyFrame, *, shop: str) -> pl.LazyFrame:
    listed = pl.LazyFrame(
        {
            "segment_id": [segment.id for segment in segments],
            "name": [segment.name for segment in segments],
            "rule": [segment.rule for segment in segments],
        },
        schema={"segment_id": pl.String(), "name": pl.String(), "rule": pl.String()},
    ).with_columns(shop=pl.lit(shop))
    people = members.group_by("segment_id").agg(people=pl.len().cast(pl.Int64))
    counted = listed.join(people, on="segment_id", how="left", maintain_order="left")
    none = pl.when(pl.col("segment_id").is_in(readable)).then(pl.lit(0, dtype=pl.Int64))
    return conform(counted.with_columns(people=pl.coalesce("people", none)), SEGMENTS)
