"""Who is in which segment: saved rules over the customers table.

Terms: a person is a *member* of a segment when its rule is true for them; people who were deleted, in the shop
(`deleted_at` is set) or here (*hidden*), are members of none. A rule that can no longer be read (its field is gone, say) does not stop the others: its segment has
no members and `people` is null, which is how readers tell "nobody" (0) from "cannot be read"; `broken_segments` gives
the sentence for each.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import polars as pl

from transforms.rules import RuleError, SegmentRule, compile_rule, parse
from transforms.schemas import CUSTOMERS, SEGMENT_MEMBERS, SEGMENTS, conform

__all__ = ["AssignedSegments", "SegmentRule", "assign_segments", "broken_segments"]


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
) -> AssignedSegments:
    """Return customers with `segments` filled (ids, sorted), the segments with their counts, and the members.

    `customers` has `schemas.CUSTOMERS` and may have `tags`, a list of text, which is left out of the result. `as_of`
    and `timezone` are those of `compile_rule`. `hidden` are today's keys of people who were deleted here. Segments keep their order; `people` counts members, null where the
    rule cannot be read. Members follow the order of `customers`, a person's segments by id.
    """
    flags = _flags(segments, as_of=as_of, timezone=timezone, hidden=hidden)
    named = [pl.when(flag).then(pl.lit(segment_id)) for segment_id, flag in sorted(flags.items())]
    ids = pl.concat_list(named).list.drop_nulls() if named else pl.lit([], dtype=pl.List(pl.String))
    assigned = conform(customers.with_columns(segments=ids), CUSTOMERS)
    members = (
        assigned.filter(pl.col("segments").list.len() > 0)
        .select("customer_key", segment_id=pl.col("segments"))
        .explode("segment_id")
        .with_columns(shop=pl.lit(shop))
    )
    return AssignedSegments(
        assigned, _counted(segments, list(flags), members, shop=shop), conform(members, SEGMENT_MEMBERS)
    )


def broken_segments(segments: Sequence[SegmentRule]) -> dict[str, str]:
    """Return, by segment id, the sentence that tells why a rule cannot be read; empty where all can."""
    return {segment.id: message for segment in segments if (message := _why_broken(segment.rule))}


def _why_broken(rule: str) -> str:
    try:
        parse(rule)
    except RuleError as error:
        return error.message
    return ""


def _flags(
    segments: Sequence[SegmentRule], *, as_of: datetime, timezone: str, hidden: Collection[str]
) -> dict[str, pl.Expr]:
    broken = broken_segments(segments)
    alive = pl.col("deleted_at").is_null()
    if hidden:
        alive &= ~pl.col("customer_key").is_in(sorted(hidden))
    return {
        segment.id: alive & compile_rule(parse(segment.rule), as_of=as_of, timezone=timezone)
        for segment in segments
        if segment.id not in broken
    }


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
