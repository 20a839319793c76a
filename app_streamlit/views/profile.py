"""One person: who they are, what they bought, what was written about them. Opened from a list or by link."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl
import streamlit as st

from app_streamlit import figures, identities, reads
from app_streamlit.components import arrivals, formats, forms, links, membership, notes, orders, timeline
from app_streamlit.components.boundary import screen
from app_streamlit.components.habits import habits
from app_streamlit.components.identity import identity
from app_streamlit.components.identity_words import WHO_WAITS
from app_streamlit.components.neighbours import neighbours
from app_streamlit.components.person import card, scores
from app_streamlit.components.spend import spend
from regulars.directory.layout import Manifest
from regulars.directory.query import Person
from regulars.errors import InboxError, RecordNotFound

ARRIVED = (
    "This account has just arrived from the shop and is not merged yet. Lists, segments and figures follow with the next "
    "run, mostly within a minute."
)
TABS = ("Timeline", "Orders", "Spend", "Notes", "Identity")


@screen
def show() -> None:
    """Show the page: a profile, its edit form (`edit=1` in the address), or the form for somebody new (`new=1`)."""
    shop, key = links.shop(), links.asked("customer")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="profile-ways"):
        if st.button("All customers", icon=":material/arrow_back:", type="tertiary"):
            links.go_to_list()
        if key and not links.asked("edit"):
            st.space("stretch")
            neighbours(shop, key)
    if not key:
        _nobody(shop)
        return
    try:
        person, merged = _person(shop, key)
    except RecordNotFound as error:
        st.warning(formats.sentence(error.sentence(), 400))
        return
    if links.asked("edit"):
        forms.edit_customer(shop, person)
        return
    _profile(shop, person, merged=merged)


def _nobody(shop: str) -> None:
    if links.asked("new"):
        forms.new_customer(shop)
        return
    st.info("Choose a customer in the list to open the profile here.")
    forms.new_customer_button(shop)


def _person(shop: str, key: str) -> tuple[Person, bool]:
    """Return the person and whether they are published: an account that has just arrived is not. Raises RecordNotFound."""
    try:
        return reads.person(shop, key), True
    except RecordNotFound:
        try:
            arrived = reads.arrived_person(shop, key)
        except InboxError:
            arrived = None
        if arrived is None:
            raise
        return arrived, False


def _profile(shop: str, published: Person, *, merged: bool) -> None:
    about, key = reads.manifest(shop), published.row["customer_key"]
    bought, refunds = reads.orders_of(shop, key), reads.refunds_of(shop, key)
    news = arrivals.read(shop, published.row, bought)
    person = replace(published, row={**published.row, **news.profile})
    _title(shop, person)
    forms.saved_line(key)
    forms.hidden_line(shop, person, about.timezone)
    if not merged:
        st.info(ARRIVED, icon=":material/schedule:")
    elif identities.figures_wait(shop, key):
        st.info(WHO_WAITS, icon=":material/schedule:")
    arrivals.arrivals(shop, published.row, bought, news, about)
    _figures(person.row, about)
    left, right = st.columns([1, 2], gap="large")
    with left:
        card(shop, person, about, fresh=news.changed)
        habits(person.row)
    with right:
        # Guarded by itself: tabs, filters and notes run this part of the page alone.
        st.fragment(screen(lambda: _tabs(shop, person, bought, refunds, about)))()


def _title(shop: str, person: Person) -> None:
    row = person.row
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="profile-title"):
        st.title(formats.plain(formats.name_of(row)), anchor=False, width="content")
        figures.group_chip(row["rfm_group"])
        if row["deleted_at"] is not None:
            st.badge("Deleted in the shop", icon=":material/person_off:", color="red")
        if person.hidden is not None:
            st.badge("Deleted here", icon=":material/visibility_off:", color="gray")
        st.space("stretch")
        if st.button("Edit", icon=":material/edit:", key="edit-person"):
            links.go("customer", {"customer": row["customer_key"], "edit": "1"})
        if person.hidden is None:
            forms.deletion(shop, row["customer_key"])
        forms.new_customer_button(shop)


def _figures(row: Mapping[str, Any], about: Manifest) -> None:
    with st.grid(4, min_column_width=150, border=True, gap="small"):
        st.metric("Net", formats.money(row["net"], row["currency"]), help="What was paid less what was refunded.")
        st.metric("Orders", formats.number(row["orders_count"]), help="Orders that count; cancelled ones do not.")
        st.metric(
            "Average order",
            formats.money(row["average_order"], row["currency"], rounded=True),
            help="Net divided by the orders that count in its currency, rounded.",
        )
        ago = formats.days_ago(row["last_order_at"], reads.today(about), about.timezone)
        st.metric("Last order", ago, help=formats.minute(row["last_order_at"], about.timezone))
    scores(row, about)


def _tabs(shop: str, person: Person, bought: pl.DataFrame, refunds: pl.DataFrame, about: Manifest) -> None:
    """Show the tab that is open; the others are not drawn before somebody opens them."""
    key: str = person.row["customer_key"]
    # Labels without counts: a label that changes would throw whoever wrote a note back to the first tab.
    tabs = dict(zip(TABS, st.tabs(list(TABS), key=f"tabs-{key}", on_change="rerun"), strict=True))
    name, tab = next(((name, tab) for name, tab in tabs.items() if tab.open), (TABS[0], tabs[TABS[0]]))
    with tab:
        if name == "Orders":
            orders.history(shop, bought, refunds, about)
        elif name == "Spend":
            spend(person.currencies, bought, refunds, about)
        elif name == "Notes":
            notes.notes(shop, key, reads.notes_of(shop, key), about)
        elif name == "Identity":
            identity(shop, person, about)
        else:
            done = reads.events_of(shop, key)
            seen = membership.events_of(shop, key)
            found = timeline.events(person.row, bought, refunds, reads.notes_of(shop, key), done, seen=seen)
            timeline.timeline(found, about, key)
