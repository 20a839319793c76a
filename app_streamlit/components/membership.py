"""Who was seen in a segment: its people over time, who joined and left it, and why, as publishes took it down."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import altair as alt
import polars as pl
import streamlit as st

from app_streamlit import reads, reads_membership
from app_streamlit.charts import ACCENT
from app_streamlit.components import formats, links, timeline
from regulars.directory.layout import Manifest
from regulars.models import Segment
from transforms.days import shop_time, zone
from transforms.rules import RuleError, parse, words

TREND_DAYS = 90
RECENT_DAYS = 30
AT_ONCE = 10
HEIGHT = 160
LONGEST_WHY = 300
# Conditions are joined by "; ", which may also stand in a text in quotes.
REASON = re.compile(r"""(?! )(?:"(?:[^"\\]|\\.)*"|;(?! )|[^;])+""")


class Trend(NamedTuple):
    """A segment's course: people at the end of each day since it was first observed, and the moves of 30 days."""

    days: list[date]
    people: list[int | None]
    joined: int
    left: int


NOT_OBSERVED = Trend([], [], 0, 0)


def trends(shop: str) -> dict[str, Trend]:
    """Return the course of each segment that was observed, by id."""
    about, counts = reads.manifest(shop), reads_membership.counts(shop)
    return {
        str(segment): trend(mine, until=about.published_at, timezone=about.timezone)
        for (segment,), mine in counts.group_by("segment_id", maintain_order=True)
    }


def trend(counts: pl.DataFrame, *, until: datetime, timezone: str) -> Trend:
    """Return the course of the one segment that `counts` (SEGMENT_COUNTS, oldest first) tells of, up to `until`.

    At most 90 shop days, the newest; a day without a row is like the one before it. `until` is the last publish.
    """
    if counts.is_empty():
        return NOT_OBSERVED
    rows = counts.select(day=shop_time(pl.col("at"), timezone).dt.date(), people="people")
    by_day = rows.group_by("day", maintain_order=True).agg(row=pl.struct("people").last())
    last = max(until, counts["at"][-1]).astimezone(zone(timezone)).date()
    every = pl.DataFrame({"day": pl.date_range(rows["day"][0], last, eager=True)})
    # Carried on as rows, so that a null of the table (the rule could not be read) is carried on too.
    filled = every.join(by_day, on="day", how="left", maintain_order="left").with_columns(pl.col("row").forward_fill())
    course = filled.select("day", pl.col("row").struct.field("people")).tail(TREND_DAYS)
    recent = counts.filter(pl.col("at") > until - timedelta(days=RECENT_DAYS))
    return Trend(
        course["day"].to_list(), course["people"].to_list(), int(recent["joined"].sum()), int(recent["left"].sum())
    )


def moved_words(course: Trend) -> str:
    """Return the moves of the last 30 days in words, or since the first observed day where that is later.

    >>> moved_words(Trend([date(2026, 10, 1), date(2026, 11, 1)], [4, 13], 12, 3))
    '+12 joined, −3 left in the last 30 days'
    >>> moved_words(Trend([date(2026, 11, 1)], [4], 0, 0))
    'Observed since 1 Nov 2026: nobody joined or left'
    """
    if not course.joined and not course.left:
        moved = "nobody joined or left"
    else:
        moved = f"+{formats.number(course.joined)} joined, −{formats.number(course.left)} left"
    if (since := observed_lately(course)) is not None:
        return f"Observed since {since.day} {since:%b %Y}: {moved}"
    return f"{moved[0].upper()}{moved[1:]} in the last {RECENT_DAYS} days"


def observed_lately(course: Trend) -> date | None:
    """Return the first observed day where fewer than 30 days were observed: nobody knows who moved before it."""
    days = course.days
    return days[0] if days and (days[-1] - days[0]).days < RECENT_DAYS else None


def panel(shop: str, segment: Segment) -> None:
    """Show a saved segment's people over time, and its latest joins and leaves with why."""
    about = reads.manifest(shop)
    counts = reads_membership.counts(shop).filter(pl.col("segment_id") == segment.id)
    with st.container(key="membership"):
        st.subheader("Joined and left", anchor=False)
        if counts.is_empty():
            st.caption("Nothing was observed yet: the next sync takes down who is in, later ones who joined and left.")
            return
        course = trend(counts, until=about.published_at, timezone=about.timezone)
        begun = formats.day(counts["at"][0], about.timezone)
        since = "" if observed_lately(course) else f", observed since {begun}"
        st.caption(f"{moved_words(course)}. This is what each sync saw{since}, not computed again later.")
        _over_time(course)
        _moves(shop, segment, about)


