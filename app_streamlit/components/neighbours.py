"""Where a person stands in the list that was looked at last, and the way to the previous and the next one."""

import streamlit as st

from app_streamlit import reads
from app_streamlit.components import formats, links, list_state
from regulars.directory.query import Place
from regulars.errors import RecordsError
from transforms.rules import RuleError


def neighbours(shop: str, key: str) -> None:
    """Show the person's position in the list and the steps to both sides; nothing for who is not in that list."""
    place = _place(shop, key)
    if place is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content", key="neighbours"):
        _step("Previous", ":material/chevron_left:", place.before, "K")
        st.caption(f"{formats.number(place.position)} of {formats.number(place.total)}", width="content")
        _step("Next", ":material/chevron_right:", place.after, "J")


def _place(shop: str, key: str) -> Place | None:
    address = links.list_address()
    if not address:
        return None
    asked = {name: [value] if isinstance(value, str) else list(value) for name, value in address.items()}
    state, _ = list_state.from_address(asked)
    try:
        return reads.place(shop, state.query(reads.settings().page_size), key)
    except (RecordsError, RuleError):  # a segment of that list is gone, or can no longer be read
        return None


def _step(label: str, icon: str, key: str | None, shortcut: str) -> None:
    if (
        st.button(
            label,
            icon=icon,
            icon_position="left" if label == "Previous" else "right",
            type="tertiary",
            disabled=key is None,
            shortcut=shortcut,
            key=f"step-{label}",
        )
        and key is not None
    ):
        links.go_to_person(key)
