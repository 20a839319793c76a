"""What a person is made of, why each part belongs to them, and taking one out, merging another in, undoing either."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from app_streamlit import identities
from app_streamlit.components import formats, merging
from app_streamlit.components.identity_words import WAITS, decision_words, key_words, link_words, orders_words
from regulars.directory.layout import Manifest
from regulars.directory.query import Person
from regulars.directory.who_is_who import Part
from regulars.errors import RecordsError
from regulars.models import IdentityDecision

LATEST = 10
_REFUSED = "_identity_refused"


def identity(shop: str, person: Person, about: Manifest) -> None:
    """Show the tab."""
    key: str = person.row["customer_key"]
    parts = identities.parts_of(shop, key)
    st.caption(
        "The accounts and e-mail addresses whose orders are in this person's figures, and why. What you decide here "
        "can be undone; notes and tags stay with whom they were written about."
    )
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(formats.sentence(refused, 400))
    if any(part.waits for part in parts):
        st.info(WAITS, icon=":material/schedule:")
    if not parts:
        st.info("The version that is published does not tell yet. It does after the next run.")
    for number, part in enumerate(parts):
        with st.container(border=True, key=f"identity-{number}"):
            _part(shop, key, part, about)
    st.button("Merge with…", icon=":material/call_merge:", key="merge-with", on_click=merging.ask)
    merging.open_if_asked(shop, person.row)
    _decisions(shop, identities.decisions_about(shop, key, parts), about)


def _part(shop: str, key: str, part: Part, about: Manifest) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(gap=None):
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                words = key_words(part.identity)
                st.markdown(f"**{formats.plain(words[:1].upper() + words[1:])}**", width="content")
                if part.identity == key:
                    st.badge("key of this profile", color="gray", help="Links and exports name this person by it.")
                if part.waits:
                    st.badge("changes with the next run", icon=":material/schedule:", color="orange", help=WAITS)
            if part.email:
                st.text(formats.one_line(part.email))
            st.caption(formats.plain(f"{_orders(part, about)}. {link_words(part.link)}", 400))
        _way_out(shop, key, part)


def _orders(part: Part, about: Manifest) -> str:
    if part.first_order_at is None:
        return orders_words(part.orders)
    first, last = (formats.day(when, about.timezone) for when in (part.first_order_at, part.last_order_at))
    return f"{orders_words(part.orders)}, {first}" + (f" to {last}" if last != first else "")


def _way_out(shop: str, key: str, part: Part) -> None:
    """Offer to undo what was decided about a part, else to separate it; the person's own key has nobody to leave."""
    decision = part.decision
    if decision is not None:
        label = "Undo the merge" if decision.kind == "merged" else "Undo the separation"
        _button(label, f"undo-part-{part.identity}", partial(identities.undo, decision))
    elif part.identity != key and not part.waits:
        _button("Separate", f"separate-{part.identity}", partial(identities.separate, shop, key, part.identity))


def _decisions(shop: str, decisions: Sequence[IdentityDecision], about: Manifest) -> None:
    if not decisions:
        return
    st.subheader("Decided by hand", anchor=False)
    for decision in decisions[:LATEST]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"decision-{decision.id}"):
            with st.container(gap=None):
                st.text(decision_words(decision))
                st.caption(formats.plain(_by_whom(decision, about), 400))
            if identities.is_waiting(shop, decision):
                st.badge("waits for the next run", icon=":material/schedule:", color="orange", help=WAITS)
            if decision.undone_at is None:
                _button("Undo", f"undo-{decision.id}", partial(identities.undo, decision))
    if len(decisions) > LATEST:
        st.caption(f"The latest {LATEST} of {formats.number(len(decisions))}.")


def _by_whom(decision: IdentityDecision, about: Manifest) -> str:
    made = f"{decision.author}, {formats.minute(decision.at, about.timezone)}"
    if decision.undone_at is None:
        return made
    return f"{made}. Undone by {decision.undone_by}, {formats.minute(decision.undone_at, about.timezone)}"


def _button(label: str, key: str, decide: Callable[[], object]) -> None:
    st.button(label, key=key, type="tertiary", on_click=_decide, args=(decide,))


def _decide(decide: Callable[[], object]) -> None:
    try:
        decide()
    except RecordsError as error:
        st.session_state[_REFUSED] = error.sentence()