def events_of(shop: str, key: str) -> list[timeline.Event]:
    """Return a person's joins and leaves for the timeline."""
    names = _names(shop)
    return [
        timeline.Event(event["at"], timeline.SEGMENTS, move_words(event, names))
        for event in reads_membership.moves_of(shop, key).iter_rows(named=True)
    ]


def move_words(event: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Return a row of SEGMENT_EVENTS as a sentence; `names` has the segments' names by id.

    >>> move_words({"segment_id": "vip", "kind": "joined", "because": "f >= 4"}, {"vip": "VIP"})
    'Joined segment “VIP”: frequency score at least 4'
    """
    name = f"“{formats.one_line(names.get(event['segment_id'], event['segment_id']))}”"
    if event["kind"] == "first":
        return f"In segment {name} when it was first looked at"
    done = "Joined" if event["kind"] == "joined" else "Left"
    why = why_words(event["because"], names)
    return f"{done} segment {name}{f': {why}' if why else ''}"


def why_words(because: str | None, names: Mapping[str, str]) -> str:
    """Return why somebody joined or left, in words where it is rule text.

    >>> why_words("(the rule was changed)", {}), why_words("orders_count >= 3; r = 5", {})
    ('the rule was changed', 'at least 3 orders and recency score is 5')
    >>> why_words('city = "Bonn; Beuel"', {})
    'city is “Bonn; Beuel”'
    """
    if because is None or because.startswith("("):
        return (because or "").strip("()")
    return formats.one_line(" and ".join(_words(part, names) for part in REASON.findall(because)), LONGEST_WHY)


def _words(text: str, names: Mapping[str, str]) -> str:
    try:
        return words(parse(text), names)
    except RuleError:  # shortened, or written by another release
        return text


def _names(shop: str) -> dict[str, str]:
    return {segment.id: segment.name for segment in reads.segments(shop)}


def _over_time(course: Trend) -> None:
    data = pl.DataFrame({"day": [day.isoformat() for day in course.days], "people": course.people}, strict=False)
    line = (
        alt.Chart(alt.Data(values=data.to_dicts()))
        .mark_line(interpolate="step-after", color=ACCENT[st.context.theme.type], point=len(course.days) == 1)
        .encode(
            # A day without a time is midnight in UTC to a browser: shown in UTC it stays that day everywhere.
            x=alt.X("day:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(format="%-d %b")),
            y=alt.Y("people:Q", title="People", scale=alt.Scale(zero=True), axis=alt.Axis(tickMinStep=1, format=",d")),
            tooltip=[
                alt.Tooltip("utcyearmonthdate(day):T", title="Day"),
                alt.Tooltip("people:Q", title="People", format=",d"),
            ],
        )
        .properties(height=HEIGHT)
    )
    st.altair_chart(line, alt=f"Line: people in the segment over {len(course.days)} days, {course.people[-1]} now.")


def _moves(shop: str, segment: Segment, about: Manifest) -> None:
    total = reads_membership.moves_count(shop, segment.id)
    if not total:
        st.caption("Nobody was seen to join or leave yet.")
        return
    shown = st.session_state.get(f"moves-{segment.id}", AT_ONCE)
    names = _names(shop)
    for number, move in enumerate(reads_membership.moves(shop, segment.id, limit=shown)):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"move-{number}"):
            done = "Joined" if move["kind"] == "joined" else "Left"
            if move["name"] is None:
                st.caption("Somebody who is not here any more")
            elif st.button(formats.plain(move["name"]), key=f"move-open-{number}", type="tertiary"):
                links.go_to_person(move["customer_now"])
            why = why_words(move["because"], names)
            st.caption(f"{done} {formats.minute(move['at'], about.timezone)} · {formats.plain(why, LONGEST_WHY)}")
    if total > shown:
        left = formats.number(min(AT_ONCE * 3, total - shown))
        st.button(f"Show {left} older", key="moves-older", on_click=_show_older, args=(segment.id, shown))
    st.caption(f"{formats.number(min(shown, total))} of {formats.number(total)}. Times are the shop's.")


def _show_older(segment_id: str, shown: int) -> None:
    st.session_state[f"moves-{segment_id}"] = shown + AT_ONCE * 3
