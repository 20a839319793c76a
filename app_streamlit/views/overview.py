"""The first page: how the shop's customers stand, in a few figures, and where each RFM group is."""

from collections.abc import Mapping
from decimal import Decimal

import streamlit as st

from app_streamlit import figures, reads
from app_streamlit.components import formats, links
from app_streamlit.components.boundary import screen
from app_streamlit.components.frame import head
from regulars.directory.query import Count, PeopleQuery
from transforms.rfm import RFM_GROUPS, RFM_MEANINGS


@screen
def show() -> None:
    """Show the page."""
    shop = links.shop()
    head("Overview", "How this shop's customers stand today, over all their orders.")
    everyone = reads.people(shop, PeopleQuery(page_size=1))
    groups = reads.rfm_counts(shop)
    buyers = sum(count.people for count in groups.values())
    with st.grid(4, min_column_width=150, border=True, gap="small"):
        st.metric("People", formats.number(everyone.everyone), help="Accounts, and guests who ordered.")
        st.metric("With orders", formats.number(buyers), help="People with at least one order that counts.")
        figures.net_metric("Net, all time", everyone.net)
        mean_help = "Net of the main currency divided by the people who bought in it."
        st.metric("Net a buyer", _mean(everyone.net, reads.buyers(shop)), help=mean_help)
    st.subheader("Who are they?", anchor=False)
    if not groups:
        st.info("Nobody has an order that counts yet, so there are no RFM groups.")
        return
    figures.group_bars({group: groups[group] for group in RFM_GROUPS if group in groups})
    _cards(groups)


def _mean(net: Mapping[str, Decimal], buyers: Mapping[str, int]) -> str:
    currency, amount = next(iter(net.items()), ("", Decimal(0)))
    people = buyers.get(currency, 0)
    return formats.money(amount / people, currency, rounded=True) if people else formats.ABSENT


def _cards(groups: Mapping[str, Count]) -> None:
    with st.grid("auto", min_column_width=250, border=True, gap="small") as grid:
        for group in RFM_GROUPS:
            if group not in groups:
                continue
            with grid.cell():
                figures.group_chip(group)
                st.caption(RFM_MEANINGS[group])
                if st.button(formats.people(groups[group].people), key=f"group-{group}", type="tertiary"):
                    links.go_to_list(rfm=group)
