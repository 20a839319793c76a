"""What happened to a person, newest first: orders, refunds, notes, tags, edits, segments, merges, being deleted here.

`events` collects, pure; `timeline` shows what the chosen kinds leave, in groups of a day or a month.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import streamlit as st

from app_streamlit.components import formats
from app_streamlit.components.identity_words import event_words
from app_streamlit.components.statuses import status_words
from regulars.directory.layout import Manifest
from regulars.models import EventKind, Note, PersonEvent

ORDERS, REFUNDS, NOTES, TAGS, EDITS, HIDING = "Orders", "Refunds", "Notes", "Tags", "Edits", "Deleted here"
WHO, SEGMENTS = "Who is who", "Segments"
ICONS: Mapping[str, str] = {
    ORDERS: ":material/shopping_bag:",
    REFUNDS: ":material/undo:",
    NOTES: ":material/sticky_note_2:",
    TAGS: ":material/sell:",
    EDITS: ":material/edit:",
    HIDING: ":material/visibility_off:",
    WHO: ":material/call_merge:",
    SEGMENTS: ":material/group_work:",
}
# What `records.events` knows, as sentences; "{}" is the tag, or the names of the fields.
DONE: Mapping[EventKind, tuple[str, str]] = {
    "created": (EDITS, "Created here"),
    "edited": (EDITS, "Edited here: {}"),
    "tag_added": (TAGS, "Tag {} given"),
    "tag_removed": (TAGS, "Tag {} taken away"),
    "hidden": (HIDING, "Deleted here"),
    "shown": (HIDING, "Shown again"),
}
WHO_IS_WHO: frozenset[EventKind] = frozenset({"merged", "separated", "rejoined"})
AT_ONCE, MORE = 20, 60  # the first ones fill a screen; each is a line that the browser has to lay out
HARD_BREAK = "  \n"
LONGEST_NOTE = 200


@dataclass(frozen=True)
class Event:
    """One thing that happened. `what` and `who` quote what people wrote; `amount` is empty where none belongs."""

    at: datetime
    kind: str
    what: str
    amount: str = ""
    who: str = ""


def events(
    row: Mapping[str, Any],
    orders: pl.DataFrame,
    refunds: pl.DataFrame,
    written: Iterable[Note],
    done: Iterable[PersonEvent],
    *,
    seen: Iterable[Event] = (),
) -> list[Event]:
    """Return everything that happened, newest first; of two things at one moment, what followed is first.

    `seen` are joins and leaves of segments, the newest first.
    """
    found = [*reversed(list(seen)), *_of_account(row), *_of_orders(orders), *_of_refunds(refunds, orders)]
    found += [event for note in written for event in _of_note(note)]
    found += [_of_record(event) for event in _once(sorted(done, key=lambda event: event.id))]
    found.reverse()
    return sorted(found, key=lambda event: event.at, reverse=True)


def timeline(found: Sequence[Event], about: Manifest, key: str) -> None:
    """Show events, by kind and in groups. `key` is the person's: what was chosen belongs to one profile."""
    if not found:
        st.info("Nothing happened yet.")
        return
    kinds, by = _choices(found, key)
    shown = [event for event in found if not kinds or event.kind in kinds]
    limit = st.session_state.get(f"timeline-{key}", AT_ONCE)
    zone = ZoneInfo(about.timezone)

    def group(event: Event) -> str:
        local = event.at.astimezone(zone)
        return f"{local.day} {local:%B %Y}" if by == "Day" else f"{local:%B %Y}"

    for name, members in groupby(shown[:limit], group):
        st.caption(f"**{name}**")
        st.markdown(HARD_BREAK.join(_line(event, zone, by) for event in members))
    if len(shown) > limit:
        st.button(
            f"Show {formats.number(min(MORE, len(shown) - limit))} older",
            key=f"older-{key}",
            on_click=_show_older,
            args=(f"timeline-{key}", limit),
        )
    st.caption(
        f"{formats.number(min(limit, len(shown)))} of {formats.number(len(shown))} events. Times are the shop's."
    )


