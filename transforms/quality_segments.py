"""The invariants of segments: members are those whom the rules name, counted right, and told by what was observed.

Each function takes the tables by name (`schemas.PUBLISHED`) and returns the rows that break one rule; none where all
is well.
"""

from collections.abc import Collection, Mapping

import polars as pl

from transforms.rules import (
    InSegment,
    SegmentRule,
    compile_rule,
    evaluation_order,
    flag_name,
    segments_named,
    with_flags,
)

Frames = Mapping[str, pl.LazyFrame]
WRONG = {"customer_key": pl.String(), "segment_id": pl.String()}


def members_against_lists(frames: Frames) -> pl.LazyFrame:
    """Return pairs of person and segment that stand in one of the two tables only."""
    listed = (
        frames["customers"]
        .filter(pl.col("segments").list.len() > 0)
        .select("customer_key", segment_id="segments")
        .explode("segment_id")
    )
    members = frames["segment_members"].select("customer_key", "segment_id")
    both = ["customer_key", "segment_id"]
    return pl.concat([listed.join(members, on=both, how="anti"), members.join(listed, on=both, how="anti")])


def segments_miscounted(frames: Frames) -> pl.LazyFrame:
    """Return segments whose number of people is not that of their members."""
    members = frames["segment_members"].group_by("segment_id").agg(members=pl.len().cast(pl.Int64))
    joined = frames["segments"].join(members, on="segment_id", how="full", coalesce=True)
    return joined.filter(pl.col("people").fill_null(0) != pl.col("members").fill_null(0))


def observed_against_members(frames: Frames) -> pl.LazyFrame:
    """Return segments that can be read where firsts and joins less leaves are not the number of members."""
    step = pl.when(pl.col("kind") == "left").then(-1).otherwise(1)
    observed = frames["segment_events"].group_by("segment_id").agg(observed=step.cast(pl.Int64).sum())
    return (
        frames["segments"]
        .join(observed, on="segment_id", how="left")
        .filter(pl.col("people").is_not_null() & (pl.col("people") != pl.col("observed").fill_null(0)))
    )


def segments_against_rules(frames: Frames, *, timezone: str, hidden: Collection[str] | None = None) -> pl.LazyFrame:
    """Return people who are in a segment whose rule does not name them, or are not in one whose rule does (WRONG).

    Every rule that can be read is evaluated anew over the marts; what a rule says of other segments is looked up in
    the members. A segment stands there without a person where it has a number of people and no readable rule, or the
    other way round. `hidden` are people who were deleted here and so are in no segment; None where it is not known who
    they were, and then whoever is in no segment at all is taken for one of them.
    """
    segments = frames["segments"].select("segment_id", "name", "rule", "people").collect()
    rules = evaluation_order([SegmentRule(*row[:3]) for row in segments.iter_rows()]).rules
    unread = segments.lazy().filter(pl.col("segment_id").is_in(list(rules)) != pl.col("people").is_not_null())
    nobody = unread.select(pl.lit(None, dtype=pl.String).alias("customer_key"), "segment_id")
    as_of = frames["customers"].select(pl.col("as_of").max()).collect().item()
    if as_of is None or not rules:
        return nobody
    tags = frames["person_tags"].select("customer_key", "tags")
    people = with_flags(
        frames["customers"].join(tags, on="customer_key", how="left"),
        rules.values(),
        frames,
        as_of=as_of,
        timezone=timezone,
    ).with_columns(
        _is_in(named).alias(flag_name(InSegment(named)))
        for named in dict.fromkeys(named for rule in rules.values() for named in segments_named(rule))
    )
    excused = pl.col("segments").list.len() == 0
    if hidden is not None:
        excused &= pl.col("customer_key").is_in(sorted(hidden))
    wrong = {}
    for segment_id, rule in rules.items():
        wanted = pl.col("deleted_at").is_null() & compile_rule(rule, as_of=as_of, timezone=timezone)
        wrong[segment_id] = pl.when(_is_in(segment_id)).then(wanted.not_()).otherwise(wanted & excused.not_())
    which = [pl.when(flag).then(pl.lit(segment_id)) for segment_id, flag in wrong.items()]
    found = (
        people.filter(pl.any_horizontal(wrong.values()))
        .select("customer_key", segment_id=pl.concat_list(which).list.drop_nulls())
        .explode("segment_id")
    )
    return pl.concat([found, nobody])


def _is_in(segment_id: str) -> pl.Expr:
    return pl.col("segments").list.contains(segment_id).fill_null(value=False)
