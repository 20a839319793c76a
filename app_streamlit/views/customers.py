"""The list of customers: search, filters, sort, pages. Its whole state stands in the address."""

from typing import Any

import streamlit as st

from app_streamlit import figures, reads
from app_streamlit.components import formats, links
from app_streamlit.components.boundary import screen
from app_streamlit.components.frame import head
from regulars.directory.query import SORTS, PeopleQuery
from transforms.rfm import RFM_GROUPS

SORT_LABELS = {
    "net": "Net, highest first",
    "orders": "Orders, most first",
    "average": "Average order, highest first",
    "last_order": "Last order, newest first",
    "-last_order": "Last order, oldest first",
    "-first_order": "Customers longest",
    "-name": "Name, A to Z",
    "-country": "Country, A to Z",
    "-rfm": "RFM group, best first",
    "-net": "Net, lowest first",
    "-orders": "Orders, fewest first",
    "-average": "Average order, lowest first",
    "first_order": "First order, newest first",
    "created": "Newest accounts first",
    "-created": "Oldest accounts first",
    "name": "Name, Z to A",
    "country": "Country, Z to A",
    "rfm": "RFM group, lost first",
}
# A click on a column's head sorts by it, in the direction people mostly want first; a second click turns it around.
COLUMN_SORTS = {
    "customer": "-name",
    "net": "net",
    "last_order": "last_order",
    "rfm": "-rfm",
    "orders": "orders",
    "average": "average",
    "country": "-country",
}
DEFAULT_SORT = "net"
FILTERS = ("q", "rfm", "segment", "tag", "sort")


@screen
def show() -> None:
    """Show the page."""
    shop = links.shop()
    head("Customers", "Everyone who has an account or has ordered. Choose a row to open the person.")
    _seed()
    query = _filters(shop)
    page = reads.people(shop, query)
    _result_line(page.total, page.everyone, formats.totals(page.net))
    if page.total == 0:
        _nobody(filtered=page.everyone > 0)
        return
    about = reads.manifest(shop)
    rows = page.rows.to_dicts()
    st.session_state["_keys_shown"] = [row["customer_key"] for row in rows]
    table = f"people-{st.session_state.get('_table', 0)}"
    figures.people_table(rows, today=reads.today(about), timezone=about.timezone, key=table, on_select=_selected)
    if page.pages > 1:
        turned = f"turn-{page.page}-of-{page.pages}"
        # A width of its own: left to its content, Streamlit hides the second of two pages.
        st.pagination(
            page.pages, default=page.page, key=turned, max_visible_pages=5, width=320, on_change=_turn, args=(turned,)
        )
    if "_open" in st.session_state:
        links.go_to_person(st.session_state.pop("_open"))


def _seed() -> None:
    """Take the filters from the address when the page is opened or the address was changed, not while it is used."""
    address = {name: links.asked_all(name) for name in (*FILTERS, "page")}
    written = st.session_state.get("_written")
    if "q" in st.session_state and written == address:
        return
    groups, sort, page = address["rfm"], "".join(address["sort"][-1:]), "".join(address["page"][-1:])[:9]
    st.session_state["q"] = "".join(address["q"][-1:])
    st.session_state["rfm"] = [group for group in groups if group in RFM_GROUPS]
    st.session_state["segment"] = address["segment"]
    st.session_state["tag"] = address["tag"]
    st.session_state["sort"] = sort if sort in SORT_LABELS else DEFAULT_SORT
    st.session_state["page"] = max(1, int(page)) if page.isdecimal() else 1


def _filters(shop: str) -> PeopleQuery:
    """Show search, chips and sort; return the query they mean, and write it into the address."""
    state: Any = st.session_state
    saved = {segment.id: segment.name for segment in reads.segments(shop)}
    tags = sorted({*reads.tags_in_use(shop), *state["tag"]}, key=str.casefold)
    if any(segment not in saved for segment in state["segment"]):
        st.warning("A segment in this address was deleted; it filters nothing.")
        state["segment"] = [segment for segment in state["segment"] if segment in saved]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Search",
            key="q",
            type="search",
            placeholder="Name, e-mail, phone, company or order number",
            label_visibility="collapsed",
            on_change=_first_page,
            live="300ms",
        )
        st.selectbox(
            "Sort",
            list(SORT_LABELS),
            key="sort",
            format_func=SORT_LABELS.__getitem__,
            label_visibility="collapsed",
            on_change=_first_page,
            width=230,
        )
    # Their labels are shown: a segment may be called like an RFM group.
    st.pills("RFM group", RFM_GROUPS, selection_mode="multi", key="rfm", on_change=_first_page)
    if saved:
        st.pills(
            "Segment",
            list(saved),
            selection_mode="multi",
            key="segment",
            format_func=lambda segment: formats.plain(saved[segment]),
            on_change=_first_page,
        )
    if tags:
        st.multiselect(
            "Tags", tags, key="tag", placeholder="Any tag", on_change=_first_page, label_visibility="collapsed"
        )
    _remember()
    return PeopleQuery(
        search=state["q"],
        rfm_groups=tuple(state["rfm"]),
        segments=tuple(state["segment"]),
        tags=tuple(state["tag"]),
        sort=state["sort"].removeprefix("-"),
        descending=not state["sort"].startswith("-"),
        page=state["page"],
        page_size=reads.settings().page_size,
    )


def _remember() -> None:
    state: Any = st.session_state
    sort = "" if state["sort"] == DEFAULT_SORT else state["sort"]
    page = "" if state["page"] == 1 else str(state["page"])
    address = {
        "q": [state["q"]] if state["q"] else [],
        "rfm": list(state["rfm"]),
        "segment": list(state["segment"]),
        "tag": list(state["tag"]),
        "sort": [sort] if sort else [],
        "page": [page] if page else [],
    }
    st.session_state["_written"] = address
    links.remember_list({name: values for name, values in address.items() if values})


def _result_line(total: int, everyone: int, net: str) -> None:
    found = formats.people(total) if total == everyone else f"{formats.number(total)} of {formats.people(everyone)}"
    st.markdown(f"**{found}** · {net} net")


def _nobody(*, filtered: bool) -> None:
    if not filtered:
        st.info("This shop has no customers yet. They appear here after the next sync.")
        return
    st.info("Nobody matches. Take a filter away, or search for less.")
    st.button("Show everyone", on_click=_reset)


def _selected(table: str) -> None:
    """Open the person of the clicked cell, or sort by the clicked head; then give the table a fresh selection."""
    chosen = st.session_state[table]["selection"]
    st.session_state["_table"] = st.session_state.get("_table", 0) + 1
    if chosen["cells"]:
        row = chosen["cells"][0][0]
        st.session_state["_open"] = st.session_state["_keys_shown"][row]
    elif chosen["columns"] and chosen["columns"][0] in COLUMN_SORTS:
        _sort_by(COLUMN_SORTS[chosen["columns"][0]])


def _sort_by(first: str) -> None:
    turned = first[1:] if first.startswith("-") else f"-{first}"
    st.session_state["sort"] = turned if st.session_state["sort"] == first else first
    _first_page()


def _turn(widget: str) -> None:
    st.session_state["page"] = st.session_state[widget]


def _first_page() -> None:
    st.session_state["page"] = 1


def _reset() -> None:
    st.session_state.update({"q": "", "rfm": [], "segment": [], "tag": [], "page": 1})


assert {label.removeprefix("-") for label in SORT_LABELS} == set(SORTS)
