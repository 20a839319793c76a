"""Notes and tags on a profile: nothing that was typed is lost, whoever else writes."""

import pytest
import streamlit as st

from app_streamlit import reads
from regulars.models import Note
from tests.app_streamlit.test_app_profile import opened
from tests.app_streamlit.test_app_views import Open, Publish, no_failure, said
from tests.regulars.directory.builders import SHOP, a_buyer


@pytest.fixture
def note(published: Publish, data: object) -> Note:
    """Return a note on account 1."""
    published([a_buyer(1), a_buyer(2)])
    return reads.records().add_note(SHOP, "woo:1", "first", "ann")


def edit(app: Open, note: Note, text: str):  # type: ignore[no-untyped-def] # the screen, as AppTest has it
    """Open the note's box, let somebody else go first in `text`'s stead, and return the screen."""
    test = opened(app, "Notes")
    test.button(key=f"edit-{note.id}").click().run()
    test.text_area(key=f"text-{note.id}").set_value(text).run()
    return test


def texts() -> list[str]:
    """Return what the notes on account 1 say."""
    return [note.text for note in reads.records().notes(SHOP, "woo:1")]


def test_notes_and_tags_last(app: Open, published: Publish) -> None:
    """What people write is there after a restart of the app, and the list can be filtered by it at once."""
    published([a_buyer(1), a_buyer(2)])
    test = opened(app, "Notes")
    test.text_area[0].set_value("Likes **green** tea <script>").run()
    next(button for button in test.button if button.label == "Add note").click().run()
    test.multiselect(key="tags-woo:1").set_value(["Tea lover"]).run()
    no_failure(test)
    assert test.text_area[0].value == ""

    st.cache_resource.clear()
    test = opened(app, "Notes")

    assert "Likes **green** tea <script>" in [text.value for text in test.text]
    assert test.multiselect(key="tags-woo:1").value == ["Tea lover"]
    assert "1 of 2 people" in said(app("customers", tag="Tea lover"))


def test_an_empty_note_is_refused_in_a_sentence(app: Open, published: Publish) -> None:
    """Pressing the button by accident writes nothing."""
    published([a_buyer(1)])
    test = opened(app, "Notes")

    next(button for button in test.button if button.label == "Add note").click().run()

    assert len(test.error) == 1
    assert texts() == []


def test_a_stale_edit_shows_both_texts_and_mine_can_be_saved(app: Open, note: Note) -> None:
    """Two people edit one note: the second sees what the first wrote, and decides."""
    test = edit(app, note, "mine")
    reads.records().edit_note(note.id, "theirs *bold*", "bo", note.version)

    test.button(key=f"save-{note.id}").click().run()

    assert not test.exception
    assert "bo saved this note" in test.warning[0].value
    assert "theirs *bold*" in [text.value for text in test.text]
    assert test.text_area(key=f"text-{note.id}").value == "mine"
    assert texts() == ["theirs *bold*"]
    assert test.button(key=f"save-{note.id}").label == "Save mine instead"
    test.button(key=f"save-{note.id}").click().run()
    no_failure(test)
    assert texts() == ["mine"]


def test_a_stale_edit_can_be_given_up_for_theirs(app: Open, note: Note) -> None:
    """Theirs may be the better one; what was typed is dropped only on asking."""
    test = edit(app, note, "mine")
    reads.records().edit_note(note.id, "theirs", "bo", note.version)
    test.button(key=f"save-{note.id}").click().run()

    test.button(key=f"cancel-{note.id}").click().run()

    no_failure(test)
    assert texts() == ["theirs"]
    assert f"text-{note.id}" not in [area.key for area in test.text_area]


def test_a_third_edit_in_between_is_shown_too(app: Open, note: Note) -> None:
    """Choosing "mine" over one text must not overwrite another that nobody saw."""
    test = edit(app, note, "mine")
    second = reads.records().edit_note(note.id, "second", "bo", note.version)
    test.button(key=f"save-{note.id}").click().run()
    reads.records().edit_note(note.id, "third", "cy", second.version)

    test.button(key=f"save-{note.id}").click().run()

    assert texts() == ["third"]
    assert "cy saved this note" in test.warning[0].value
    test.button(key=f"save-{note.id}").click().run()
    assert texts() == ["mine"]


def test_what_was_typed_on_a_note_that_vanished_becomes_a_note(app: Open, note: Note) -> None:
    """Somebody deletes the note while a page of text is written on it."""
    test = edit(app, note, "a page of text")
    reads.records().delete_note(note.id, note.version)

    test.button(key=f"save-{note.id}").click().run()

    assert not test.exception
    assert test.text_area(key=f"text-{note.id}").value == "a page of text"
    test.button(key=f"again-{note.id}").click().run()
    assert texts() == ["a page of text"]
    assert test.warning == []


def test_a_note_is_deleted_once_that_is_confirmed(app: Open, note: Note) -> None:
    """The button that deletes stands behind one that says what will be gone."""
    test = opened(app, "Notes")
    assert "removed for good" in said(test)

    test.button(key=f"delete-now-{note.id}").click().run()

    no_failure(test)
    assert texts() == []


def test_deleting_a_note_that_changed_meanwhile_is_refused(app: Open, note: Note) -> None:
    """Nobody deletes a text they have not read."""
    test = opened(app, "Notes")
    reads.records().edit_note(note.id, "urgent: call back", "bo", note.version)

    test.button(key=f"delete-now-{note.id}").click().run()

    assert len(test.error) == 1
    assert texts() == ["urgent: call back"]


def test_earlier_versions_of_a_note_can_be_read(app: Open, note: Note) -> None:
    """What a note said last week may matter."""
    reads.records().edit_note(note.id, "second", "bo", note.version)
    test = opened(app, "Notes")
    assert "first" not in [text.value for text in test.text]

    test.session_state[f"history-{note.id}"] = True
    test.run()

    no_failure(test)
    assert [expander.label for expander in test.expander] == ["1 earlier version"]
    assert "first" in [text.value for text in test.text]


def test_what_is_typed_stays_while_another_tab_is_looked_at(app: Open, note: Note) -> None:
    """Looking an order up in the middle of a note is what notes are for."""
    test = opened(app, "Notes")
    test.text_area(key="note-woo:1").set_value("half a thought").run()

    test.session_state["tabs-woo:1"] = "Orders"
    test.run()
    test.session_state["tabs-woo:1"] = "Notes"
    test.run()

    assert test.text_area(key="note-woo:1").value == "half a thought"


def test_a_tag_that_somebody_else_gives_meanwhile_stays(app: Open, note: Note) -> None:
    """Two people tag one person from two screens: both tags are meant."""
    store = reads.records()
    store.set_tags(SHOP, "woo:1", ["old"], "ann")
    test = opened(app, "Notes")
    store.add_tag(SHOP, "woo:1", "theirs", "bo")

    test.multiselect(key="tags-woo:1").set_value(["mine"]).run()

    no_failure(test)
    assert store.tags_of(SHOP, "woo:1") == ("mine", "theirs")
    assert test.multiselect(key="tags-woo:1").value == ["mine", "theirs"]


def test_a_tag_that_is_none_is_refused_in_a_sentence(app: Open, note: Note) -> None:
    """Forty characters are the most; the tags that were there stay."""
    test = opened(app, "Notes")

    test.multiselect(key="tags-woo:1").set_value(["x" * 41]).run()

    assert len(test.error) == 1
    assert reads.records().tags_of(SHOP, "woo:1") == ()
