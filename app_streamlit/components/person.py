"""The left side of a profile: contacts, addresses, kind of customer, tags and segments."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app_streamlit import actions, reads
from app_streamlit.components import formats
from regulars.directory.layout import Manifest
from regulars.directory.query import Person
from regulars.errors import RecordsError
from transforms.rfm import RFM_MEANINGS

SCORES = {
    "r": (
        "Recency",
        "How recent the last order is: 5 is the most recent fifth of this shop's customers, 1 the oldest.",
    ),
    "f": ("Frequency", "How many orders count: 5 is the fifth with the most orders, 1 the fewest."),
    "m": ("Monetary", "How much was spent, net: 5 is the fifth that spent most, 1 least."),
}
GUEST = "Ordered as a guest: the shop has no account for this person."


def scores(row: Mapping[str, Any]) -> None:
    """Show R, F and M in one line, and what the group means."""
    if row["r"] is None:
        st.caption("No RFM group: only people with an order that counts are scored.")
        return
    parts = [f"{name} {row[score]} of 5" for score, (name, _) in SCORES.items()]
    meaning = RFM_MEANINGS.get(row["rfm_group"], "")
    st.caption(
        f"**{' · '.join(parts)}**: {meaning}", help="\n\n".join(f"**{name}**: {text}" for name, text in SCORES.values())
    )


def card(shop: str, person: Person, about: Manifest) -> None:
    """Show who the person is."""
    row = person.row
    with st.container(border=True, gap="small"):
        _kind(row, about)
        _field("E-mail", row["email"])
        _field("Phone", row["phone"])
        _field("Company", row["company"])
        _field("Username", row["username"])
        _addresses(row)
    with st.container(border=True, gap="small"):
        _tags(shop, row)
        _segments(shop, person)


def _kind(row: Mapping[str, Any], about: Manifest) -> None:
    if row["woocommerce_id"] is None:
        st.caption("Guest", help=GUEST)
        return
    since = formats.day(row["created_at"], about.timezone)
    st.caption(f"Account {row['woocommerce_id']} · since {since}")
    if row["deleted_at"] is not None:
        gone = formats.day(row["deleted_at"], about.timezone)
        st.caption(f"The account was deleted in the shop, noticed on {gone}. Its orders stay.")


def _field(label: str, value: str | None) -> None:
    text = formats.one_line(value, 300)
    if text:
        with st.container(gap=None):
            st.caption(label)
            st.text(text)


def _addresses(row: Mapping[str, Any]) -> None:
    billing, shipping = address(row["billing"]), address(row["shipping"])
    if billing:
        _lines("Billing address", billing)
    if shipping and shipping != billing:
        _lines("Shipping address", shipping)
    elif shipping:
        st.caption("Shipped to the same address.")


def _lines(label: str, lines: list[str]) -> None:
    with st.container(gap=None):
        st.caption(label)
        st.text("\n".join(lines))


def address(parts: Mapping[str, str | None] | None) -> list[str]:
    """Return an address as the lines of an envelope, without empty ones."""
    get = {name: formats.one_line(value) for name, value in (parts or {}).items()}

    def joined(*names: str) -> str:
        return " ".join(filter(None, (get.get(name) for name in names)))

    lines = [
        joined("first_name", "last_name"),
        get.get("company", ""),
        get.get("address_1", ""),
        get.get("address_2", ""),
        joined("postcode", "city"),
        joined("state", "country"),
    ]
    return [line for line in lines if line]


def _tags(shop: str, row: Mapping[str, Any]) -> None:
    mine = list(row["tags"])
    key = f"tags-{row['customer_key']}"
    if st.session_state.get(f"{key}-read") != mine:
        st.session_state[key] = mine
        st.session_state[f"{key}-read"] = mine
    options = sorted({*reads.tags_in_use(shop), *mine, *st.session_state.get(key, [])}, key=str.casefold)
    st.multiselect(
        "Tags",
        options,
        key=key,
        accept_new_options=True,
        placeholder="Add a tag",
        on_change=lambda: _write_tags(shop, row["customer_key"], key),
    )
    if message := st.session_state.pop(f"{key}-refused", None):
        st.error(formats.plain(message, 400))


def _write_tags(shop: str, customer_key: str, key: str) -> None:
    try:
        actions.change_tags(shop, customer_key, st.session_state[f"{key}-read"] or [], st.session_state[key])
    except RecordsError as error:
        st.session_state[f"{key}-refused"] = error.sentence()
        st.session_state[f"{key}-read"] = None


def _segments(shop: str, person: Person) -> None:
    names = {segment.id: segment.name for segment in reads.segments(shop)}
    st.caption("In the segments" if person.segments else "In no segment")
    with st.container(horizontal=True, gap="xsmall"):
        for segment in person.segments:
            st.badge(formats.plain(names[segment]), color="gray")
