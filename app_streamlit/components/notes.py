"""Internal notes on a person: read, add, edit, delete, and what they said before.

What was typed is never lost: a refused note stays in its box, and where somebody else saved in between, both texts
stand side by side until one of them is chosen.
"""

import streamlit as st

from app_streamlit import actions, reads
from app_streamlit.components import formats
from regulars.directory.layout import Manifest
from regulars.errors import RecordNotFound, RecordsError, StaleVersion
from regulars.models import Note

LONGEST_NOTE = 10_000


def notes(shop: str, key: str, written: list[Note], about: Manifest) -> None:
    """Show the notes, newest first, below a box for a new one."""
    draft = f"note-{key}"
    st.text_area(
        "New note",
        key=draft,
        max_chars=LONGEST_NOTE,
        placeholder="What should everyone who serves this person know?",
        persist_state="session",
    )
    st.button("Add note", on_click=_add, args=(shop, key, draft), type="primary")
    _refusal(draft)
    if not written:
        st.caption("No notes yet. They are internal: the shop and the customer never see them.")
    for note in written:
        _note(key, note, about)
    there = {note.id for note in written}
    for number in [number for number in _edits(key) if number not in there]:
        _deleted_meanwhile(shop, key, number)


def _note(key: str, note: Note, about: Manifest) -> None:
    with st.container(border=True, gap="xsmall", key=f"a-note-{note.id}"):
        edited = f", edited {formats.minute(note.edited_at, about.timezone)}" if note.edited_at else ""
        st.caption(f"{formats.plain(note.author)} · {formats.minute(note.created_at, about.timezone)}{edited}")
        if note.id in _edits(key):
            _editor(key, note, about)
            return
        st.text(note.text)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.button("Edit", key=f"edit-{note.id}", on_click=_open, args=(key, note), type="tertiary")
            _deletion(note)
        _refusal(f"note-{note.id}")
        if note.version > 1:
            _history(note, about)


def _editor(key: str, note: Note, about: Manifest) -> None:
    box = _box(note.id)
    theirs: Note | None = st.session_state.get(f"theirs-{note.id}")
    if theirs is not None:
        st.warning(
            f"{formats.plain(theirs.author)} saved this note on "
            f"{formats.plain(formats.minute(theirs.edited_at, about.timezone))}, while you were writing. "
            "Their text stands below, yours in the box. Choose one, or take over what you want to keep."
        )
        st.caption("Their text")
        st.text(theirs.text)
    st.text_area("Your text" if theirs else "Note", key=box, max_chars=LONGEST_NOTE, persist_state="session")
    with st.container(horizontal=True):
        opened: Note = theirs or _edits(key)[note.id]
        label = "Save mine instead" if theirs else "Save"
        st.button(label, key=f"save-{note.id}", on_click=_save, args=(key, opened), type="primary")
        st.button("Keep theirs" if theirs else "Cancel", key=f"cancel-{note.id}", on_click=_close, args=(key, note.id))
    _refusal(box)


def _deletion(note: Note) -> None:
    with st.popover("Delete", type="tertiary", key=f"delete-{note.id}"):
        st.write("The note and everything it said before are removed for good.")
        st.button("Delete this note", key=f"delete-now-{note.id}", type="primary", on_click=_delete, args=(note,))


def _history(note: Note, about: Manifest) -> None:
    versions = "1 earlier version" if note.version == 2 else f"{note.version - 1} earlier versions"
    opened = st.expander(versions, key=f"history-{note.id}", on_change="rerun")
    if not opened.open:
        return
    with opened:
        try:
            earlier = reads.note_history(note.id)[:-1]
        except RecordNotFound as error:
            st.caption(formats.plain(error.sentence(), 300))
            return
        for version in reversed(earlier):
            when = formats.minute(version.edited_at or version.created_at, about.timezone)
            st.caption(f"{formats.plain(version.author)} · {when}")
            st.text(version.text)


def _deleted_meanwhile(shop: str, key: str, number: int) -> None:
    """Show what was being written on a note that somebody deleted: it can still be kept, as a note of its own."""
    with st.container(border=True, gap="xsmall"):
        st.warning("Somebody deleted this note while you were writing. Your text is still here.")
        st.text_area("Your text", key=_box(number), max_chars=LONGEST_NOTE, persist_state="session")
        with st.container(horizontal=True):
            st.button("Add as a new note", key=f"again-{number}", on_click=_add_again, args=(shop, key, number))
            st.button("Drop it", key=f"drop-{number}", on_click=_close, args=(key, number))
        _refusal(_box(number))


def _edits(key: str) -> dict[int, Note]:
    """Return the notes on a person that are being edited, by id, each as it was when the box was opened."""
    edits: dict[int, Note] = st.session_state.setdefault(f"note-edits-{key}", {})
    return edits


def _box(number: int) -> str:
    return f"text-{number}"


def _open(key: str, note: Note) -> None:
    _edits(key)[note.id] = note
    st.session_state[_box(note.id)] = note.text


def _close(key: str, number: int) -> None:
    _edits(key).pop(number, None)
    st.session_state[f"theirs-{number}"] = None


def _add(shop: str, key: str, draft: str) -> None:
    try:
        actions.add_note(shop, key, st.session_state[draft])
    except RecordsError as error:
        st.session_state[f"{draft}-refused"] = error.sentence()
    else:
        st.session_state[draft] = ""


def _add_again(shop: str, key: str, number: int) -> None:
    _add(shop, key, _box(number))
    if not st.session_state[_box(number)]:
        _close(key, number)


def _save(key: str, opened: Note) -> None:
    box = _box(opened.id)
    try:
        actions.edit_note(opened, st.session_state[box])
    except StaleVersion as error:
        try:
            st.session_state[f"theirs-{opened.id}"] = reads.note(opened.id)
        except RecordsError:
            st.session_state[f"{box}-refused"] = error.sentence()
    except RecordsError as error:
        st.session_state[f"{box}-refused"] = error.sentence()
    else:
        _close(key, opened.id)


def _delete(note: Note) -> None:
    try:
        actions.delete_note(note)
    except RecordsError as error:
        st.session_state[f"note-{note.id}-refused"] = error.sentence()


def _refusal(box: str) -> None:
    if message := st.session_state.pop(f"{box}-refused", None):
        st.error(formats.sentence(message, 400))