def _choices(found: Sequence[Event], key: str) -> tuple[list[str], str]:
    there = [kind for kind in ICONS if any(event.kind == kind for event in found)]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        kinds: list[str] = []
        if len(there) > 1:
            kinds = st.pills("What to show", there, selection_mode="multi", key=f"kinds-{key}", persist_state="page")
        by = st.segmented_control(
            "Group by", ("Month", "Day"), default="Month", required=True, key=f"by-{key}", persist_state="page"
        )
    return kinds, by or "Month"


def _show_older(name: str, limit: int) -> None:
    st.session_state[name] = limit + MORE


def _line(event: Event, zone: ZoneInfo, by: str) -> str:
    local = event.at.astimezone(zone)
    when = f"{local:%H:%M}" if by == "Day" else f"{local.day} {local:%b}, {local:%H:%M}"
    amount = f" · **{formats.plain(event.amount)}**" if event.amount else ""
    who = f" · {formats.plain(event.who)}" if event.who else ""
    return f"{ICONS[event.kind]} {formats.plain(event.what, 2 * LONGEST_NOTE)}{amount} · {when}{who}"


def _of_account(row: Mapping[str, Any]) -> list[Event]:
    found: list[Event] = []
    if row["created_at"] is not None and row["woocommerce_id"] is not None:  # a guest's is the first order's time
        found.append(Event(row["created_at"], EDITS, "Account created"))
    if row["deleted_at"] is not None:
        found.append(Event(row["deleted_at"], EDITS, "Account deleted in the shop"))
    return found


def _of_orders(orders: pl.DataFrame) -> list[Event]:
    return [
        Event(
            order["created_at"],
            ORDERS,
            f"Order {formats.one_line(order['number'])}, {status_words(order['status'])}",
            formats.money(order["total"], order["currency"]),
        )
        for order in orders.filter(pl.col("created_at").is_not_null()).iter_rows(named=True)
    ]


def _of_refunds(refunds: pl.DataFrame, orders: pl.DataFrame) -> list[Event]:
    numbers: dict[int, str] = dict(orders.select("order_id", "number").iter_rows())
    return [
        Event(
            refund["created_at"],
            REFUNDS,
            f"Refund on order {formats.one_line(numbers.get(refund['order_id'], str(refund['order_id'])))}"
            + (f": {reason}" if (reason := formats.one_line(refund["reason"])) else ""),
            formats.money(-refund["amount"], refund["currency"]),
        )
        for refund in refunds.filter(pl.col("created_at").is_not_null()).iter_rows(named=True)
    ]


def _of_note(note: Note) -> list[Event]:
    text = formats.one_line(note.text, LONGEST_NOTE)
    if note.edited_at is None:
        return [Event(note.created_at, NOTES, f"Note: {text}", who=note.author)]
    # The first text and its author are history; the note's own versions tell them.
    return [
        Event(note.created_at, NOTES, "Note written, edited since"),
        Event(note.edited_at, NOTES, f"Note edited: {text}", who=note.author),
    ]


def _once(done: Iterable[PersonEvent]) -> Iterator[PersonEvent]:
    """Yield events; a decision on who is who once, though it was written for both who are one person now."""
    told: set[tuple[str, datetime, frozenset[str]]] = set()
    for event in done:
        if event.kind in WHO_IS_WHO:
            about = event.kind, event.at, frozenset({event.customer_key, event.detail})
            if about in told:
                continue
            told.add(about)
        yield event


def _of_record(event: PersonEvent) -> Event:
    if event.kind in WHO_IS_WHO:
        return Event(event.at, WHO, event_words(event), who=event.author)
    kind, sentence = DONE[event.kind]
    return Event(event.at, kind, sentence.format(_detail(event)), who=event.author)


def _detail(event: PersonEvent) -> str:
    if event.kind in ("tag_added", "tag_removed"):
        return f"“{formats.one_line(event.detail)}”"
    return ", ".join(
        field_words(path.strip()) for path in formats.one_line(event.detail, 500).split(",") if path.strip()
    )


def field_words(path: str) -> str:
    """Return what people call the field at a path.

    >>> field_words("billing.address_1"), field_words("email")
    ('billing street', 'e-mail')
    """
    words = {"email": "e-mail", "address_1": "street", "address_2": "street, second line"}
    where, _, name = path.rpartition(".")
    return f"{where} {words.get(name, name.replace('_', ' '))}".strip()
