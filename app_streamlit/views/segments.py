"""All saved segments as cards: who they are, how many, and their net, counted now."""

import streamlit as st

from app_streamlit import reads
from app_streamlit.components import formats, links
from app_streamlit.components.boundary import screen
from app_streamlit.components.frame import head
from regulars.directory.query import Count
from regulars.models import Segment
from transforms.rules import RuleError, parse, words


@screen
def show() -> None:
    """Show the page."""
    shop = links.shop()
    head("Segments", "Saved rules. Whoever a rule describes now is in the segment, and leaves it by themselves.")
    if st.button("New segment", icon=":material/add:", type="primary"):
        links.go("segment")
    saved = reads.segments(shop)
    if not saved:
        st.info("No segments yet. A new one is usable at once, as a filter of the list and everywhere else.")
        return
    counts = reads.segment_counts(shop)
    with st.grid("auto", min_column_width=300, border=True, gap="small") as grid:
        for segment in saved:
            with grid.cell():
                _card(segment, counts[segment.id])


def _card(segment: Segment, count: Count | RuleError) -> None:
    st.subheader(formats.plain(segment.name), anchor=False)
    if isinstance(count, RuleError):
        st.error(f"The rule can no longer be read: {formats.plain(count.message, 300)}")
    else:
        st.caption(formats.plain(words(parse(segment.rule)), 400))
        st.metric(f"{formats.totals(count.net)} net", formats.people(count.people))
    with st.container(horizontal=True):
        if st.button("Show people", key=f"show-{segment.id}", disabled=isinstance(count, RuleError)):
            links.go_to_list(segment=segment.id)
        if st.button("Edit", key=f"edit-{segment.id}", type="tertiary"):
            links.go("segment", {"id": segment.id})
