"""Segments on SQLite; the guarantees stand in `ports.Segments`."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from regulars.models import Segment
from regulars.records import sentences
from regulars.records.changes import touch
from regulars.records.given import (
    a_shop,
    check_name_is_free,
    check_not_named,
    checked_rule,
    free_segment_id,
    segment_values,
)
from regulars.records.ports import StartingRule
from regulars.records.store import SqlStore
from regulars.records.tables import segment_versions, segments, shops
from regulars.records.texts import KEY_LENGTH, checked
from regulars.records.times import to_instant

SYSTEM = "Regulars"
KEPT = ("version", "name", "rule", "description", "author", "edited_at")


class SqlSegments(SqlStore):
    """Segments in one SQLite file."""

    def ensure_shop(self, shop: str, starting: Sequence[StartingRule]) -> None:
        """Give a shop its starting segments, once in its life. See `ports.Segments`."""
        shop = a_shop(shop)
        with self._reading() as connection:
            if connection.scalar(sa.select(shops.c.shop).where(shops.c.shop == shop)) is not None:
                return
        rows = [
            segment_values(shop, item.name, item.rule, item.description, SYSTEM) | {"id": item.id} for item in starting
        ]
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
            return [_segment(row) for row in _living(connection, a_shop(shop))]

    def segment(self, shop: str, segment_id: str) -> Segment:
        """Return one segment. See `ports.Segments`."""
        with self._reading() as connection:
            return _segment(_found(connection, shop, segment_id))

    def create_segment(self, shop: str, name: str, rule: str, author: str, description: str = "") -> Segment:
        """Save a new segment. See `ports.Segments`."""
        row = segment_values(shop, name, rule, description, author)
        with self._writing() as connection:
            living = _check_name(connection, row["shop"], row["name"])
            values = row | {
                "rule": checked_rule("", row["rule"], living),
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
        row = segment_values(shop, name, rule, description, author)
        with self._writing() as connection:
            before = _found(connection, shop, segment_id, expected_version)
            living = _check_name(connection, row["shop"], row["name"], other_than=before.seq)
            row["rule"] = checked_rule(before.id, row["rule"], living)
            changed = row | {"edited_at": self._now(), "version": expected_version + 1}
            earlier = sa.select(segments.c.seq, *(segments.c[name] for name in KEPT)).where(
                segments.c.seq == before.seq
            )
            connection.execute(sa.insert(segment_versions).from_select(["segment_seq", *KEPT], earlier))
            update = sa.update(segments).where(segments.c.seq == before.seq).values(changed).returning(segments)
            after = connection.execute(update).one()
            touch(connection)
            return _segment(after)

    def delete_segment(self, shop: str, segment_id: str, expected_version: int | None = None) -> None:
        """Remove a segment. See `ports.Segments`."""
        with self._writing() as connection:
            row = _found(connection, shop, segment_id, expected_version)
            check_not_named(row.id, [_segment(each) for each in _living(connection, row.shop)])
            connection.execute(sa.update(segments).where(segments.c.seq == row.seq).values(deleted_at=self._now()))
            touch(connection)

    def segment_history(self, shop: str, segment_id: str) -> list[Segment]:
        """Return every version of a segment, the first one first. See `ports.Segments`."""
        with self._reading() as connection:
            last = _found(connection, shop, segment_id, deleted_too=True)
            query = sa.select(segment_versions).where(segment_versions.c.segment_seq == last.seq)
            earlier = connection.execute(query.order_by(segment_versions.c.version)).all()
        return [*(_segment(last, row) for row in earlier), _segment(last)]


def _living(connection: sa.Connection, shop: str) -> Sequence[sa.Row[Any]]:
    query = sa.select(segments).where(segments.c.shop == shop, segments.c.deleted_at.is_(None))
    return connection.execute(query.order_by(segments.c.seq)).all()


def _found(
    connection: sa.Connection,
    shop: str,
    segment_id: str,
    expected_version: int | None = None,
    *,
    deleted_too: bool = False,
) -> sa.Row[Any]:
    shop, segment_id = a_shop(shop), checked(segment_id, "The segment's id", KEY_LENGTH)
    query = sa.select(segments).where(segments.c.shop == shop, segments.c.id == segment_id)
    row = connection.execute(query).one_or_none()
    if row is None or (row.deleted_at is not None and not deleted_too):
        raise sentences.segment_gone()
    if expected_version is not None and row.version != expected_version:
        raise sentences.segment_stale(row.author)
    return row


def _check_name(connection: sa.Connection, shop: str, name: str, *, other_than: int | None = None) -> list[Segment]:
    """Refuse a name that another segment has; return the shop's segments, the one that is edited among them."""
    living = _living(connection, shop)
    check_name_is_free(name, (row.name for row in living if row.seq != other_than))
    return [_segment(row) for row in living]


def _free_id(connection: sa.Connection, shop: str, name: str) -> str:
    return free_segment_id(name, set(connection.scalars(sa.select(segments.c.id).where(segments.c.shop == shop))))


def _segment(row: sa.Row[Any], earlier: sa.Row[Any] | None = None) -> Segment:
    """Return a segment as it is, or as it was in an `earlier` version."""
    then = row if earlier is None else earlier
    return Segment(
        id=row.id,
        shop=row.shop,
        name=then.name,
        rule=then.rule,
        description=then.description,
        created_at=to_instant(row.created_at),
        edited_at=to_instant(then.edited_at),
        version=then.version,
    )
