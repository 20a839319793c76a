"""What was written about a guest is theirs after they registered, on the real store."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regulars.directory.written import events_of, known_as, notes_of, show_again, take_tag
from regulars.records.sql import SqlRecords

SHOP = "shop"


def a_clock() -> Callable[[], datetime]:
    """Return a clock that is a minute further at each look."""
    now = datetime(2026, 11, 11, tzinfo=UTC)

    def look() -> datetime:
        nonlocal now
        now += timedelta(minutes=1)
        return now

    return look


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    """Return a store in which the guests `ab` and, before that, `aa` have become account 1."""
    with SqlRecords(tmp_path / "records.db", clock=a_clock()) as store:
        store.add_aliases(SHOP, {"guest:aa": "guest:ab", "guest:ab": "woo:1", "guest:cc": "woo:2"})
        yield store


def test_a_person_is_known_by_all_keys_that_lead_to_theirs(records: SqlRecords) -> None:
    """A chain of aliases is followed; others' keys are not theirs."""
    assert known_as(records, SHOP, "woo:1")[0] == "woo:1"
    assert set(known_as(records, SHOP, "woo:1")) == {"woo:1", "guest:aa", "guest:ab"}
    assert known_as(records, SHOP, "woo:3") == ["woo:3"]


def test_notes_and_events_of_all_keys_stand_in_one_order(records: SqlRecords) -> None:
    """Whoever reads from the top must find the latest there, whatever key it was written under."""
    for key, text in (("guest:aa", "one"), ("woo:1", "two"), ("guest:ab", "three"), ("woo:2", "of somebody else")):
        records.add_note(SHOP, key, text, "ana")
        records.add_tag(SHOP, key, text, "ana")

    assert [note.text for note in notes_of(records, SHOP, "woo:1")] == ["three", "two", "one"]
    assert [event.detail for event in events_of(records, SHOP, "woo:1")] == ["three", "two", "one"]


def test_a_tag_of_an_earlier_key_can_be_taken_away(records: SqlRecords) -> None:
    """It shows on the profile: it must not come back after a click on its cross."""
    for key in ("guest:aa", "woo:1", "woo:2"):
        records.add_tag(SHOP, key, "tea", "ana")

    take_tag(records, SHOP, "woo:1", "tea", "ana")

    assert records.tags(SHOP) == {"woo:2": ("tea",)}


def test_somebody_deleted_under_an_earlier_key_can_be_shown_again(records: SqlRecords) -> None:
    """Deleted as a guest, registered since: the button must bring them back."""
    for key in ("guest:aa", "woo:2"):
        records.hide(SHOP, key, "ana")

    show_again(records, SHOP, "woo:1", "ben")

    assert list(records.hidden(SHOP)) == ["woo:2"]
