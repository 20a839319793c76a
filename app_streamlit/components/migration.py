"""How people moved between RFM groups from one day to another: the largest movements in words, all of them in a table."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from app_streamlit import reads, reads_figures
from app_streamlit.components import formats, links
from app_streamlit.components.choices import choose
from app_streamlit.components.people import people_sample
from app_streamlit.components.tables import number_column, text_column, text_table
from regulars import exports
from regulars.directory.layout import Manifest
from transforms.days import as_of_for_day, zone
from transforms.rfm import RFM_GROUPS
from transforms.rules import parse, to_text

PICK = "pick"
SPANS = {"30": "30 days ago", "90": "90 days ago", "365": "A year ago", PICK: "Pick two days"}
USUAL = "90"
NOBODY_YET = "No order yet"
TOLD = 3
LISTED = 500
_OPEN = "_moved_open"
RECONSTRUCTED = (
    "Reconstructed: from the orders known now, with today's statuses and identities, and the scores of each day."
)


@dataclass(frozen=True)
class Movement:
    """How many went from one group (None: no order that counts yet) to another, and their net then and after."""

    before: str | None
    after: str | None
    people: int
    net_before: Mapping[str, Decimal]
    net_after: Mapping[str, Decimal]

    @property
    def way(self) -> str:
        """From where to where."""
        return f"{self.before or NOBODY_YET} → {self.after or NOBODY_YET}"

    @property
    def label(self) -> str:
        """The movement for a choice."""
        return f"{self.way}: {formats.people(self.people)}"

    @property
    def sentence(self) -> str:
        """The movement in words."""
        who = formats.people(self.people)
        net = formats.totals({currency: net for currency, net in self.net_after.items() if net}) or "0"
        if self.before is None:
            return f"{who} ordered for the first time and came to {self.after}, {net} net."
        if self.after is None:
            return f"{who} of {self.before} have no order that counts any more."
        verb = "fell" if RFM_GROUPS.index(self.after) > RFM_GROUPS.index(self.before) else "rose"
        return f"{who} {verb} from {self.before} to {self.after}, {net} net."


def migration(shop: str, currency: str) -> None:
    """Show who moved between the groups; the table's net is in `currency`."""
    if (key := st.session_state.pop(_OPEN, None)) is not None:
        links.go_to_person(key)
    about = reads.manifest(shop)
    st.header("Who moved between the groups?", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        span = choose("moved", SPANS, label="Compare with", default=USUAL)
        first, last = _picked(about) if span == PICK else _preset(about, int(span))
    if first >= last:
        st.warning("The first day must lie before the second one.")
        return
    st.caption(f"{_words(first)} against {_words(last)}, each at its end. {RECONSTRUCTED}")
    since, until = (as_of_for_day(day + timedelta(days=1), about.timezone) for day in (first, last))
    until = min(until, about.as_of)
    with st.spinner("Working out both days. A large shop takes some seconds …"):
        moved = movements(reads_figures.migration(shop, since, until))
    _tell(moved, currency)
    _open(shop, moved, since, until, about)


def movements(told: pl.DataFrame) -> list[Movement]:
    """Return the movements of `transforms.migration`, the most people first; who stayed is among them."""
    found: dict[tuple[str | None, str | None], list[dict[str, Any]]] = {}
    for row in told.iter_rows(named=True):
        found.setdefault((row["from_group"], row["to_group"]), []).append(row)
    made = [
        Movement(
            before,
            after,
            sum(row["people"] for row in rows),
            {row["currency"]: row["net_before"] for row in rows if row["currency"] is not None},
            {row["currency"]: row["net_after"] for row in rows if row["currency"] is not None},
        )
        for (before, after), rows in found.items()
    ]
    return sorted(made, key=lambda each: (-each.people, _place(each.before), _place(each.after)))


def last_day(about: Manifest) -> date:
    """Return the last day that the figures hold: the one that ends at their as-of instant, live today."""
    return about.as_of.astimezone(zone(about.timezone)).date() - timedelta(days=1)


def _preset(about: Manifest, days: int) -> tuple[date, date]:
    last = last_day(about)
    return last - timedelta(days=days), last


def _picked(about: Manifest) -> tuple[date, date]:
    last = last_day(about)
    usual = _preset(about, int(USUAL))
    days = [
        st.date_input(label, usual[place], max_value=last, min_value=date(1990, 1, 1), key=f"moved-{place}", width=150)
        for place, label in enumerate(("From the end of", "To the end of"))
    ]
    first, second = (day if isinstance(day, date) else last for day in days)
    return first, second


def _words(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _place(group: str | None) -> int:
    return len(RFM_GROUPS) if group is None else RFM_GROUPS.index(group)


def _tell(moved: Sequence[Movement], currency: str) -> None:
    went = [each for each in moved if each.before != each.after]
    stayed = sum(each.people for each in moved if each.before == each.after)
    if not went:
        st.info(f"Nobody moved. {formats.people(stayed)} stayed where they were.")
        return
    told = [each for each in went if each.before is not None][:TOLD]
    told += [each for each in went if each.before is None][:1]
    st.markdown("\n".join(f"- {formats.sentence(each.sentence, 400)}" for each in told))
    st.caption(f"{formats.people(stayed)} stayed in their group.")
    _table(went, currency)


def _table(went: Sequence[Movement], currency: str) -> None:
    """Show every movement, with the net in one currency: sums of several do not fit into a cell."""
    then, after = (f"Net {when}, {formats.one_line(currency, 8)}" for when in ("then", "after"))
    columns = {
        "Movement": text_column("Movement", width=225),
        "People": number_column("People", width=70, format="%,d"),
        then: text_column(then, width=150, alignment="right"),
        after: text_column(after, width=150, alignment="right"),
    }
    nothing = Decimal(0)
    rows = [
        {
            "Movement": each.way,
            "People": each.people,
            then: formats.amount(each.net_before.get(currency, nothing), currency),
            after: formats.amount(each.net_after.get(currency, nothing), currency),
        }
        for each in went
    ]
    text_table(rows, columns, key="moved")


def _open(shop: str, moved: Sequence[Movement], since: datetime, until: datetime, about: Manifest) -> None:
    """Show who made a movement, for whoever asks: by a rule where one can say it, always as a file."""
    went = {each.label: each for each in moved if each.before != each.after}
    if not went:
        return
    label = st.selectbox(
        "Who were they?", list(went), index=None, placeholder="Choose a movement", key="moved-who", width=420
    )
    if label is None:
        return
    movement = went[label]
    with st.spinner("Looking for them …"):
        people = reads_figures.moved(shop, since, until, movement.before, movement.after)
    with st.container(horizontal=True):
        st.download_button(
            f"Export {formats.people(people.height)}",
            data=functools.partial(exports.to_csv, people, timezone=about.timezone),
            file_name=exports.file_name(shop, movement.way, last_day(about)),
            mime="text/csv",
            icon=":material/download:",
            key="moved-export",
            on_click="ignore",
        )
        if until == about.as_of and movement.before is None and movement.after is not None:
            rule = (
                f'rfm_group = "{movement.after}" and first_order >= {since.astimezone(zone(about.timezone)):%Y-%m-%d}'
            )
            if st.button("Open in the list", key="moved-open"):
                links.go("customers", {"rule": to_text(parse(rule))})
    listed = people.head(LISTED)
    first = f"The {LISTED} with the largest net now; the file has all of them." if people.height > LISTED else ""
    st.caption(f"{first} Figures and groups are those of now. Choose a row to open the profile.".strip())
    keys = listed["customer_key"].to_list()
    people_sample(
        listed.to_dicts(),
        today=reads.today(about),
        timezone=about.timezone,
        key="moved-people",
        on_open=lambda place: st.session_state.update({_OPEN: keys[place]}),
    )
