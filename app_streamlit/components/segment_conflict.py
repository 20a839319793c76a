"""What to do where somebody else changed or deleted a segment while it was being edited: both are shown, one is kept."""

from collections.abc import Callable

import streamlit as st

from app_streamlit import reads
from app_streamlit.components import builder, formats
from regulars.errors import RecordNotFound, RecordsError
from regulars.models import Segment
from transforms.rules import Rule, RuleError, parse, words

_MET = "segment_conflict"


def remember(error: RecordsError) -> None:
    """Keep that saving met somebody else's version."""
    st.session_state[_MET] = error.sentence()


def forget() -> None:
    """Go on as if nothing had been met."""
    st.session_state.pop(_MET, None)


def is_there() -> bool:
    """Return whether a choice is still open."""
    return _MET in st.session_state


def show(shop: str, segment: Segment | None, mine: Rule, save: Callable[[], None]) -> None:
    """Show their version beside mine and let one be chosen; the form keeps what was typed until then."""
    st.warning(formats.sentence(st.session_state[_MET], 400))
    try:
        theirs = reads.segment(shop, segment.id) if segment else None
    except RecordNotFound:
        theirs = None
    with st.grid(2, min_column_width=260, border=True, gap="small") as grid:
        with grid.cell():
            st.markdown("**Yours**, not saved yet")
            _version(shop, st.session_state["segment_name"], mine)
            label = "Save mine over it" if theirs else "Save mine as a new segment"
            if st.button(label, type="primary", key="conflict-mine"):
                st.session_state["segment_edited"] = theirs
                forget()
                save()
                st.rerun()
        with grid.cell():
            if theirs is None:
                st.markdown("**Theirs**: the segment is deleted.")
                return
            st.markdown(f"**Theirs**, version {theirs.version}")
            _version(shop, theirs.name, _readable(theirs.rule))
            st.button("Take theirs", key="conflict-theirs", on_click=_take, args=(theirs,))


def _version(shop: str, name: str, rule: Rule | None) -> None:
    st.text(formats.one_line(name) or "Without a name")
    if rule is None:
        st.caption("Its rule can no longer be read.")
        return
    names = {segment.id: segment.name for segment in reads.segments(shop)}
    st.text(formats.one_line(words(rule, names), 600))
    st.caption(formats.people(reads.count(shop, rule).people))


def _take(theirs: Segment) -> None:
    st.session_state["segment_edited"] = theirs
    st.session_state["segment_name"] = theirs.name
    st.session_state["segment_description"] = theirs.description
    builder.start(theirs.rule)
    forget()


def _readable(text: str) -> Rule | None:
    try:
        return parse(text)
    except RuleError:
        return None
