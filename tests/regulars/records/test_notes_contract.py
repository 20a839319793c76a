"""What every store guarantees of notes."""

from datetime import UTC, datetime

import pytest

from regulars.errors import RecordInvalid, RecordNotFound, StaleVersion
from tests.regulars.records.builders import HOSTILE_TEXTS


def test_a_note_comes_back_as_written(records, open_again):
    """Notes are the one thing nobody can fetch again; another process must see them at once."""
    note = records.add_note("s", "woo:1", "  Prefers phone.\n", "ana")
    assert (note.text, note.author, note.version, note.edited_at) == ("Prefers phone.", "ana", 1, None)
    assert note.created_at == datetime(2026, 11, 22, 9, 1, tzinfo=UTC)
    assert open_again().notes("s", "woo:1") == [note]


def test_notes_are_listed_newest_first_and_by_person(records):
    """A profile shows its own notes; the same key in another shop is another person."""
    first = records.add_note("s", "woo:1", "one", "ana")
    second = records.add_note("s", "woo:1", "two", "ana")
    records.add_note("s", "woo:2", "other person", "ana")
    records.add_note("t", "woo:1", "other shop", "ana")
    records.edit_note(first.id, "one, edited", "ana", 1)
    assert [note.id for note in records.notes("s", "woo:1")] == [second.id, first.id]


def test_one_note_is_read_as_it_is_now(records):
    """Whoever was told that somebody else saved in between wants to see that version."""
    note = records.add_note("s", "woo:1", "one", "ana")
    edited = records.edit_note(note.id, "two", "ben", 1)
    assert records.note(note.id) == edited


def test_the_keys_of_those_who_have_notes_are_found(records):
    """A key with a note must be recognised when its guest registers, though nobody of that key is published any more."""
    note = records.add_note("s", "guest:a", "one", "ana")
    records.add_note("s", "woo:2", "two", "ana")
    records.add_note("t", "woo:3", "other shop", "ana")
    assert records.keys_with_notes("s") == {"guest:a", "woo:2"}
    records.delete_note(note.id, 1)
    assert records.keys_with_notes("s") == {"woo:2"}


def test_an_edit_keeps_every_earlier_version(records):
    """Who wrote what must stay answerable after an edit."""
    note = records.add_note("s", "woo:1", "one", "ana")
    edited = records.edit_note(note.id, "two", "ben", expected_version=1)
    again = records.edit_note(note.id, "three", "cem", expected_version=2)
    assert (again.text, again.author, again.version, again.created_at) == ("three", "cem", 3, note.created_at)
    assert records.note_history(note.id) == [note, edited, again]
    assert records.notes("s", "woo:1") == [again]


def test_an_edit_of_an_old_version_changes_nothing(records):
    """Two people have the note open; the second to save must not wipe out the first."""
    note = records.add_note("s", "woo:1", "one", "ana")
    saved = records.edit_note(note.id, "two", "ben", 1)
    with pytest.raises(StaleVersion, match="ben"):
        records.edit_note(note.id, "lost?", "ana", 1)
    with pytest.raises(StaleVersion):
        records.delete_note(note.id, 1)
    assert records.notes("s", "woo:1") == [saved]
    assert len(records.note_history(note.id)) == 2


def test_a_deleted_note_is_gone_and_its_id_is_not_used_again(records):
    """An old tab that still edits note 1 must not hit somebody else's note."""
    note = records.add_note("s", "woo:1", "one", "ana")
    records.edit_note(note.id, "two", "ana", 1)
    records.delete_note(note.id, 2)
    assert records.notes("s", "woo:1") == []
    assert records.add_note("s", "woo:1", "three", "ana").id > note.id
    for attempt in (
        lambda: records.note(note.id),
        lambda: records.note_history(note.id),
        lambda: records.edit_note(note.id, "x", "ana", 2),
        lambda: records.delete_note(note.id, 2),
    ):
        with pytest.raises(RecordNotFound):
            attempt()


@pytest.mark.parametrize("number", [0, -1, 2**63, 2**64])
def test_ids_beyond_any_store_are_not_found(records, number):
    """Ids come from addresses that people can type."""
    for read in (records.note, records.note_history):
        with pytest.raises(RecordNotFound):
            read(number)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_text_comes_back_unharmed(records, text):
    """Text is data: nothing in it is run, cut or rewritten."""
    records.add_note("s", "woo:1", text, "ana")
    assert records.notes("s", "woo:1")[0].text == text


@pytest.mark.parametrize("text", ["", "  \n\t ", "x" * 1_000_000, "x" * 10_001, "a\0b", "a\ud800b", None, 3, b"x"])
def test_what_is_no_note_is_refused_and_leaves_nothing(records, text):
    """A megabyte, a NUL or half a character must end in a sentence, before anything is written."""
    note = records.add_note("s", "woo:1", "kept", "ana")
    with pytest.raises(RecordInvalid, match="The note"):
        records.add_note("s", "woo:1", text, "ana")
    with pytest.raises(RecordInvalid, match="The note"):
        records.edit_note(note.id, text, "ana", 1)
    assert records.notes("s", "woo:1") == [note]
