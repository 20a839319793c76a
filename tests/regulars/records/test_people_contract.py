"""What every store guarantees of people who were deleted here, and of what was done about people."""

import threading

import pytest

from regulars.errors import RecordInvalid


def test_a_hidden_person_is_hidden_until_shown(records, open_again):
    """Another process lists people a moment later; the same key in another shop is somebody else."""
    hidden = records.hide("s", "woo:1", "ana")
    records.hide("t", "woo:2", "ana")
    assert (hidden.customer_key, hidden.author) == ("woo:1", "ana")
    assert open_again().hidden("s") == {"woo:1": hidden}
    records.show("s", "woo:1", "ben")
    assert records.hidden("s") == {}
    assert records.hidden("t").keys() == {"woo:2"}


def test_hiding_twice_changes_nothing(records):
    """A double click must not rewrite who did it, nor fill the timeline."""
    first = records.hide("s", "woo:1", "ana")
    assert records.hide("s", "woo:1", "ben") == first
    records.show("s", "woo:1", "ben")
    records.show("s", "woo:1", "cem")
    events = [(event.kind, event.author, event.detail) for event in records.events("s", "woo:1")]
    assert events == [("shown", "ben", ""), ("hidden", "ana", "")]


def test_notes_and_tags_of_a_hidden_person_stay(records):
    """Showing somebody again brings all of them back."""
    note = records.add_note("s", "woo:1", "kept", "ana")
    records.add_tag("s", "woo:1", "vip", "ana")
    records.hide("s", "woo:1", "ana")
    assert records.notes("s", "woo:1") == [note]
    assert records.tags("s") == {"woo:1": ("vip",)}


def test_of_two_who_hide_at_once_one_did_it(records, open_again):
    """Two tabs, one click each: one event, and both are told the same name."""
    said = []
    threads = [
        threading.Thread(target=lambda who=who: said.append(open_again().hide("s", "woo:1", who))) for who in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [records.hidden("s")["woo:1"]] * 2
    assert len(records.events("s", "woo:1")) == 1


def test_events_are_listed_newest_first_and_by_person(records, open_again):
    """The timeline of one person, with as much of it as asked for."""
    first = records.add_event("s", "woo:1", "created", "ana")
    second = records.add_event("s", "woo:1", "edited", "ben", "email, phone")
    records.add_event("s", "woo:2", "edited", "ben")
    records.add_event("t", "woo:1", "edited", "ben")
    assert (second.kind, second.author, second.detail) == ("edited", "ben", "email, phone")
    assert first.at < second.at
    assert open_again().events("s", "woo:1") == [second, first]
    assert records.events("s", "woo:1", limit=1) == [second]
    assert records.events("s", "woo:1", limit=0) == records.events("s", "woo:1", limit=-1) == []


@pytest.mark.parametrize(
    ("kind", "author", "detail"),
    [("dropped", "ana", ""), ("edited", "", ""), ("edited", "ana", "x" * 501), ("edited", "ana", "a\0")],
)
def test_what_is_no_event_is_refused(records, kind, author, detail):
    """A kind nobody knows would break every timeline that holds it."""
    with pytest.raises(RecordInvalid):
        records.add_event("s", "woo:1", kind, author, detail)
    assert records.events("s", "woo:1") == []
