"""What was written about a person, under the key of today and under those they had before (as a guest, for example)."""

from regulars.models import Note, PersonEvent
from regulars.records.links import current_key
from regulars.records.ports import Records


def known_as(records: Records, shop: str, key: str) -> list[str]:
    """Return a person's key of today, which `key` is, and after it those they had before."""
    aliases = records.aliases(shop)
    return [key, *(alias for alias in aliases if alias != key and current_key(alias, aliases) == key)]


def notes_of(records: Records, shop: str, key: str) -> list[Note]:
    """Return the notes on a person, the newest first."""
    notes = [note for name in known_as(records, shop, key) for note in records.notes(shop, name)]
    return sorted(notes, key=lambda note: (note.created_at, note.id), reverse=True)


def events_of(records: Records, shop: str, key: str) -> list[PersonEvent]:
    """Return what was done about a person here, the newest first."""
    events = [event for name in known_as(records, shop, key) for event in records.events(shop, name)]
    return sorted(events, key=lambda event: (event.at, event.id), reverse=True)


def show_again(records: Records, shop: str, key: str, author: str) -> None:
    """Show a person who was deleted here, under whichever key that was."""
    for name in known_as(records, shop, key):
        records.show(shop, name, author)


def take_tag(records: Records, shop: str, key: str, tag: str, author: str) -> None:
    """Take a tag away from a person, under whichever key it was given."""
    for name in known_as(records, shop, key):
        records.remove_tag(shop, name, tag, author)
