"""What was written about a person, under the key of today and under those they had before (as a guest, for example).

`keys` are all of a person's keys, as `Directory.known_as` returns them.
"""

from collections.abc import Iterable

from regulars.models import Note, PersonEvent
from regulars.records.ports import Records


def notes_of(records: Records, shop: str, keys: Iterable[str]) -> list[Note]:
    """Return the notes on a person, the newest first."""
    notes = [note for key in keys for note in records.notes(shop, key)]
    return sorted(notes, key=lambda note: (note.created_at, note.id), reverse=True)


def events_of(records: Records, shop: str, keys: Iterable[str]) -> list[PersonEvent]:
    """Return what was done about a person here, the newest first."""
    events = [event for key in keys for event in records.events(shop, key)]
    return sorted(events, key=lambda event: (event.at, event.id), reverse=True)


def show_again(records: Records, shop: str, keys: Iterable[str], author: str) -> None:
    """Show a person who was deleted here, under whichever key that was."""
    for key in keys:
        records.show(shop, key, author)


def take_tag(records: Records, shop: str, keys: Iterable[str], tag: str, author: str) -> None:
    """Take a tag away from a person, under whichever key it was given."""
    for key in keys:
        records.remove_tag(shop, key, tag, author)
