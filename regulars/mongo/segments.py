"""Segments on MongoDB; the guarantees stand in `regulars.records.ports.Segments`."""

from collections.abc import Sequence

from regulars.models import Segment
from regulars.mongo.client import Document
from regulars.mongo.rows import Reading, RecordsStore, Writing
from regulars.records import sentences
from regulars.records.given import (
    a_shop,
    check_name_is_free,
    check_not_named,
    checked_rule,
    free_segment_id,
    segment_values,
)
from regulars.records.ports import StartingRule
from regulars.records.texts import KEY_LENGTH, checked
from regulars.records.times import to_instant

SYSTEM = "Regulars"
KEPT = ("version", "name", "rule", "description", "author", "edited_at")


class MongoSegments(RecordsStore):
    """Segments in the collections `segments` and `segment_versions`."""

    def ensure_shop(self, shop: str, starting: Sequence[StartingRule]) -> None:
        """Give a shop its starting segments, once in its life. See `ports.Segments`."""
        shop = a_shop(shop)
        with self._reading() as reading:
            if reading["shops"].one(_id=shop) is not None:
                return
        rows = [
            segment_values(shop, item.name, item.rule, item.description, SYSTEM) | {"id": item.id} for item in starting
        ]
        now = self._now()

        def work(writing: Writing) -> None:
            if writing["shops"].one(_id=shop) is not None:
                return
            writing["shops"].insert({"_id": shop, "created_at": now})
            taken = writing["segments"].values("id", shop=shop)
            for row in rows:
                if row["id"] not in taken:
                    _insert(writing, row, now)
            writing.touch()

        self._write(work)

    def segments(self, shop: str) -> list[Segment]:
        """Return the shop's segments in the order in which they were made. See `ports.Segments`."""
        shop = a_shop(shop)
        with self._reading() as reading:
            return [_segment(row) for row in _living(reading, shop)]

    def segment(self, shop: str, segment_id: str) -> Segment:
        """Return one segment. See `ports.Segments`."""
        with self._reading() as reading:
            return _segment(_found(reading, shop, segment_id))

    def create_segment(self, shop: str, name: str, rule: str, author: str, description: str = "") -> Segment:
        """Save a new segment. See `ports.Segments`."""
        row = segment_values(shop, name, rule, description, author)
        now = self._now()

        def work(writing: Writing) -> Segment:
            living = _check_name(writing, row["shop"], row["name"])
            rule = checked_rule("", row["rule"], living)
            free = free_segment_id(row["name"], writing["segments"].values("id", shop=row["shop"]))
            made = _insert(writing, row | {"id": free, "rule": rule}, now)
            writing.touch()
            return _segment(made)

        return self._write(work)

    def edit_segment(
        self,
        shop: str,
        segment_id: str,
        *,
        name: str,
        rule: str,
        author: str,
        expected_version: int,
        description: str = "",
    ) -> Segment:
        """Replace name, rule and description of a segment. See `ports.Segments`."""
        row = segment_values(shop, name, rule, description, author)
        now = self._now()

        def work(writing: Writing) -> Segment:
            before = _found(writing, shop, segment_id, expected_version)
            living = _check_name(writing, row["shop"], row["name"], other_than=before["_id"])
            rule = checked_rule(before["id"], row["rule"], living)
            earlier = {"segment_seq": before["_id"], **{name: before[name] for name in KEPT}}
            writing["segment_versions"].insert(earlier)
            changed = {**row, "rule": rule, "edited_at": now, "version": before["version"] + 1}
            writing["segments"].set(changed, _id=before["_id"])
            writing.touch()
            return _segment(before | changed)

        return self._write(work)

    def delete_segment(self, shop: str, segment_id: str, expected_version: int | None = None) -> None:
        """Remove a segment. See `ports.Segments`."""
        now = self._now()

        def work(writing: Writing) -> None:
            before = _found(writing, shop, segment_id, expected_version)
            check_not_named(before["id"], [_segment(row) for row in _living(writing, before["shop"])])
            writing["segments"].set({"deleted_at": now}, _id=before["_id"])
            writing.touch()

        self._write(work)

    def segment_history(self, shop: str, segment_id: str) -> list[Segment]:
        """Return every version of a segment, the first one first. See `ports.Segments`."""
        with self._reading_one_moment() as reading:
            last = _found(reading, shop, segment_id, deleted_too=True)
            earlier = list(reading["segment_versions"].all("version", segment_seq=last["_id"]))
        return [*(_segment(last | {name: row[name] for name in KEPT}) for row in earlier), _segment(last)]


def _insert(writing: Writing, row: Document, now: int) -> Document:
    made = {
        "_id": writing.next_id("segments"),
        **row,
        "created_at": now,
        "edited_at": None,
        "deleted_at": None,
        "version": 1,
    }
    writing["segments"].insert(made)
    return made


def _living(reading: Reading, shop: str) -> list[Document]:
    return list(reading["segments"].all("_id", shop=shop, deleted_at=None))


def _found(
    reading: Reading, shop: str, segment_id: str, expected_version: int | None = None, *, deleted_too: bool = False
) -> Document:
    shop, segment_id = a_shop(shop), checked(segment_id, "The segment's id", KEY_LENGTH)
    row = reading["segments"].one(shop=shop, id=segment_id)
    if row is None or (row["deleted_at"] is not None and not deleted_too):
        raise sentences.segment_gone()
    if expected_version is not None and row["version"] != expected_version:
        raise sentences.segment_stale(row["author"])
    return row


def _check_name(reading: Reading, shop: str, name: str, *, other_than: int | None = None) -> list[Segment]:
    """Refuse a name that another segment has; return the shop's segments, the one that is edited among them."""
    living = _living(reading, shop)
    check_name_is_free(name, (row["name"] for row in living if row["_id"] != other_than))
    return [_segment(row) for row in living]


def _segment(row: Document) -> Segment:
    return Segment(
        id=row["id"],
        shop=row["shop"],
        name=row["name"],
        rule=row["rule"],
        description=row["description"],
        created_at=to_instant(row["created_at"]),
        edited_at=to_instant(row["edited_at"]),
        version=row["version"],
    )
