"""All saved segments as cards: who they are, how many, their net and share, counted now."""

from collections.abc import Mapping, Sequence

import streamlit as st

from app_streamlit import reads
from app_streamlit.components import links
from app_streamlit.components.boundary import screen
from app_streamlit.components.frame import head
from app_streamlit.components.membership import NOT_OBSERVED, trends
from app_streamlit.components.segment_cards import card
from regulars.directory.query import Count
from regulars.models import Segment
from transforms.rules import RuleError

ORDERS = {"people": "Most people first", "name": "Name, A to Z", "made": "Oldest first"}


@screen
def show() -> None:
    """Show the page."""
    shop = links.shop()
    head(
        "Segments", "Saved rules. People join and leave by themselves: whoever a rule describes now is in its segment."
    )
    saved = reads.segments(shop)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if st.button("New segment", icon=":material/add:", type="primary"):
            links.go("segment")
        if len(saved) > 1:
            order = st.selectbox(
                "Order", list(ORDERS), format_func=ORDERS.__getitem__, label_visibility="collapsed", width=200
            )
        else:
            order = "made"
    if not saved:
        st.info("No segments yet. A new one is usable at once, as a filter of the list and everywhere else.")
        return
    counts, everybody = reads.segment_counts(shop), reads.everybody(shop)
    courses, names = trends(shop), {segment.id: segment.name for segment in saved}
    with st.grid("auto", min_column_width=300, border=True, gap="small") as grid:
        for segment in _ordered(saved, counts, order):
            with grid.cell():
                course = courses.get(segment.id, NOT_OBSERVED)
                card(segment, counts[segment.id], everybody, course=course, names=names)


def _ordered(saved: Sequence[Segment], counts: Mapping[str, Count | RuleError], order: str) -> list[Segment]:
    """Return the segments in an order; what cannot be counted comes last by people."""

    def people(segment: Segment) -> int:
        count = counts.get(segment.id)
        return count.people if isinstance(count, Count) else -1

    known = [segment for segment in saved if segment.id in counts]
    if order == "people":
        return sorted(known, key=people, reverse=True)
    return sorted(known, key=lambda segment: segment.name.casefold()) if order == "name" else known
