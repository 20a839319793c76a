"""What has arrived from the shop about a person and waits to be merged: one line, and on opening what it is."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from app_streamlit import reads
from app_streamlit.components import formats
from app_streamlit.components.boundary import screen
from app_streamlit.components.statuses import status_words
from regulars.directory.layout import Manifest
from regulars.directory.unmerged import ORDER, PROFILE_COLUMNS, Arrived, Unmerged
from regulars.errors import InboxError

LOOK_SECONDS = 8.0
# Of an address that changed, its parts need no naming.
PARTS = ("company", "phone", "country", "city")


def read(shop: str, row: Mapping[str, Any], orders: pl.DataFrame) -> Unmerged:
    """Return what waits, nothing where the change rows cannot be read: a sentence then says so, and the rest stands."""
    try:
        return reads.unmerged(shop, row, orders)
    except InboxError as error:
        st.warning(f"What arrived since the last run cannot be shown now. {formats.sentence(error.sentence(), 300)}")
        return Unmerged()


def arrivals(shop: str, row: Mapping[str, Any], orders: pl.DataFrame, found: Unmerged, about: Manifest) -> None:
    """Show what was found, and look again every few seconds: the page is drawn anew when something else waits.

    `row` and `orders` are the published ones.
    """
    st.session_state["_arrived"] = found

    def look() -> None:
        # While the whole page runs, its own look is shown; by itself, this part looks again.
        waiting = st.session_state.pop("_arrived", None)
        if waiting is None:
            waiting = read(shop, row, orders)
            if waiting != found:
                st.rerun(scope="app")
        _show(waiting, about)

    st.fragment(screen(look), run_every=LOOK_SECONDS)()


def _show(found: Unmerged, about: Manifest) -> None:
    if not found.complete:
        st.caption("Many change rows wait: only the latest were looked through for this person.")
    if not found.changes:
        return
    count = len(found.changes)
    title = (
        "1 change has arrived that is not merged yet"
        if count == 1
        else f"{count} changes have arrived that are not merged yet"
    )
    with st.expander(title, icon=":material/schedule:", expanded=count <= 3, key="arrivals"):
        for change in found.changes:
            st.text(f"{_what(change)} · received {formats.minute(change.received_at, about.timezone)}")
        st.caption("Figures, lists and segments follow when the next run has merged them, mostly within a minute.")


def _what(change: Arrived) -> str:
    if change.resource != ORDER:
        addresses = {"billing", "shipping"} & set(change.changed)
        changed = ", ".join(
            words
            for name, words in PROFILE_COLUMNS.items()
            if name in change.changed and not (addresses and name in PARTS)
        )
        return "The account was deleted in the shop" if change.gone else f"Profile changed: {changed}"
    number = formats.one_line(change.number) or str(change.resource_id)
    total = formats.money(change.total, change.currency)
    if change.gone:
        return f"Order {number} was deleted or put into the trash · {total}"
    return f"{'New order' if change.is_new else 'Order'} {number}, {status_words(change.status)} · {total}"
