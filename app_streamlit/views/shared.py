"""Addresses that strangers share: who uses each, and deciding whether they are one person."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from app_streamlit import identities, reads
from app_streamlit.components import formats, links, merging
from app_streamlit.components.boundary import screen
from app_streamlit.components.frame import head
from app_streamlit.components.identity_words import key_words, orders_words
from regulars.directory.layout import Manifest
from regulars.directory.who_is_who import Review
from regulars.errors import RecordsError
from regulars.models import IdentityDecision

WHY = {
    "accounts": "Several accounts log in with this address, so guest orders under it belong to none of them.",
    "names": "Orders under this address bear several last names: an office, a household, or one person who changed it.",
}
A_PAGE, PEOPLE = 10, 6
_REFUSED, _SHOWN, _DONE = "_shared_refused", "_shared_shown", "_shared_done"


@screen
def show() -> None:
    """Show the page."""
    shop = links.shop()
    if st.button("All customers", icon=":material/arrow_back:", type="tertiary"):
        links.go_to_list()
    head(
        "Shared addresses",
        "E-mail addresses that strangers seem to share. Nobody was merged by them; say where they are one person.",
    )
    st.fragment(screen(partial(_list, shop)))()


def _list(shop: str) -> None:
    found, about = identities.shared_addresses(shop), reads.manifest(shop)
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(formats.sentence(refused, 400))
    _last_answer()
    if not found:
        st.info("No address waits for a decision: everyone is one person, or kept apart.")
        return
    count = "1 address waits" if len(found) == 1 else f"{formats.number(len(found))} addresses wait"
    st.markdown(f"**{count} for a decision.** Figures follow with the next run, mostly within a minute.")
    shown = st.session_state.get(_SHOWN, A_PAGE)
    for number, review in enumerate(found[:shown]):
        with st.container(border=True, key=f"shared-{number}"):
            _review(shop, review, about)
    if len(found) > shown:
        st.button(
            f"Show {formats.number(min(A_PAGE, len(found) - shown))} more", key="shared-more", on_click=_show_more
        )


def _last_answer() -> None:
    """Say what was decided last, and offer to undo it as a whole: one click may have merged a dozen people."""
    sentence, decisions = st.session_state.get(_DONE, ("", ()))
    if not decisions:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="shared-done"):
        st.markdown(f":material/check: {formats.plain(sentence, 300)}", width="content")
        st.button("Undo", key="shared-undo", type="tertiary", on_click=_undo, args=(decisions,))


def _review(shop: str, review: Review, about: Manifest) -> None:
    st.subheader(formats.plain(review.email), anchor=False)
    last = f", the last on {formats.day(review.last_order_at, about.timezone)}" if review.last_order_at else ""
    st.caption(f"{orders_words(review.orders)} by guests{last}. {WHY.get(review.reason, '')}")
    people = identities.people_of(shop, review.customer_keys[:PEOPLE])
    with st.grid(3, min_column_width=220, gap="small") as grid:
        for row in people:
            with grid.cell():
                merging.side(shop, row)
                words = key_words(row["customer_key"])
                if st.button(f"Open {words}", key=f"open-{review.email}-{row['customer_key']}", type="tertiary"):
                    links.go_to_person(row["customer_key"])
    if (more := len(review.customer_keys) - PEOPLE) > 0:
        st.caption(f"And {formats.people(more)} more.")
    with st.container(horizontal=True, gap="small"):
        st.button("Keep apart", key=f"apart-{review.email}", on_click=_keep_apart, args=(shop, review))
        st.button("These are one person", key=f"one-{review.email}", on_click=_merge, args=(shop, review))


def _keep_apart(shop: str, review: Review) -> None:
    try:
        decisions = identities.keep_apart(shop, review.customer_keys)
    except RecordsError as error:
        st.session_state[_REFUSED] = error.sentence()
    else:
        st.session_state[_DONE] = (
            f"{review.email}: {formats.people(len(review.customer_keys))} kept apart.",
            decisions,
        )


def _merge(shop: str, review: Review) -> None:
    people = identities.people_of(shop, review.customer_keys)
    try:
        decisions = identities.merge(shop, people) if len(people) > 1 else []
    except RecordsError as error:
        st.session_state[_REFUSED] = error.sentence()
    else:
        st.session_state[_DONE] = (f"{review.email}: {formats.people(len(people))} made one.", decisions)


def _undo(decisions: Sequence[IdentityDecision]) -> None:
    st.session_state.pop(_DONE, None)
    try:
        for decision in reversed(decisions):
            identities.undo(decision)
    except RecordsError as error:
        st.session_state[_REFUSED] = error.sentence()


def _show_more() -> None:
    st.session_state[_SHOWN] = st.session_state.get(_SHOWN, A_PAGE) + A_PAGE
