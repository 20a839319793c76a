"""The RFM groups: how many people each has, what it means, and a way to its people."""

from collections.abc import Mapping

import streamlit as st

from app_streamlit import figures
from app_streamlit.components import formats, links
from regulars.directory.query import Count
from transforms.rfm import RFM_GROUPS, RFM_MEANINGS


def group_cards(groups: Mapping[str, Count]) -> None:
    """Show a card for each group that has anyone, best first; its number opens the list of its people."""
    with st.grid("auto", min_column_width=250, border=True, gap="small") as grid:
        for group in RFM_GROUPS:
            if group not in groups:
                continue
            with grid.cell():
                figures.group_chip(group)
                st.caption(RFM_MEANINGS[group])
                if st.button(formats.people(groups[group].people), key=f"group-{group}", type="tertiary"):
                    links.go_to_list(rfm=group)
                st.caption(f"{formats.plain(formats.totals(groups[group].net), 400)} net")
