"""Tags of many people at once: give, take away, undo; and what the shop's tags are called."""

from collections.abc import Sequence

import streamlit as st

from app_streamlit import actions, reads
from app_streamlit.components import filters, formats, selection
from app_streamlit.components.boundary import screen
from regulars.errors import RecordsError
from regulars.models import TagChange

_ASKED = "_tag_asked"
GIVE, TAKE = "Give the tag", "Take the tag away"


def ask() -> None:
    """Ask for the tag of the ticked rows, or of everybody who matches; the next drawing opens the question."""
    st.session_state[_ASKED] = "people"


def ask_names() -> None:
    """Let the tags themselves be changed; the next drawing opens the question."""
    st.session_state[_ASKED] = "names"


def open_if_asked(shop: str, total: int) -> None:
    """Open what was asked for. `total` is how many people match the list's filters."""
    match st.session_state.pop(_ASKED, None):
        case "people":
            _people(shop, selection.chosen(), total)
        case "names":
            _names(shop)


@st.dialog("Tag people", icon=":material/label:")
def _people(shop: str, ticked: Sequence[str], total: int) -> None:
    screen(lambda: _people_form(shop, ticked, total))()


def _people_form(shop: str, ticked: Sequence[str], total: int) -> None:
    whom = {"ticked": f"The {formats.people(len(ticked))} selected", "all": f"All {formats.people(total)} that match"}
    choices = ["ticked", "all"] if ticked else ["all"]
    chosen = st.radio("Whom", choices, format_func=whom.__getitem__, key="tag-whom")
    what = st.segmented_control("What", [GIVE, TAKE], default=GIVE, required=True, key="tag-what")
    in_use = list(reads.tag_counts(shop))
    tag = st.selectbox(
        "Tag",
        in_use,
        index=None,
        format_func=formats.one_line,
        accept_new_options=what == GIVE,
        placeholder="Type a new tag or choose one" if what == GIVE else "Choose a tag",
        key=f"tag-which-{what == GIVE}",
        help=filters.TAG_HELP,
    )
    count = len(ticked) if chosen == "ticked" else total
    label = f"Tag {formats.people(count)}" if what == GIVE else f"Take it from {formats.people(count)}"
    if st.button(label, type="primary", key="tag-do", disabled=not tag) and tag:
        keys = list(ticked) if chosen == "ticked" else _everybody(shop)
        try:
            with st.spinner("Writing the tag…"):
                change = (actions.tag_people if what == GIVE else actions.untag_people)(shop, keys, tag)
        except RecordsError as error:
            st.error(formats.sentence(error.sentence(), 400))
            return
        _tell(change, len(keys))
        selection.unchoose()
        st.rerun()


def _everybody(shop: str) -> list[str]:
    return reads.keys(shop, filters.current().query(1)).to_list()


def _tell(change: TagChange, asked: int) -> None:
    if change.action == "add":
        sentence = f"{formats.people(change.people)} tagged “{formats.one_line(change.tag)}”."
        if passed := asked - change.people:
            sentence += f" {formats.people(passed)} had it before, or had no room for another tag."
    else:
        sentence = f"“{formats.one_line(change.tag)}” taken from {formats.people(change.people)}."
    selection.tell(sentence, (lambda: _undo(change)) if change.people else None)


def _undo(change: TagChange) -> None:
    undone = actions.undo_tag_change(change)
    selection.tell(f"Undone for {formats.people(undone.people)}.")


# The list behind it shows tags: it is drawn anew, with their new names.
@st.dialog("Tags of this shop", icon=":material/label:", on_dismiss="rerun")
def _names(shop: str) -> None:
    screen(lambda: _names_form(shop))()


def _names_form(shop: str) -> None:
    counts = reads.tag_counts(shop)
    if told := st.session_state.pop("_tags_told", None):
        st.success(formats.plain(told, 300))
    if refused := st.session_state.pop("_tags_refused", None):
        st.error(formats.sentence(refused, 400))
    if not counts:
        st.info("Nobody has a tag yet. Tick people in the list and choose “Tag…”, or write tags in a profile.")
        return
    tag = st.selectbox(
        "Tag",
        list(counts),
        format_func=lambda one: f"{formats.one_line(one)} ({formats.people(counts[one])})",
        key="tags-which",
    )
    new = st.text_input(
        "New name", key=f"tags-new-{tag}", max_chars=40, live="300ms", placeholder=formats.one_line(tag)
    )
    other = next((one for one in counts if one != tag and one.casefold() == new.strip().casefold()), None)
    if other is not None:
        st.warning(
            f"“{formats.plain(other)}” is in use. The two become one tag, for good: nobody can tell afterwards who had "
            "which."
        )
    label = "Rename" if other is None else "Make them one"
    st.button(
        label, type="primary", key="tags-rename", disabled=not new.strip(), on_click=_rename, args=(shop, tag, new)
    )


def _rename(shop: str, tag: str, new: str) -> None:
    try:
        people = actions.rename_tag(shop, tag, new)
    except RecordsError as error:
        st.session_state["_tags_refused"] = error.sentence()
        return
    _follow(tag, new)
    st.session_state["_tags_told"] = f"“{tag}” is “{new.strip()}” now, for {formats.people(people)}."


def _follow(tag: str, new: str) -> None:
    """Let the list go on filtering by a tag that has another name now."""
    tags = filters.current().tags
    if tag in tags:
        filters.narrow(tags=tuple(dict.fromkeys(new.strip() if one == tag else one for one in tags)))
