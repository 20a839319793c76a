"""One segment: build or change its rule, and see at once who it means."""

from collections.abc import Mapping

import streamlit as st

from app_streamlit import actions, reads
from app_streamlit.components import builder, formats, links, membership, rule_preview, segment_cards, segment_conflict
from app_streamlit.components.boundary import screen
from app_streamlit.components.builder_known import Known
from app_streamlit.components.frame import head
from regulars.errors import RecordNotFound, RecordsError, StaleVersion
from regulars.models import Segment
from transforms.rules import Rule, RuleError, parse, to_text, words

LONGEST_NAME, LONGEST_DESCRIPTION = 80, 300


@screen
def show() -> None:
    """Show the page."""
    shop, segment_id, copied = links.shop(), links.asked("id"), links.asked("copy")
    if st.button("All segments", icon=":material/arrow_back:", type="tertiary"):
        links.go("segments")
    try:
        found = reads.segment(shop, segment_id or copied) if segment_id or copied else None
    except RecordNotFound as error:
        found = _still_open(shop)
        if found is None:
            st.warning(formats.sentence(error.sentence(), 300))
            return
    segment = found if segment_id else None
    _start(shop, segment, found)
    head(
        f"Segment {formats.plain(segment.name)}" if segment else "New segment",
        "People join and leave by themselves: whoever the rule describes now is in.",
    )
    # Guarded by itself: while the form is used, only this part of the page runs.
    st.fragment(screen(lambda: _edit(shop, segment)))()
    if segment is not None:
        st.fragment(screen(lambda: membership.panel(shop, segment)))()
        _history(shop, segment)


def _start(shop: str, segment: Segment | None, like: Segment | None) -> None:
    """Fill the form once for each segment that is opened: with itself, with the one it copies, or a rule it is given."""
    opened = _opened(shop)
    if st.session_state.get("segment_opened") == opened and "rule" in st.session_state:
        return
    st.session_state["segment_opened"] = opened
    st.session_state["segment_edited"] = segment
    segment_conflict.forget()
    rule_preview.forget()
    name = "" if like is None else like.name if segment else segment_cards.copy_name(like, reads.segments(shop))
    st.session_state["segment_name"] = name
    st.session_state["segment_description"] = like.description if like else ""
    builder.start(like.rule if like else links.asked("rule") or builder.FIRST)


def _opened(shop: str) -> tuple[str, ...]:
    return (shop, *(links.asked(name) for name in ("id", "copy", "rule")))


def _still_open(shop: str) -> Segment | None:
    """Return what is being edited where somebody deleted it meanwhile: what was typed must not go with it."""
    edited: Segment | None = st.session_state.get("segment_edited")
    return edited if st.session_state.get("segment_opened") == _opened(shop) else None


def _edit(shop: str, segment: Segment | None) -> None:
    known = Known(shop, reads.segments(shop), segment.id if segment else "")
    rule = builder.editor(known)
    with st.container(horizontal=True, vertical_alignment="bottom", key="segment-save"):
        st.text_input("Name", key="segment_name", max_chars=LONGEST_NAME, placeholder="For example: Tea lovers")
        st.text_input(
            "Description",
            key="segment_description",
            max_chars=LONGEST_DESCRIPTION,
            placeholder="One sentence on who they are (optional)",
        )
        if st.button("Save", type="primary", disabled=rule is None) and rule is not None:
            _save(shop, rule)
        if segment is not None and st.button("Delete", key="segment-delete"):
            segment_cards.confirm_delete(segment)
    with st.container(key="segment-problem"):
        if message := st.session_state.pop("segment_refused", None):
            st.error(formats.sentence(message, 400))
        if rule is not None and segment_conflict.is_there():
            segment_conflict.show(shop, segment, rule, lambda: _save(shop, rule))
    rule_preview.preview(rule, known)


def _save(shop: str, rule: Rule) -> None:
    edited: Segment | None = st.session_state["segment_edited"]
    name, description = st.session_state["segment_name"], st.session_state["segment_description"]
    try:
        actions.save_segment(shop, name, to_text(rule), description, edited)
    except (StaleVersion, RecordNotFound) as error:
        segment_conflict.remember(error)
        return
    except RecordsError as error:
        st.session_state["segment_refused"] = error.sentence()
        return
    st.session_state.pop("segment_opened", None)
    links.go("segments")


def _history(shop: str, segment: Segment) -> None:
    versions, about = reads.segment_history(shop, segment.id), reads.manifest(shop)
    names = {one.id: one.name for one in reads.segments(shop)}
    with st.expander(f"History: {len(versions)} version{'' if len(versions) == 1 else 's'}", key="segment-history"):
        for version in reversed(versions):
            when = formats.minute(version.edited_at or version.created_at, about.timezone)
            st.caption(f"Version {version.version} · {when} · {formats.plain(version.name)}")
            st.text(_words(version.rule, names))


def _words(rule: str, names: Mapping[str, str]) -> str:
    try:
        return formats.one_line(words(parse(rule), names), 600)
    except RuleError:
        return formats.one_line(rule, 600)
