"""Notes on MongoDB; the guarantees stand in `regulars.records.ports.Notes`."""

from regulars.models import Note
from regulars.mongo.client import Document
from regulars.mongo.rows import Reading, RecordsStore, Writing
from regulars.records import sentences
from regulars.records.given import a_person, a_shop, an_author, is_id
from regulars.records.texts import NOTE_LENGTH, checked
from regulars.records.times import to_instant

KEPT = ("version", "text", "author", "edited_at")


class MongoNotes(RecordsStore):
    """Notes in the collections `notes` and `note_versions`."""

    def add_note(self, shop: str, customer_key: str, text: str, author: str) -> Note:
        """Write a note and return it. See `ports.Notes`."""
        shop, customer_key = a_person(shop, customer_key)
        row = {
            "shop": shop,
            "customer_key": customer_key,
            "text": checked(text, "The note", NOTE_LENGTH),
            "author": an_author(author),
            "created_at": self._now(),
            "edited_at": None,
            "version": 1,
        }

        def work(writing: Writing) -> Note:
            new = {"_id": writing.next_id("notes"), **row}
            writing["notes"].insert(new)
            return _note(new)

        return self._write(work)

    def notes(self, shop: str, customer_key: str) -> list[Note]:
        """Return the person's notes, the newest first. See `ports.Notes`."""
        shop, customer_key = a_person(shop, customer_key)
        with self._reading() as reading:
            return [_note(row) for row in reading["notes"].all("-_id", shop=shop, customer_key=customer_key)]

    def note(self, note_id: int) -> Note:
        """Return one note as it is now. See `ports.Notes`."""
        with self._reading() as reading:
            return _note(_found(reading, note_id))

    def keys_with_notes(self, shop: str) -> set[str]:
        """Return the keys of everybody who has a note. See `ports.Notes`."""
        shop = a_shop(shop)
        with self._reading() as reading:
            return reading["notes"].values("customer_key", shop=shop)

    def edit_note(self, note_id: int, text: str, author: str, expected_version: int) -> Note:
        """Replace the text of a note. See `ports.Notes`."""
        new = {
            "text": checked(text, "The note", NOTE_LENGTH),
            "author": an_author(author),
            "edited_at": self._now(),
        }

        def work(writing: Writing) -> Note:
            before = _found(writing, note_id, expected_version)
            writing["note_versions"].insert({"note_id": note_id, **{name: before[name] for name in KEPT}})
            changed = {**new, "version": before["version"] + 1}
            writing["notes"].set(changed, _id=note_id)
            return _note(before | changed)

        return self._write(work)

    def note_history(self, note_id: int) -> list[Note]:
        """Return every version of a note, the first one first. See `ports.Notes`."""
        with self._reading_one_moment() as reading:
            last = _found(reading, note_id)
            earlier = list(reading["note_versions"].all("version", note_id=note_id))
        return [*(_note(last | {name: row[name] for name in KEPT}) for row in earlier), _note(last)]

    def delete_note(self, note_id: int, expected_version: int) -> None:
        """Remove a note and its history. See `ports.Notes`."""

        def work(writing: Writing) -> None:
            _found(writing, note_id, expected_version)
            writing["note_versions"].delete(note_id=note_id)
            writing["notes"].delete(_id=note_id)

        self._write(work)


def _found(reading: Reading, note_id: int, expected_version: int | None = None) -> Document:
    row = reading["notes"].one(_id=note_id) if is_id(note_id) else None
    if row is None:
        raise sentences.note_gone()
    if expected_version is not None and row["version"] != expected_version:
        raise sentences.note_stale(row["author"])
    return row


def _note(row: Document) -> Note:
    return Note(
        id=row["_id"],
        shop=row["shop"],
        customer_key=row["customer_key"],
        text=row["text"],
        author=row["author"],
        created_at=to_instant(row["created_at"]),
        edited_at=to_instant(row["edited_at"]),
        version=row["version"],
    )
