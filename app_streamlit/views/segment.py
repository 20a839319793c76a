"""One segment: build or change its rule, and see at once who it means."""

import streamlit as st

from app_streamlit import actions, figures, reads
from app_streamlit.components import builder, formats, links
from app_streamlit.components.boundary import screen
from app_streamlit.components.frame import head
from app_streamlit.components.people import people_sample
from regulars.errors import RecordNotFound, RecordsError
from regulars.models import Segment
from transforms.rules import Rule, to_text

LONGEST_NAME = 80


@screen
def show() -> None:
    """Show the page."""
    shop, segment_id = links.shop(), links.asked("id")
    if st.button("All segments", icon=":material/arrow_back:", type="tertiary"):
        links.go("segments")
    try:
        segment = reads.segment(shop, segment_id) if segment_id else None
    except RecordNotFound as error:
        st.warning(formats.plain(error.sentence(), 300))
        return
    _start(shop, segment)
    head(
        f"Segment {formats.plain(segment.name)}" if segment else "New segment",
        "People join and leave by themselves: whoever the rule describes now is in.",
    )
    # Guarded by itself: while the form is used, only this part of the page runs.
    st.fragment(screen(lambda: _edit(shop, segment)))()


def _start(shop: str, segment: Segment | None) -> None:
    """Fill the form once for each segment that is opened."""
    opened = (shop, segment.id if segment else None, links.asked("rule"))
    if st.session_state.get("segment_opened") == opened and "rule" in st.session_state:
        return
    st.session_state["segment_opened"] = opened
    st.session_state["segment_edited"] = segment
    st.session_state["segment_name"] = segment.name if segment else ""
    builder.start(segment.rule if segment else links.asked("rule") or builder.FIRST)


def _edit(shop: str, segment: Segment | None) -> None:
    rule = builder.editor()
    with st.container(horizontal=True, vertical_alignment="bottom", key="segment-save"):
        st.text_input("Name", key="segment_name", max_chars=LONGEST_NAME, placeholder="For example: Tea lovers")
        if st.button("Save", type="primary", disabled=rule is None) and rule is not None:
            _save(shop, rule)
        if segment is not None:
            _deletion(segment)
    with st.container(key="segment-problem"):
        if message := st.session_state.pop("segment_refused", None):
            st.error(formats.plain(message, 400))
    with st.container(key="preview"):
        if rule is not None:
            _preview(shop, rule)


def _preview(shop: str, rule: Rule) -> None:
    count, about = reads.count(shop, rule), reads.manifest(shop)
    with st.grid(3, min_column_width=150, border=True, gap="small"):
        st.metric("People", formats.number(count.people))
        figures.net_metric("Net", count.net, help_text="What these people spent in all, less refunds.")
        share = count.people / everyone if (everyone := about.rows.get("customers", 0)) else 0
        st.metric("Of all people", f"{share:.1%}")
    if count.people == 0:
        st.caption("Nobody is described by this rule now.")
        return
    st.caption("Ten of them, by net:" if count.people > 10 else "All of them, by net:")
    rows = [{**row, "tags": []} for row in count.sample.to_dicts()]
    people_sample(rows, today=reads.today(about), timezone=about.timezone)


def _save(shop: str, rule: Rule) -> None:
    edited: Segment | None = st.session_state["segment_edited"]
    try:
        actions.save_segment(
            shop, st.session_state["segment_name"], to_text(rule), edited.description if edited else "", edited
        )
    except RecordsError as error:
        st.session_state["segment_refused"] = error.sentence()
        return
    st.session_state.pop("segment_opened", None)
    links.go("segments")


def _deletion(segment: Segment) -> None:
    with st.popover("Delete"):
        st.write("The rule goes; nobody's notes, tags or orders do. Lists that use it say that it is gone.")
        if st.button("Delete this segment", type="primary"):
            try:
                actions.delete_segment(segment)
            except RecordsError as error:
                st.session_state["segment_refused"] = error.sentence()
                return
            st.session_state.pop("segment_opened", None)
            links.go("segments")
