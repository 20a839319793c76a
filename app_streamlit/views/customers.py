"""The list of customers: search, filters, sort, pages, and what can be done with people. It stands in the address."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from app_streamlit import identities, reads
from app_streamlit.components import filters, formats, links, list_tools, selection, tagging
from app_streamlit.components.boundary import screen
from app_streamlit.components.forms import new_customer_button
from app_streamlit.components.frame import head
from app_streamlit.components.people import people_table
from regulars.directory.layout import Manifest
from regulars.directory.query import PeoplePage

# A click on a column's head sorts by it, in the direction people mostly want first; a second click turns it around.
COLUMN_SORTS: Mapping[str, str] = {
    "customer": "-name",
    "net": "net",
    "last_order": "last_order",
    "rfm": "-rfm",
    "orders": "orders",
    "average": "average",
    "country": "-country",
    "first_order": "first_order",
    "created": "created",
}


@screen
def show() -> None:
    """Show the page."""
    shop = links.shop()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        with st.container(width="content"):
            head("Customers", "Everyone who has an account or has ordered. Choose a row to open the person.")
        with st.container(horizontal=True, width="content", gap="small"):
            _shared_addresses(shop)
            new_customer_button(shop)
    filters.seed(reads.segments(shop))
    filters.prepare()
    # Guarded by itself: while the list is used, only this part of the page runs.
    st.fragment(screen(lambda: _list(shop)))()


def _shared_addresses(shop: str) -> None:
    """Lead to the addresses that strangers share, where any waits for a decision."""
    if count := len(identities.shared_addresses(shop)):
        words = "1 shared address" if count == 1 else f"{formats.number(count)} shared addresses"
        if st.button(words, icon=":material/alternate_email:", type="tertiary", key="shared-addresses"):
            links.go("shared")


def _list(shop: str) -> None:
    selection.open_if_asked()  # first of all: nobody waits for a list that is left
    segments, about = reads.segments(shop), reads.manifest(shop)
    filters.bar(shop, segments)
    page = reads.people(shop, filters.current().query(reads.settings().page_size))
    filters.remember(page.page)
    rows = page.rows.to_dicts()
    selection.remember_rows(rows)
    selection.notice()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="list-head"):
        _result_line(page, about)
        if selection.chosen():
            selection.tools(shop, tagging.ask)
        else:
            list_tools.tools(shop, page, about, segments)
    if rows:
        _table(rows, page, about)
    else:
        _nobody(everyone=page.everyone)
    tagging.open_if_asked(shop, page.total)
    selection.confirm_if_asked()


def _table(rows: Sequence[Mapping[str, Any]], page: PeoplePage, about: Manifest) -> None:
    state = filters.current()
    people_table(
        rows,
        state.columns,
        sort=state.sort,
        today=reads.today(about),
        timezone=about.timezone,
        key=selection.table_key(),
        on_select=lambda table: selection.selected(table, _sort_by),
        menu=selection.menu(hidden=state.hidden),
    )
    if page.pages > 1:
        turned = f"turn-{page.page}-of-{page.pages}"
        # A width of its own: left to its content, Streamlit hides the second of two pages.
        st.pagination(
            page.pages, default=page.page, key=turned, max_visible_pages=5, width=320, on_change=_turn, args=(turned,)
        )


def _result_line(page: PeoplePage, about: Manifest) -> None:
    total, everyone = page.total, page.everyone
    found = formats.people(total) if total == everyone else f"{formats.number(total)} of {formats.people(everyone)}"
    if filters.current().hidden:
        found = f"{formats.people(total)} deleted here"
    known = "" if about.live else f" · everybody known today, with figures as of {_day(about)}"
    st.markdown(f"**{found}** · {formats.totals(page.net)} net{known}", width="content")


def _day(about: Manifest) -> str:
    return formats.day(about.as_of, about.timezone)


def _nobody(*, everyone: int) -> None:
    state = filters.current()
    if state == replace(state.unfiltered(), hidden=True):
        st.info("Nobody was deleted here.")
    elif state.filtered or everyone:
        st.info("Nobody matches. Take a filter away, or search for less.")
    else:
        st.info("This shop has no customers yet. They appear here after the next sync.")
        return
    st.button("Show everyone", on_click=lambda: filters.change(filters.current().unfiltered()))


def _sort_by(column: str) -> None:
    first = COLUMN_SORTS.get(column)
    if first is None:
        return
    turned = first[1:] if first.startswith("-") else f"-{first}"
    filters.narrow(sort=turned if filters.current().sort == first else first)


def _turn(widget: str) -> None:
    filters.change(replace(filters.current(), page=st.session_state[widget]))
