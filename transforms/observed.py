"""Observed history: who was seen in which segment, and which cuts scored people, from publish to publish.

Terms. A *look* is a version as it is published: tables, and the instant and time zone they are of. Two looks are
compared, the one before and the one now; what differs is appended to the history that the look before carries.
What was observed cannot be computed again: later runs know later orders.

* A segment that is looked at for the first time has its people as `first`: they may have been in it for long.
* A segment that is gone ends with everybody leaving; made anew under the same id, it begins with `first` again.
* A segment whose rule cannot be read has no members then, and nobody is said to have left: its events stop, its count
  is null, and once it can be read the people it had before are compared with those it has now.
* People who were merged leave under the key they had; events keep the keys of their time.

So for each segment that can be read, at each publish: firsts + joins − leaves = its people, and going through the
events gives exactly these people. A *stay* is a first or a join with the leave that ended it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import polars as pl

from transforms.observed_reasons import DELETED, Look, because
from transforms.schemas import OBSERVED, RFM_CUTS, TIME, conform, empty

# Five years hold every question on a customer's course that we know of. The rows bound what a publish writes anew each
# time: five million are about 25 MB, and as many as five segments of a million people need for their firsts.
KEEP = timedelta(days=5 * 365)
MOST_EVENTS = 5_000_000
# Stays are forgotten in batches: this much late, and down to this part of the most.
SLACK = timedelta(days=30)
FILLED = 0.9

_WHO = ["segment_id", "customer_key"]
_CUTS = [name for name in RFM_CUTS if name not in ("shop", "people")]
Frames = Mapping[str, pl.LazyFrame]


class _Segments(NamedTuple):
    """What becomes of the segments of two looks, by id: looked at first, compared, or gone."""

    first: list[str]
    compared: list[str]
    gone: list[str]


def observe(before: Look | None, now: Look, *, shop: str, at: datetime, run_id: str) -> dict[str, pl.LazyFrame]:
    """Return the tables of `schemas.OBSERVED`, grown by what differs between two looks.

    `before` is None at a shop's first publish; it holds the observed tables so far. `now` has the marts. `at` is the
    instant of the publish; where the clock was set back, it is moved behind what is there. The rows so far stay in
    their order and new ones follow, so that each table is sorted by `at`, and those of one instant by their keys. This
    collects: only people whose membership differs are asked why, and they must be known first.
    """
    so_far = {name: before.tables[name] if before else empty(schema) for name, schema in OBSERVED.items()}
    counts = so_far["segment_counts"].collect()
    newest = pl.concat([table.select(pl.col("at").max()) for table in so_far.values()]).max().collect().item()
    at = at if newest is None else max(at, newest + timedelta(microseconds=1))
    stamps = {
        "shop": pl.lit(shop),
        "at": pl.lit(at, dtype=TIME),
        "as_of": pl.lit(now.as_of, dtype=TIME),
        "run_id": pl.lit(run_id),
    }
    segments = now.tables["segments"].select("segment_id", "rule", "people").collect()
    found = _found(before, counts, segments)
    events = _events(before, now, found)
    more = {
        "segment_events": events.lazy().sort(_WHO),
        "segment_counts": _counts(counts, segments, events, found).lazy(),
        "rfm_cuts_history": _cuts(so_far["rfm_cuts_history"], now.tables["rfm_cuts"]),
    }
    kept = {name: _remembered(so_far[name], name, at) for name in OBSERVED}
    return {
        name: pl.concat([kept[name], conform(more[name].with_columns(**stamps), schema)])
        for name, schema in OBSERVED.items()
    }


def replay(events: pl.LazyFrame) -> pl.LazyFrame:
    """Return `segment_id, customer_key` of those who are in, as SEGMENT_EVENTS in their order tell it."""
    last = events.group_by(_WHO, maintain_order=True).agg(pl.col("kind").last())
    return last.filter(pl.col("kind") != "left").select(_WHO)


def forget(events: pl.LazyFrame, *, until: datetime) -> pl.LazyFrame:
    """Return `events` without the stays that ended before `until`.

    Whole stays go, so that firsts + joins − leaves, and what `replay` returns, stay what they were.
    """
    ended = ((pl.col("kind") == "left") & (pl.col("at") < until)).cast(pl.Int32)
    # A person's events in a segment are in order: one that no such leave follows belongs to a stay that is kept.
    still_to_come = ended.sum().over(_WHO) - ended.cum_sum().over(_WHO) + ended
    return events.filter(still_to_come == 0)


def _found(before: Look | None, counts: pl.DataFrame, segments: pl.DataFrame) -> _Segments:
    there = before.tables["segments"].select("segment_id").collect()["segment_id"].to_list() if before else []
    observed = set(there) & set(counts["segment_id"])
    readable = segments.filter(pl.col("people").is_not_null())["segment_id"].to_list()
    return _Segments(
        first=[segment for segment in readable if segment not in observed],
        compared=[segment for segment in readable if segment in observed],
        gone=sorted(observed - set(segments["segment_id"])),
    )


def _events(before: Look | None, now: Look, found: _Segments) -> pl.DataFrame:
    """Return `segment_id, customer_key, kind, because` of everybody who is first seen, joined or left."""
    members = now.tables["segment_members"].select(_WHO)
    first = members.filter(pl.col("segment_id").is_in(found.first)).with_columns(
        kind=pl.lit("first"), because=pl.lit(None, dtype=pl.String)
    )
    if before is None or not (found.compared or found.gone):
        return first.collect()
    earlier = _members_before(before, [*found.compared, *found.gone])
    later = members.filter(pl.col("segment_id").is_in(found.compared))
    joined = later.join(earlier, on=_WHO, how="anti").with_columns(kind=pl.lit("joined"))
    left = earlier.join(later, on=_WHO, how="anti").with_columns(kind=pl.lit("left"))
    seen, came, went = pl.collect_all([first, joined, left])
    gone = pl.col("segment_id").is_in(found.gone)
    ended = went.filter(gone).with_columns(because=pl.lit(DELETED))
    flipped = because(pl.concat([came, went.filter(~gone)]), before, now)
    return pl.concat([seen, flipped, ended])


def _members_before(before: Look, segments: Collection[str]) -> pl.LazyFrame:
    """Return who was in these segments: the members of then or, where a rule could not be read, what events tell."""
    table = before.tables["segments"].filter(pl.col("people").is_null())
    unreadable = [one for one in table.select("segment_id").collect()["segment_id"] if one in segments]
    members = before.tables["segment_members"].filter(pl.col("segment_id").is_in(segments)).select(_WHO)
    if not unreadable:
        return members
    return pl.concat([members, replay(before.tables["segment_events"].filter(pl.col("segment_id").is_in(unreadable)))])


def _counts(counts: pl.DataFrame, segments: pl.DataFrame, events: pl.DataFrame, found: _Segments) -> pl.DataFrame:
    """Return `segment_id, rule, people, joined, left` of the segments that differ from their last row in `counts`."""
    last = counts.group_by("segment_id", maintain_order=True).agg(pl.col("rule", "people").last().name.prefix("last_"))
    moved = events.group_by("segment_id").agg(
        joined=(pl.col("kind") == "joined").sum().cast(pl.Int64), left=(pl.col("kind") == "left").sum().cast(pl.Int64)
    )
    gone = last.filter(pl.col("segment_id").is_in(found.gone)).select(
        "segment_id", rule="last_rule", people=pl.lit(0, dtype=pl.Int64)
    )
    differs = (
        pl.col("segment_id").is_in([*found.first, *found.gone])
        | (pl.col("joined") + pl.col("left") > 0)
        | pl.col("rule").ne_missing(pl.col("last_rule"))
        | pl.col("people").ne_missing(pl.col("last_people"))
    )
    # What could never be read has not been observed yet.
    observed = pl.col("segment_id").is_in([*found.first, *found.gone, *last["segment_id"]])
    return (
        pl.concat([segments, gone])
        .join(last, on="segment_id", how="left")
        .join(moved, on="segment_id", how="left")
        .with_columns(pl.col("joined", "left").fill_null(0))
        .filter(observed & differs)
        .select("segment_id", "rule", "people", "joined", "left")
        .sort("segment_id")
    )


def _cuts(so_far: pl.LazyFrame, now: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows of `now` where its cuts or its day are not those of the last run that was taken down."""
    last = so_far.filter(pl.col("at") == pl.col("at").max()).select(_CUTS)
    then, these = (frame.sort("score", "currency").collect() for frame in (last, now.select(_CUTS)))
    return now.head(0) if then.equals(these) else now.sort("score", "currency")


def _remembered(so_far: pl.LazyFrame, name: str, at: datetime) -> pl.LazyFrame:
    """Return what is kept of a table's rows."""
    until = at - KEEP
    if name == "segment_counts":
        # The last row says that a segment was looked at: without it, people who stayed would be `first` a second time.
        last = pl.col("at") == pl.col("at").max().over("segment_id")
        return so_far.filter((pl.col("at") >= until) | last)
    if name != "segment_events":
        return so_far.filter(pl.col("at") >= until)
    ends = so_far.filter(pl.col("kind") == "left").select("at")
    oldest, rows = ends.select(pl.col("at").min()).collect().item(), so_far.select(pl.len()).collect().item()
    if oldest is None:
        return so_far
    if rows > MOST_EVENTS:
        too_many = int(rows - FILLED * MOST_EVENTS) // 2
        newest = ends.sort("at").slice(0, too_many).tail(1).collect()["at"]
        until = max([until, *(end + timedelta(microseconds=1) for end in newest)])
    elif oldest >= until - SLACK:
        return so_far
    return forget(so_far, until=until)
