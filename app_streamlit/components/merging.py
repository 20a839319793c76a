"""Merging two people by hand: finding the other one, both side by side, and which key stays."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app_streamlit import identities, reads
from app_streamlit.components import formats, links
from app_streamlit.components.boundary import screen
from app_streamlit.components.identity_words import key_words, orders_words
from regulars.errors import RecordsError

Row = Mapping[str, Any]
_ASKED = "_merge_asked"


def ask() -> None:
    """Ask for the dialog, from a button's callback."""
    st.session_state[_ASKED] = True


def open_if_asked(shop: str, row: Row) -> None:
    """Open the dialog for the person of this row of CUSTOMERS where somebody asked for it."""
    if st.session_state.pop(_ASKED, False):
        _dialog(shop, row)


@st.dialog("Merge with somebody", icon=":material/call_merge:", width="medium")
def _dialog(shop: str, row: Row) -> None:
    screen(lambda: _form(shop, row))()


def _form(shop: str, row: Row) -> None:
    st.write("For one person who shops under two names here: an account and a guest, or two addresses.")
    text = st.text_input(
        "Who is the same person?",
        key="merge-search",
        placeholder="Name, e-mail or order number",
        live="300ms",
        max_chars=200,
    )
    if not text.strip():
        return
    found = {each["customer_key"]: each for each in identities.search(shop, text, row["customer_key"])}
    if not found:
        st.info("Nobody else matches. Search for less, or by another address.")
        return
    chosen = st.radio("Found", list(found), format_func=lambda key: _line(found[key]), key="merge-other", index=None)
    if chosen is not None:
        _confirm(shop, row, found[chosen])


def _line(row: Row) -> str:
    parts = [formats.name_of(row), formats.one_line(row["email"]), orders_words(row["orders_count"] or 0)]
    return formats.plain(" · ".join(dict.fromkeys(filter(None, parts))), 300)


def _confirm(shop: str, row: Row, other: Row) -> None:
    people = [row, other]
    stays = identities.stays(people)
    with st.grid(2, min_column_width=220, border=True, gap="small") as grid:
        for person in people:
            with grid.cell():
                side(shop, person, stays=person["customer_key"] == stays["customer_key"])
    st.caption(
        "One profile then has the orders, notes and tags of both, under the key that stays: an account's before a "
        "guest's, else that of who came first. Figures follow with the next run. This can be undone."
    )
    if st.button("These are one person", type="primary", key="merge-do"):
        try:
            identities.merge(shop, people)
        except RecordsError as error:
            st.error(formats.sentence(error.sentence(), 400))
            return
        st.session_state.pop("merge-search", None)
        if row["customer_key"] != stays["customer_key"]:
            links.go_to_person(stays["customer_key"])
        st.rerun()


def side(shop: str, row: Row, *, stays: bool = False) -> None:
    """Show one of several people who may be the same."""
    about = reads.manifest(shop)
    facts = [
        orders_words(row["orders_count"] or 0),
        f"{formats.money(row['net'], row['currency'])} net" if row["currency"] else "",
        f"last order {formats.day(row['last_order_at'], about.timezone)}" if row["last_order_at"] else "",
        formats.one_line(row["city"]),
    ]
    kept = ", this key stays" if stays else ""
    with st.container(gap=None):
        st.markdown(f"**{formats.plain(formats.name_of(row))}**")
        if email := formats.one_line(row["email"]):
            st.text(email)
        st.caption(formats.plain(" · ".join(filter(None, facts)), 300))
        st.caption(formats.plain(f"{key_words(row['customer_key'])}{kept}"))
