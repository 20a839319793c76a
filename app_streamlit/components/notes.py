"""Internal notes on a person: read, add, edit. What was typed is kept when saving fails."""

import streamlit as st

from app_streamlit import actions
from app_streamlit.components import formats
from regulars.directory.layout import Manifest
from regulars.errors import RecordsError
from regulars.models import Note

LONGEST_NOTE = 10_000


def notes(shop: str, key: str, written: list[Note], about: Manifest) -> None:
    """Show the notes, newest first, below a box for a new one."""
    draft = f"note-{key}"
    st.text_area(
        "New note", key=draft, max_chars=LONGEST_NOTE, placeholder="What should everyone who serves this person know?"
    )
    st.button("Add note", on_click=lambda: _add(shop, key, draft), type="primary")
    _refusal(draft)
    if not written:
        st.caption("No notes yet. They are internal: the shop and the customer never see them.")
    for note in written:
        _note(note, about)


def _note(note: Note, about: Manifest) -> None:
    editing = f"editing-{note.id}"
    with st.container(border=True, gap="xsmall"):
        edited = f", edited {formats.minute(note.edited_at, about.timezone)}" if note.edited_at else ""
        st.caption(f"{formats.plain(note.author)} · {formats.minute(note.created_at, about.timezone)}{edited}")
        if not st.session_state.get(editing):
            st.text(note.text)
            st.button("Edit", key=f"edit-{note.id}", on_click=_open, args=(editing, note), type="tertiary")
            return
        box = f"text-{note.id}"
        st.text_area("Note", key=box, max_chars=LONGEST_NOTE, label_visibility="collapsed")
        with st.container(horizontal=True):
            opened: Note = st.session_state[editing]
            st.button("Save", key=f"save-{note.id}", on_click=_save, args=(editing, box, opened), type="primary")
            st.button("Cancel", key=f"cancel-{note.id}", on_click=_close, args=(editing,))
        _refusal(box)


def _open(editing: str, note: Note) -> None:
    st.session_state[editing] = note
    st.session_state[f"text-{note.id}"] = note.text


def _close(editing: str) -> None:
    st.session_state[editing] = None


def _add(shop: str, key: str, draft: str) -> None:
    try:
        actions.add_note(shop, key, st.session_state[draft])
    except RecordsError as error:
        st.session_state[f"{draft}-refused"] = error.sentence()
    else:
        st.session_state[draft] = ""


def _save(editing: str, box: str, opened: Note) -> None:
    try:
        actions.edit_note(opened, st.session_state[box])
    except RecordsError as error:
        st.session_state[f"{box}-refused"] = error.sentence()
    else:
        _close(editing)


def _refusal(box: str) -> None:
    if message := st.session_state.pop(f"{box}-refused", None):
        st.error(formats.plain(message, 400))
