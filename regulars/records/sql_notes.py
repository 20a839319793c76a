"""Notes on SQLite; the guarantees stand in `ports.Notes`."""

from typing import Any

import sqlalchemy as sa

from regulars.errors import RecordNotFound, StaleVersion
from regulars.models import Note
from regulars.records.store import SqlStore
from regulars.records.tables import note_versions, notes, to_instant
from regulars.records.texts import KEY_LENGTH, NAME_LENGTH, NOTE_LENGTH, checked

LARGEST_ID = 2**63 - 1


class SqlNotes(SqlStore):
    """Notes in one SQLite file."""

    def add_note(self, shop: str, customer_key: str, text: str, author: str) -> Note:
        """Write a note and return it. See `ports.Notes`."""
        row = {
            "shop": checked(shop, "The shop", KEY_LENGTH),
            "customer_key": checked(customer_key, "The customer key", KEY_LENGTH),
            "text": checked(text, "The note", NOTE_LENGTH),
            "author": checked(author, "The author", NAME_LENGTH),
            "created_at": self._now(),
            "version": 1,
        }
        with self._writing() as connection:
            return _note(connection.execute(sa.insert(notes).values(row).returning(notes)).one())

    def notes(self, shop: str, customer_key: str) -> list[Note]:
        """Return the person's notes, the newest first. See `ports.Notes`."""
        shop, customer_key = (
            checked(shop, "The shop", KEY_LENGTH),
            checked(customer_key, "The customer key", KEY_LENGTH),
        )
        query = sa.select(notes).where(notes.c.shop == shop, notes.c.customer_key == customer_key)
        with self._reading() as connection:
            return [_note(row) for row in connection.execute(query.order_by(notes.c.id.desc()))]

    def keys_with_notes(self, shop: str) -> set[str]:
        """Return the keys of everybody who has a note. See `ports.Notes`."""
        query = sa.select(notes.c.customer_key).where(notes.c.shop == checked(shop, "The shop", KEY_LENGTH)).distinct()
        with self._reading() as connection:
            return set(connection.scalars(query))

    def edit_note(self, note_id: int, text: str, author: str, expected_version: int) -> Note:
        """Replace the text of a note. See `ports.Notes`."""
        changed = {
            "text": checked(text, "The note", NOTE_LENGTH),
            "author": checked(author, "The author", NAME_LENGTH),
            "edited_at": self._now(),
            "version": expected_version + 1,
        }
        kept = ("version", "text", "author", "edited_at")
        with self._writing() as connection:
            _found(connection, note_id, expected_version)
            before = sa.select(notes.c.id, *(notes.c[name] for name in kept)).where(notes.c.id == note_id)
            connection.execute(sa.insert(note_versions).from_select(["note_id", *kept], before))
            update = sa.update(notes).where(notes.c.id == note_id).values(changed).returning(notes)
            return _note(connection.execute(update).one())

    def note_history(self, note_id: int) -> list[Note]:
        """Return every version of a note, the first one first. See `ports.Notes`."""
        with self._reading() as connection:
            last = _found(connection, note_id)
            query = sa.select(note_versions).where(note_versions.c.note_id == note_id).order_by(note_versions.c.version)
            earlier = [
                last.model_copy(
                    update={
                        "text": row.text,
                        "author": row.author,
                        "edited_at": to_instant(row.edited_at),
                        "version": row.version,
                    }
                )
                for row in connection.execute(query)
            ]
        return [*earlier, last]

    def delete_note(self, note_id: int, expected_version: int) -> None:
        """Remove a note and its history. See `ports.Notes`."""
        with self._writing() as connection:
            _found(connection, note_id, expected_version)
            connection.execute(sa.delete(notes).where(notes.c.id == note_id))


def _found(connection: sa.Connection, note_id: int, expected_version: int | None = None) -> Note:
    row = None
    if 0 < note_id <= LARGEST_ID:
        row = connection.execute(sa.select(notes).where(notes.c.id == note_id)).one_or_none()
    if row is None:
        raise RecordNotFound("This note is gone: somebody deleted it.")
    if expected_version is not None and row.version != expected_version:
        raise StaleVersion(f"{row.author} saved this note in between; look at that version and edit it again.")
    return _note(row)


def _note(row: sa.Row[Any]) -> Note:
    return Note(
        id=row.id,
        shop=row.shop,
        customer_key=row.customer_key,
        text=row.text,
        author=row.author,
        created_at=to_instant(row.created_at),
        edited_at=to_instant(row.edited_at),
        version=row.version,
    )
