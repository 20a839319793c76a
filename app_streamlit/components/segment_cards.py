"""A saved segment as a card: who is in it, how many, their net and share, and what can be done with it."""

from collections.abc import Iterable, Mapping

import streamlit as st

from app_streamlit import actions
from app_streamlit.components import formats, links
from app_streamlit.components.membership import Trend, moved_words
from regulars.directory.not_derived import NotYetDerived
from regulars.directory.query import Count
from regulars.errors import RecordsError
from regulars.models import Segment
from transforms.rules import RuleError, parse, words

DUPLICATE, DELETE = "Duplicate", "Delete"
LONGEST_NAME = 80


def card(
    segment: Segment, count: Count | RuleError, everybody: int, *, course: Trend, names: Mapping[str, str]
) -> None:
    """Show one segment. `everybody`: of how many people its share is; `names`: of the segments, by id, for rules."""
    st.subheader(formats.plain(segment.name), anchor=False)
    if isinstance(count, NotYetDerived):
        st.info(f"Nobody can be counted yet. {formats.plain(count.message, 300)}")
    elif isinstance(count, RuleError):
        # A rule that cannot be read, one that leads in a circle, or one that names what was deleted: "Edit" mends it.
        st.error(f"Nobody can be counted. {formats.plain(count.message, 300)} Edit the rule to mend it.")
    else:
        st.caption(formats.plain(words(parse(segment.rule), names), 400))
        drawn = [people or 0 for people in course.people] if len(course.people) > 1 else None
        st.metric(f"{formats.totals(count.net)} net", formats.people(count.people), chart_data=drawn)
        st.caption(f"{share(count.people, everybody)} of all people")
        if course.people:
            st.caption(moved_words(course))
    with st.container(horizontal=True, gap="xsmall"):
        if st.button("Show people", key=f"show-{segment.id}", disabled=isinstance(count, RuleError)):
            links.go_to_list(segment=segment.id)
        if st.button("Edit", key=f"edit-{segment.id}"):
            links.go("segment", {"id": segment.id})
        chosen = st.menu_button("More", [DUPLICATE, DELETE], key=f"more-{segment.id}", type="tertiary")
    if chosen == DUPLICATE:
        links.go("segment", {"copy": segment.id})
    if chosen == DELETE:
        confirm_delete(segment)


@st.dialog("Delete this segment?", icon=":material/delete:")
def confirm_delete(segment: Segment) -> None:
    """Ask, and delete the version that is shown; where somebody changed it meanwhile, say so instead."""
    st.write(f"**{formats.plain(segment.name)}**")
    st.write("The rule goes; nobody's notes, tags or orders do. Lists that use it say that it is gone.")
    with st.container(horizontal=True):
        yes = st.button("Delete this segment", type="primary", key="segment-delete-yes")
        if st.button("Keep", key="segment-delete-no"):
            st.rerun()
    if yes:
        try:
            actions.delete_segment(segment)
        except RecordsError as error:
            st.error(formats.sentence(error.sentence(), 400))
            return
        st.session_state.pop("segment_opened", None)
        links.go("segments")


def share(people: int, everybody: int) -> str:
    """Return how much of everybody these people are."""
    return formats.share(people / everybody) if everybody else formats.ABSENT


def copy_name(segment: Segment, saved: Iterable[Segment]) -> str:
    """Return a name for a copy that no segment has yet, within the longest name."""
    taken = {one.name.casefold() for one in saved}
    for number in range(1, len(taken) + 2):
        end = " (copy)" if number == 1 else f" (copy {number})"
        name = segment.name[: LONGEST_NAME - len(end)] + end
        if name.casefold() not in taken:
            break
    return name
