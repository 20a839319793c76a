"""The filters of the list: search, chips, and what adds to them. The list's state is one object in the session."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from app_streamlit import reads
from app_streamlit.components import formats, links
from app_streamlit.components.list_state import (
    ADDRESS,
    COLUMNS,
    SORT_LABELS,
    ListState,
    chips,
    from_address,
    with_rule,
    without_gone,
)
from app_streamlit.components.people import RFM_HELP
from regulars.models import Segment
from transforms.rfm import RFM_GROUPS
from transforms.rules import FIELDS, RuleError, evaluation_order

_STATE, _WRITTEN, SEARCH, RULE = "_list", "_list_written", "q", "filter-rule"
PROBLEM = "_list_problem"
SEGMENT_HELP = "A saved rule. Whoever it describes now is in the segment; nobody is put there by hand."
TAG_HELP = "What your team calls a person. Tags stay here: the shop and the customer never see them."

# Static, no data: chips are small and round, and "/" leads to the search from wherever nothing is typed.
STYLE = """
<style>
.st-key-chips button {border-radius: 16px; min-height: 30px; padding: 2px 12px;}
.st-key-chips button p {font-size: 13px; overflow-wrap: anywhere; text-align: left;}
@media (max-width: 767px) {.st-key-columns-menu {display: none;}}
.st-key-list-tools button, .st-key-selected-tools button {min-height: 34px; padding: 2px 12px;}
</style>
"""
SLASH = """
<script>
if (!window.regularsSlash) {
  window.regularsSlash = true;
  document.addEventListener("keydown", event => {
    const typing = event.target.closest("input, textarea, select, [contenteditable=true]");
    const search = document.querySelector(".st-key-q input");
    if (event.key === "/" && !typing && search && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });
}
</script>
"""


def seed(segments: Sequence[Segment]) -> None:
    """Take the list from the address when the page is opened or the address was changed, not while it is used."""
    address = {name: values for name in ADDRESS if (values := links.asked_all(name))}
    if _STATE in st.session_state and SEARCH in st.session_state and st.session_state.get(_WRITTEN) == address:
        return
    state, unreadable = from_address(address)
    state, gone = without_gone(state, segments)
    problem = formats.plain(" ".join(filter(None, (unreadable, gone))), 800)
    st.session_state[_STATE], st.session_state[SEARCH] = state, state.search
    st.session_state[PROBLEM] = problem


def current() -> ListState:
    """Return the list as it is now."""
    state: ListState = st.session_state[_STATE]
    return state


def change(state: ListState) -> None:
    """Show another list from now on."""
    st.session_state[_STATE] = state
    st.session_state[SEARCH] = state.search
    st.session_state.pop(PROBLEM, None)


def narrow(**changes: Any) -> None:
    """Change some of the filters, and begin at the first page."""
    change(replace(current(), page=1, **changes))


def remember(page: int) -> None:
    """Write the list into the address, with the page that is shown: one past the end is the last."""
    st.session_state[_STATE] = replace(current(), page=page)
    address = current().address()
    st.session_state[_WRITTEN] = address
    links.remember_list(address)


def bar(shop: str, segments: Sequence[Segment]) -> None:
    """Show search, sort, what adds a filter, and a chip for each filter there is."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            "Search",
            key=SEARCH,
            type="search",
            placeholder="Name, e-mail, phone, company or order number",
            label_visibility="collapsed",
            on_change=_typed,
            live="120ms",
            max_chars=200,
        )
        st.session_state["sort"] = current().sort
        st.selectbox(
            "Sort",
            list(SORT_LABELS),
            key="sort",
            format_func=SORT_LABELS.__getitem__,
            label_visibility="collapsed",
            on_change=lambda: narrow(sort=st.session_state["sort"]),
            width=230,
        )
        adding = st.popover("Filter", icon=":material/filter_list:", key="filters", on_change="rerun")
        if adding.open:
            with adding:
                _choices(shop, segments)
    # Places of their own: were a chip or a message to push what follows along, the table would be drawn anew.
    with st.container(key="list-problem"):
        if problem := st.session_state.get(PROBLEM):
            st.warning(problem)
    _chips({segment.id: segment.name for segment in segments})


def prepare() -> None:
    """Style chips and tools, and let "/" lead to the search. Once a page, not again on each key press."""
    st.html(STYLE)
    st.html(SLASH, unsafe_allow_javascript=True)


