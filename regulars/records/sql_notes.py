"""Notes on SQLite; the guarantees stand in `ports.Notes`."""

from typing import Any

import sqlalchemy as sa

from regulars.models import Note
from regulars.records import sentences
from regulars.records.given import a_person, a_shop, an_author, is_id
from regulars.records.store import SqlStore
from regulars.records.tables import note_versions, notes
from regulars.records.texts import NOTE_LENGTH, checked
from regulars.records.times import to_instant


class SqlNotes(SqlStore):
    """Notes in one SQLite file."""

    def add_note(self, shop: str, customer_key: str, text: str, author: str) -> Note:
        """Write a note and return it. See `ports.Notes`."""
        shop, customer_key = a_person(shop, customer_key)
        row = {
            "shop": shop,
            "customer_key": customer_key,
            "text": checked(text, "The note", NOTE_LENGTH),
            "author": an_author(author),
            "created_at": self._now(),
            "version": 1,
        }
        with self._writing() as connection:
            return _note(connection.execute(sa.insert(notes).values(row).returning(notes)).one())

    def notes(self, shop: str, customer_key: str) -> list[Note]:
        """Return the person's notes, the newest first. See `ports.Notes`."""
        shop, customer_key = a_person(shop, customer_key)
        query = sa.select(notes).where(notes.c.shop == shop, notes.c.customer_key == customer_key)
        with self._reading() as connection:
            return [_note(row) for row in connection.execute(query.order_by(notes.c.id.desc()))]

    def note(self, note_id: int) -> Note:
        """Return one note as it is now. See `ports.Notes`."""
        with self._reading() as connection:
            return _found(connection, note_id)

    def keys_with_notes(self, shop: str) -> set[str]:
        """Return the keys of everybody who has a note. See `ports.Notes`."""
        query = sa.select(notes.c.customer_key).where(notes.c.shop == a_shop(shop)).distinct()
        with self._reading() as connection:
            return set(connection.scalars(query))

    def edit_note(self, note_id: int, text: str, author: str, expected_version: int) -> Note:
        """Replace the text of a note. See `ports.Notes`."""
        changed = {
            "text": checked(text, "The note", NOTE_LENGTH),
            "author": an_author(author),
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
    if is_id(note_id):
        row = connection.execute(sa.select(notes).where(notes.c.id == note_id)).one_or_none()
    if row is None:
        raise sentences.note_gone()
    if expected_version is not None and row.version != expected_version:
        raise sentences.note_stale(row.author)
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
