"""What can be done with people of the list: open, edit, delete here and show again, tag many at once; and undo it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app_streamlit import actions
from app_streamlit.components import filters, formats, links
from app_streamlit.components.people import RowMenu
from regulars.errors import RecordsError

VIEW, EDIT, DELETE, SHOW = "View", "Edit", "Delete", "Show again"
MENU = "row-action"
_ROWS, _CHOSEN, _TABLE, _NOTICE = "_list_rows", "_list_chosen", "_list_table", "_list_notice"
_OPEN, _EDIT, _ASKED = "_list_open", "_list_edit", "_list_delete"
HIDING = (
    "They leave every list, count and segment here. The shop keeps the account and the orders, and notes and tags stay: "
    "the filter “Deleted here” finds them, and there they can be shown again."
)


@dataclass(frozen=True)
class Notice:
    """What was just done, and how to take it back where that can be."""

    sentence: str
    undo: Callable[[], None] | None = None


def remember_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep who is on the page: keys and names, in the order of the rows."""
    shown = [(str(row["customer_key"]), formats.name_of(row)) for row in rows]
    st.session_state[_ROWS] = shown
    on_page = {key for key, _ in shown}
    if not on_page.issuperset(chosen()):
        unchoose()


def table_key() -> str:
    """Return the key of the table of now; it changes where a selection has to be let go."""
    return f"people-{st.session_state.get(_TABLE, 0)}"


def chosen() -> tuple[str, ...]:
    """Return the keys of the rows whose boxes are ticked."""
    keys: tuple[str, ...] = st.session_state.get(_CHOSEN, ())
    return keys


def unchoose() -> None:
    """Let go of every ticked row."""
    st.session_state[_CHOSEN] = ()
    st.session_state[_TABLE] = st.session_state.get(_TABLE, 0) + 1


def selected(table: str, sort_by: Callable[[str], None]) -> None:
    """Take a click on the table: a cell opens the person, a head sorts, a box ticks the row."""
    selection = st.session_state[table]["selection"]
    rows: list[tuple[str, str]] = st.session_state[_ROWS]
    if selection["cells"]:
        st.session_state[_OPEN] = rows[selection["cells"][0][0]][0]
        unchoose()
    elif selection["columns"]:
        unchoose()
        sort_by(selection["columns"][0])
    else:
        st.session_state[_CHOSEN] = tuple(rows[row][0] for row in selection["rows"])


def menu(*, hidden: bool) -> RowMenu:
    """Return the actions of a row."""
    return RowMenu(MENU, (VIEW, SHOW) if hidden else (VIEW, EDIT, DELETE), _row_action)


def open_if_asked() -> None:
    """Leave for the person whose row was clicked."""
    if (key := st.session_state.pop(_OPEN, None)) is not None:
        links.go_to_person(key)
    if (key := st.session_state.pop(_EDIT, None)) is not None:
        links.go("customer", {"customer": key, "edit": "1"})


def confirm_if_asked() -> None:
    """Ask what needs an answer before it is done. Called once the list is drawn."""
    if (asked := st.session_state.pop(_ASKED, None)) is not None:
        _confirm(*asked)


def notice() -> None:
    """Show what was just done, with Undo."""
    told: Notice | None = st.session_state.get(_NOTICE)
    with st.container(horizontal=True, vertical_alignment="center", key="notice", gap="small"):
        if told is None:
            return
        st.markdown(f":material/check_circle: {formats.plain(told.sentence, 300)}", width="content")
        if told.undo is not None:
            st.button("Undo", key="notice-undo", on_click=_undo, args=(told.undo,))
        st.button("✕", key="notice-close", on_click=_close, type="tertiary", help="Close this message")


def tell(sentence: str, undo: Callable[[], None] | None = None) -> None:
    """Show this at the head of the list from now on."""
    st.session_state[_NOTICE] = Notice(sentence, undo)


def attempt(work: Callable[[], None]) -> None:
    """Do what a click asked for; where the store refuses, say so instead."""
    try:
        work()
    except RecordsError as error:
        tell(error.sentence())


def tools(shop: str, ask_tag: Callable[[], None]) -> None:
    """Show what can be done with the ticked rows."""
    keys = chosen()
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key="selected-tools", width="content"
    ):
        st.markdown(f"**{formats.number(len(keys))} selected**", width="content")
        if len(keys) == 1:
            st.button(VIEW, key="selected-view", on_click=_go, args=(_OPEN, keys[0]))
            st.button(EDIT, key="selected-edit", on_click=_go, args=(_EDIT, keys[0]))
        st.button("Tag…", key="selected-tag", on_click=ask_tag)
        if filters.current().hidden:
            st.button(SHOW, key="selected-show", on_click=_show, args=(shop, keys))
        else:
            st.button(DELETE, key="selected-delete", on_click=_go, args=(_ASKED, (shop, keys)))
        st.button("Clear", key="selected-clear", on_click=unchoose, type="tertiary")


def _row_action() -> None:
    click = st.session_state[MENU]
    key = st.session_state[_ROWS][click["row"]][0]
    shop = links.shop()
    match click["label"]:
        case str(label) if label == EDIT:
            _go(_EDIT, key)
        case str(label) if label == DELETE:
            _go(_ASKED, (shop, (key,)))
        case str(label) if label == SHOW:
            _show(shop, (key,))
        case _:
            _go(_OPEN, key)


def _go(where: str, what: object) -> None:
    st.session_state[where] = what


@st.dialog("Delete here?", icon=":material/person_remove:")
def _confirm(shop: str, keys: tuple[str, ...]) -> None:
    st.write(f"**{formats.plain(_names(keys))}**")
    st.write(HIDING)
    with st.container(horizontal=True):
        if st.button("Delete", key="delete-yes", type="primary"):
            attempt(lambda: _hide(shop, keys))
            st.rerun()
        if st.button("Keep", key="delete-no"):
            st.rerun()


def _hide(shop: str, keys: tuple[str, ...]) -> None:
    names = _names(keys)
    for key in keys:
        actions.hide(shop, key)
    unchoose()
    tell(f"{names}: deleted here.", lambda: _show(shop, keys, told=f"{names}: shown again."))


def _show(shop: str, keys: tuple[str, ...], told: str = "") -> None:
    def work() -> None:
        sentence = told or f"{_names(keys)}: shown again."
        for key in keys:
            actions.show(shop, key)
        unchoose()
        tell(sentence)

    attempt(work)


def _names(keys: tuple[str, ...]) -> str:
    if len(keys) > 1:
        return formats.people(len(keys))
    rows: list[tuple[str, str]] = st.session_state[_ROWS]
    return dict(rows).get(keys[0], keys[0])


def _undo(undo: Callable[[], None]) -> None:
    st.session_state.pop(_NOTICE, None)
    attempt(undo)


def _close() -> None:
    st.session_state.pop(_NOTICE, None)
