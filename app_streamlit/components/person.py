"""The left side of a profile: contacts, addresses, kind of customer, tags and segments; and what the scores mean."""

from collections.abc import Collection, Mapping
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
GUEST = "Ordered as a guest: the shop has no account for this person. Name and address come from the latest order."
NOT_MERGED = "Arrived from the shop, and shown here at once. Lists, segments and figures follow with the next run."
TAGS_HELP = "Labels of your own. Lists filter by them, and segments ask for them."


def scores(row: Mapping[str, Any], about: Manifest) -> None:
    """Show R, F and M in one line with what the group means, and on asking how they came about."""
    if row["r"] is None:
        scored_later = bool(row["orders_count"])  # just separated: the next run scores them
        why = "scores follow with the next run" if scored_later else "only people with an order that counts are scored"
        st.caption(f"No RFM group: {why}.")
        return
    parts = [f"{name} {row[score]} of 5" for score, (name, _) in SCORES.items()]
    meaning = RFM_MEANINGS.get(row["rfm_group"], "")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"**{' · '.join(parts)}**: {meaning}", width="content")
        with st.popover("Why this group?", type="tertiary", icon=":material/help:"):
            _why(row, about)


def _why(row: Mapping[str, Any], about: Manifest) -> None:
    days = formats.days_ago(row["last_order_at"], reads.today(about), about.timezone)
    count = "1 order counts" if row["orders_count"] == 1 else f"{formats.number(row['orders_count'])} orders count"
    facts = {
        "r": f"the last order was {days}",
        "f": count,
        "m": f"{formats.plain(formats.money(row['net'], row['currency']))} net",
    }
    for score, (name, meaning) in SCORES.items():
        st.markdown(f"**{name} {row[score]} of 5**: {facts[score]}. {meaning}")
    both = -(-(row["f"] + row["m"]) // 2)
    st.markdown(
        f"**{formats.plain(row['rfm_group'])}** follows from recency {row['r']} and from frequency and monetary "
        f"together, {both} (their mean, rounded up)."
    )


def card(shop: str, person: Person, about: Manifest, fresh: Collection[str] = ()) -> None:
    """Show who the person is. `fresh` are the columns whose value arrived and is in no published version yet."""
    row = person.row
    with st.container(border=True, gap="small", key="person-card"):
        _kind(row, about)
        for label, column in (
            ("E-mail", "email"),
            ("Phone", "phone"),
            ("Company", "company"),
            ("Username", "username"),
        ):
            _field(label, formats.one_line(row[column], 300), fresh=column in fresh)
        _addresses(row, fresh)
    with st.container(border=True, gap="small", key="person-tags"):
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


def _field(label: str, text: str, *, fresh: bool) -> None:
    if not text and not fresh:
        return
    with st.container(gap=None):
        if fresh:
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                st.caption(label, width="content")
                st.badge("not merged yet", icon=":material/schedule:", color="orange", help=NOT_MERGED)
        else:
            st.caption(label)
        st.text(text or formats.ABSENT)


def _addresses(row: Mapping[str, Any], fresh: Collection[str]) -> None:
    billing, shipping = address(row["billing"]), address(row["shipping"])
    _field("Billing address", "\n".join(billing), fresh="billing" in fresh)
    if shipping and shipping == billing:
        st.caption("Shipped to the same address.")
    else:
        _field("Shipping address", "\n".join(shipping), fresh="shipping" in fresh)


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
        format_func=formats.one_line,
        help=TAGS_HELP,
        on_change=_write_tags,
        args=(shop, row["customer_key"], key),
    )
    if message := st.session_state.pop(f"{key}-refused", None):
        st.error(formats.sentence(message, 400))


def _write_tags(shop: str, customer_key: str, key: str) -> None:
    read: list[str] = st.session_state[f"{key}-read"]
    st.session_state[f"{key}-read"] = None
    try:
        actions.change_tags(shop, customer_key, read or [], st.session_state[key])
    except RecordsError as error:
        st.session_state[f"{key}-refused"] = error.sentence()


def _segments(shop: str, person: Person) -> None:
    names = {segment.id: segment.name for segment in reads.segments(shop)}
    st.caption("In the segments" if person.segments else "In no segment")
    with st.container(horizontal=True, gap="xsmall"):
        for segment in person.segments:
            st.badge(formats.plain(names.get(segment, segment)), color="gray")