def columns_menu() -> None:
    """Show which columns the list has, beside the customer's name."""
    with st.popover("Columns", icon=":material/view_column:", key="columns-menu"):
        st.session_state["list-columns"] = list(current().columns)
        st.pills(
            "Columns",
            list(COLUMNS),
            selection_mode="multi",
            key="list-columns",
            format_func=COLUMNS.__getitem__,
            on_change=_columns,
            help="A phone always shows name, net and last order; the profile shows everything.",
        )


def _chips(names: dict[str, str]) -> None:
    shown = chips(current(), names)
    with st.container(horizontal=True, gap="xsmall", key="chips"):
        for place, chip in enumerate(shown):
            st.button(
                f"{formats.plain(chip.label, 120)} ✕",
                key=f"chip-{place}",
                help="Take this filter away",
                on_click=change,
                args=(chip.without,),
            )
        if len(shown) > 1:
            st.button("Clear all", key="chips-clear", type="tertiary", on_click=_clear)


def _choices(shop: str, segments: Sequence[Segment]) -> None:
    state = current()
    _many("RFM group", "rfm", list(RFM_GROUPS), state.rfm, help_text=RFM_HELP)
    usable = evaluation_order(segments).rules
    names = {segment.id: formats.one_line(segment.name) for segment in segments if segment.id in usable}
    if names:
        _select("Segment", "segments", list(names), state.segments, names=names, help_text=SEGMENT_HELP)
    tags = sorted({*reads.tag_counts(shop), *state.tags}, key=str.casefold)
    if tags:
        _select("Tag", "tags", tags, state.tags, help_text=TAG_HELP)
    countries = sorted({*reads.countries(shop), *state.countries})
    if countries:
        _select("Country", "countries", countries, state.countries, help_text="The country's two-letter code.")
    st.text_input(
        "Rule",
        key=RULE,
        placeholder="orders_count >= 3 and last_order older than 90 days",
        on_change=_add_rule,
        args=(segments,),
        help="Narrow the list by a rule and press Enter; it may ask about orders, products and segments: "
        '`orders(count >= 2, within 90 days)`, `bought(category = "Mugs")`, `in_segment("vip")`. Fields: '
        + ", ".join(f"`{name}`" for name in FIELDS)
        + ".",
    )
    if message := st.session_state.pop("_rule_refused", None):
        st.error(formats.sentence(message, 400))
    st.session_state["filter-hidden"] = state.hidden
    st.toggle(
        "Deleted here",
        key="filter-hidden",
        on_change=lambda: narrow(hidden=st.session_state["filter-hidden"]),
        help="Show those who were deleted here, and nobody else. The shop still has them.",
    )


def _many(label: str, field: str, options: list[str], chosen: Sequence[str], *, help_text: str) -> None:
    key = f"filter-{field}"
    st.session_state[key] = list(chosen)
    st.pills(
        label,
        options,
        selection_mode="multi",
        key=key,
        on_change=lambda: narrow(**{field: tuple(st.session_state[key])}),
        help=help_text,
    )


def _select(
    label: str,
    field: str,
    options: list[str],
    chosen: Sequence[str],
    *,
    help_text: str,
    names: dict[str, str] | None = None,
) -> None:
    key = f"filter-{field}"
    st.session_state[key] = list(chosen)
    st.multiselect(
        label,
        options,
        key=key,
        format_func=lambda option: names[option] if names else formats.one_line(option),
        placeholder="Any",
        on_change=lambda: narrow(**{field: tuple(st.session_state[key])}),
        help=help_text,
    )


def _typed() -> None:
    st.session_state[_STATE] = replace(current(), page=1, search=st.session_state[SEARCH])
    st.session_state.pop(PROBLEM, None)


def _columns() -> None:
    chosen = st.session_state["list-columns"]
    change(replace(current(), columns=tuple(column for column in COLUMNS if column in chosen)))


def _add_rule(segments: Sequence[Segment]) -> None:
    text = st.session_state[RULE]
    if not text.strip():
        return
    try:
        change(with_rule(current(), text, segments))
    except RuleError as error:
        st.session_state["_rule_refused"] = error.told
    else:
        st.session_state[RULE] = ""


def _clear() -> None:
    state = current()
    change(replace(state.unfiltered(), search=state.search))
