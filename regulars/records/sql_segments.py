"""Segments on SQLite; the guarantees stand in `ports.Segments`."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from regulars.errors import RecordInvalid, RecordNotFound, StaleVersion
from regulars.models import Segment
from regulars.records.changes import touch
from regulars.records.ports import StartingRule
from regulars.records.store import SqlStore
from regulars.records.tables import segments, shops, to_instant
from regulars.records.texts import DESCRIPTION_LENGTH, KEY_LENGTH, NAME_LENGTH, checked, folded, slug
from transforms.rules import RuleError, parse, to_text

SYSTEM = "Regulars"


class SqlSegments(SqlStore):
    """Segments in one SQLite file."""

    def ensure_shop(self, shop: str, starting: Sequence[StartingRule]) -> None:
        """Give a shop its starting segments, once in its life. See `ports.Segments`."""
        shop = checked(shop, "The shop", KEY_LENGTH)
        with self._reading() as connection:
            if connection.scalar(sa.select(shops.c.shop).where(shops.c.shop == shop)) is not None:
                return
        rows = [_row(shop, item.name, item.rule, item.description, SYSTEM) | {"id": item.id} for item in starting]
        now = self._now()
        with self._writing() as connection:
            met = insert(shops).values(shop=shop, created_at=now).on_conflict_do_nothing()
            if connection.execute(met).rowcount:
                for row in rows:
                    new = insert(segments).values(**row, created_at=now, version=1)
                    connection.execute(new.on_conflict_do_nothing(index_elements=["shop", "id"]))
                touch(connection)

    def segments(self, shop: str) -> list[Segment]:
        """Return the shop's segments in the order in which they were made. See `ports.Segments`."""
        with self._reading() as connection:
            return [_segment(row) for row in _living(connection, checked(shop, "The shop", KEY_LENGTH))]

    def segment(self, shop: str, segment_id: str) -> Segment:
        """Return one segment. See `ports.Segments`."""
        with self._reading() as connection:
            return _segment(_found(connection, shop, segment_id))

    def create_segment(self, shop: str, name: str, rule: str, author: str, description: str = "") -> Segment:
        """Save a new segment. See `ports.Segments`."""
        row = _row(checked(shop, "The shop", KEY_LENGTH), name, rule, description, author)
        with self._writing() as connection:
            _check_name(connection, row["shop"], row["name"])
            values = row | {
                "id": _free_id(connection, row["shop"], row["name"]),
                "created_at": self._now(),
                "version": 1,
            }
            made = connection.execute(sa.insert(segments).values(values).returning(segments)).one()
            touch(connection)
            return _segment(made)

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
        row = _row(checked(shop, "The shop", KEY_LENGTH), name, rule, description, author)
        with self._writing() as connection:
            before = _found(connection, shop, segment_id, expected_version)
            _check_name(connection, row["shop"], row["name"], other_than=before.seq)
            changed = row | {"edited_at": self._now(), "version": expected_version + 1}
            update = sa.update(segments).where(segments.c.seq == before.seq).values(changed).returning(segments)
            after = connection.execute(update).one()
            touch(connection)
            return _segment(after)

    def delete_segment(self, shop: str, segment_id: str, expected_version: int | None = None) -> None:
        """Remove a segment. See `ports.Segments`."""
        with self._writing() as connection:
            row = _found(connection, shop, segment_id, expected_version)
            connection.execute(sa.update(segments).where(segments.c.seq == row.seq).values(deleted_at=self._now()))
            touch(connection)


def _row(shop: str, name: str, rule: str, description: str, author: str) -> dict[str, Any]:
    name = checked(name, "The name", NAME_LENGTH)
    if len(name.splitlines()) > 1 or not folded(name):
        raise RecordInvalid("The name must be one line of characters that can be seen.")
    try:
        canonical = to_text(parse(rule))
    except RuleError as error:
        raise RecordInvalid(f"The rule cannot be read. {error.message}") from error
    return {
        "shop": shop,
        "name": name,
        "rule": canonical,
        "description": checked(description, "The description", DESCRIPTION_LENGTH, shortest=0),
        "author": checked(author, "The author", NAME_LENGTH),
    }


def _living(connection: sa.Connection, shop: str) -> Sequence[sa.Row[Any]]:
    query = sa.select(segments).where(segments.c.shop == shop, segments.c.deleted_at.is_(None))
    return connection.execute(query.order_by(segments.c.seq)).all()


def _found(connection: sa.Connection, shop: str, segment_id: str, expected_version: int | None = None) -> sa.Row[Any]:
    shop, segment_id = checked(shop, "The shop", KEY_LENGTH), checked(segment_id, "The segment's id", KEY_LENGTH)
    query = sa.select(segments).where(
        segments.c.shop == shop, segments.c.id == segment_id, segments.c.deleted_at.is_(None)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise RecordNotFound("There is no such segment; somebody may have deleted it.")
    if expected_version is not None and row.version != expected_version:
        raise StaleVersion(f"{row.author} saved this segment in between; look at that version and edit it again.")
    return row


def _check_name(connection: sa.Connection, shop: str, name: str, *, other_than: int | None = None) -> None:
    taken = {folded(row.name) for row in _living(connection, shop) if row.seq != other_than}
    if folded(name) in taken:
        raise RecordInvalid("Another segment has this name already; choose one of its own.")


def _free_id(connection: sa.Connection, shop: str, name: str) -> str:
    # Deleted ones count: a link to an old segment must never lead to another one.
    taken = set(connection.scalars(sa.select(segments.c.id).where(segments.c.shop == shop)))
    first = slug(name)
    return first if first not in taken else next(f"{first}-{n}" for n in count(2) if f"{first}-{n}" not in taken)


def _segment(row: sa.Row[Any]) -> Segment:
    return Segment(
        id=row.id,
        shop=row.shop,
        name=row.name,
        rule=row.rule,
        description=row.description,
        created_at=to_instant(row.created_at),
        edited_at=to_instant(row.edited_at),
        version=row.version,
    )
