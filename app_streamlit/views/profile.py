"""One person: who they are, what they bought, what was written about them. Opened from a list or by link."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app_streamlit import figures, reads
from app_streamlit.components import formats, links, notes, orders
from app_streamlit.components.boundary import screen
from app_streamlit.components.person import card, scores
from app_streamlit.components.spend import spend
from regulars.directory.layout import Manifest
from regulars.directory.query import Person
from regulars.errors import RecordNotFound


@screen
def show() -> None:
    """Show the page."""
    shop, key = links.shop(), links.asked("customer")
    if st.button("All customers", icon=":material/arrow_back:", type="tertiary"):
        links.go_to_list()
    if not key:
        st.info("Choose a customer in the list to open the profile here.")
        return
    try:
        person = reads.person(shop, key)
    except RecordNotFound as error:
        st.warning(error.sentence())
        return
    about = reads.manifest(shop)
    _title(person)
    _figures(person.row, about)
    left, right = st.columns([1, 2], gap="large")
    with left:
        card(shop, person, about)
    with right:
        _tabs(shop, person, about)


def _title(person: Person) -> None:
    row = person.row
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(formats.plain(formats.name_of(row)), anchor=False, width="content")
        figures.group_chip(row["rfm_group"])
        if row["deleted_at"] is not None:
            st.badge("Deleted in the shop", icon=":material/person_off:", color="red")


def _figures(row: Mapping[str, Any], about: Manifest) -> None:
    with st.grid(4, min_column_width=150, border=True, gap="small"):
        st.metric("Net", formats.money(row["net"], row["currency"]), help="What was paid less what was refunded.")
        st.metric("Orders", formats.number(row["orders_count"]), help="Orders that count; cancelled ones do not.")
        st.metric("Average order", formats.money(row["average_order"], row["currency"], rounded=True))
        ago = formats.days_ago(row["last_order_at"], reads.today(about), about.timezone)
        st.metric("Last order", ago, help=formats.minute(row["last_order_at"], about.timezone))
    scores(row)


def _tabs(shop: str, person: Person, about: Manifest) -> None:
    key: str = person.row["customer_key"]
    bought, refunds = reads.orders_of(shop, key), reads.refunds_of(shop, key)
    written = reads.notes_of(shop, key)
    # Labels without counts: a label that changes would throw whoever wrote a note back to the first tab.
    timeline, order_tab, spend_tab, note_tab = st.tabs(["Timeline", "Orders", "Spend", "Notes"])
    with timeline:
        orders.timeline(person.row, bought, refunds, written, about)
    with order_tab:
        orders.history(shop, bought, refunds, about)
    with spend_tab:
        spend(person.currencies, refunds, about)
    with note_tab:
        notes.notes(shop, key, written, about)
