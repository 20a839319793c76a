"""Tags of many people at once on SQLite; the guarantees stand in `ports.Tags`.

Each call is one transaction of a few statements over all people, so that 200,000 of them take seconds.
"""

from collections.abc import Iterable
from typing import Any, Literal

import orjson
import sqlalchemy as sa

from regulars.models import TagChange
from regulars.records import sentences
from regulars.records.changes import tags_matter, touch
from regulars.records.given import a_limit, a_shop, an_author, distinct_keys, is_id
from regulars.records.sql_tags import forget_unused, show_tag, shown_as
from regulars.records.store import SqlStore
from regulars.records.tables import events, person_tags, tag_change_people, tag_changes, tags
from regulars.records.texts import TAG_CHANGES_A_SHOP, TAGS_A_PERSON, folded, shown_tag
from regulars.records.times import to_instant

Action = Literal["add", "remove"]


class SqlBulkTags(SqlStore):
    """Bulk changes and renames of tags in one SQLite file."""

    def rename_tag(self, shop: str, tag: str, new: str, author: str) -> int:
        """Show a tag under another name, or merge it into another. See `ports.Tags`."""
        shop, old, new = a_shop(shop), folded(shown_tag(tag)), shown_tag(new)
        an_author(author)
        with self._writing() as connection:
            before = shown_as(connection, shop, old)
            if before is None:
                raise sentences.tag_unused()
            having = person_tags.c.shop == shop, person_tags.c.folded == old
            people = connection.scalar(sa.select(sa.func.count()).select_from(person_tags).where(*having))
            if old == folded(new):
                shown = new
                connection.execute(sa.update(tags).where(tags.c.shop == shop, tags.c.folded == old).values(shown=new))
            else:
                shown = _merge(connection, shop, old, new)
            of_tag = tag_changes.c.shop == shop, tag_changes.c.folded == old
            connection.execute(sa.update(tag_changes).where(*of_tag).values(folded=folded(new), shown=shown))
            if before != shown and tags_matter(connection, shop):
                touch(connection)
            return int(people or 0)

    def tag_people(self, shop: str, customer_keys: Iterable[str], tag: str, author: str) -> TagChange:
        """Give many people one tag. See `ports.Tags`."""
        return self._change_many(shop, customer_keys, tag, author, "add")

    def untag_people(self, shop: str, customer_keys: Iterable[str], tag: str, author: str) -> TagChange:
        """Take one tag away from many people. See `ports.Tags`."""
        return self._change_many(shop, customer_keys, tag, author, "remove")

    def undo_tag_change(self, shop: str, change_id: int, author: str) -> TagChange:
        """Undo a bulk change. See `ports.Tags`."""
        shop, author = a_shop(shop), an_author(author)
        with self._writing() as connection:
            change = _found(connection, shop, change_id)
            if change.undone_at is not None:
                raise sentences.tag_change_undone()
            now = self._now()
            if _drop_the_others(connection, change):
                _write_events(connection, change, author, now, "remove" if change.action == "add" else "add")
                _take(connection, change) if change.action == "add" else _give(connection, change)
                forget_unused(connection, shop, change.folded)
                if tags_matter(connection, shop):
                    touch(connection)
            # Whom it changed was only kept to undo it.
            connection.execute(sa.delete(tag_change_people).where(tag_change_people.c.change_id == change.id))
            done = sa.update(tag_changes).where(tag_changes.c.id == change.id).values(undone_at=now)
            return _change(connection.execute(done.returning(tag_changes)).one())

    def tag_changes(self, shop: str, limit: int = 20) -> list[TagChange]:
        """Return the latest bulk changes. See `ports.Tags`."""
        query = sa.select(tag_changes).where(tag_changes.c.shop == a_shop(shop)).order_by(tag_changes.c.id.desc())
        with self._reading() as connection:
            return [_change(row) for row in connection.execute(query.limit(a_limit(limit)))]

    def _change_many(self, shop: str, customer_keys: Iterable[str], tag: str, author: str, action: Action) -> TagChange:
        shop, written, author = a_shop(shop), shown_tag(tag), an_author(author)
        keys = orjson.dumps(distinct_keys(customer_keys)).decode()
        with self._writing() as connection:
            now = self._now()
            shown = shown_as(connection, shop, folded(written)) or written
            begun = {"shop": shop, "folded": folded(written), "shown": shown, "author": author, "at": now}
            new = sa.insert(tag_changes).values(**begun, action=action, people=0).returning(tag_changes)
            change = connection.execute(new).one()
            people = _pick(connection, change, keys)
            counted = sa.update(tag_changes).where(tag_changes.c.id == change.id).values(people=people)
            change = connection.execute(counted.returning(tag_changes)).one()
            if people:
                _write_events(connection, change, author, now, action)
                _give(connection, change) if action == "add" else _take(connection, change)
                forget_unused(connection, shop, change.folded)
                if tags_matter(connection, shop):
                    touch(connection)
            _prune(connection, shop)
            return _change(change)


def _merge(connection: sa.Connection, shop: str, old: str, new: str) -> str:
    """Give everybody who has `old` the tag `new` in its place; return how that is shown."""
    into = folded(new)
    shown = show_tag(connection, shop, into, new)
    other = person_tags.alias()
    given_first = sa.exists().where(
        other.c.shop == shop,
        other.c.folded == old,
        other.c.customer_key == person_tags.c.customer_key,
        other.c.created_at < person_tags.c.created_at,
    )
    in_new = person_tags.c.shop == shop, person_tags.c.folded == into
    in_old = person_tags.c.shop == shop, person_tags.c.folded == old
    connection.execute(sa.delete(person_tags).where(*in_new, given_first))
    connection.execute(sa.update(person_tags).prefix_with("OR IGNORE").where(*in_old).values(folded=into))
    connection.execute(sa.delete(person_tags).where(*in_old))
    forget_unused(connection, shop, old)
    return shown


def _having(change: sa.Row[Any], key: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether the person of `key` has the tag of the change."""
    mine = person_tags.c.customer_key == key, person_tags.c.folded == change.folded
    return sa.exists().where(person_tags.c.shop == change.shop, *mine)


def _room(change: sa.Row[Any], key: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether the person of `key` may have one more tag."""
    mine = person_tags.c.shop == change.shop, person_tags.c.customer_key == key
    return sa.select(sa.func.count()).select_from(person_tags).where(*mine).scalar_subquery() < TAGS_A_PERSON


def _pick(connection: sa.Connection, change: sa.Row[Any], keys: str) -> int:
    """Note whom the change concerns, of the JSON list `keys`; return how many."""
    given = sa.func.json_each(keys).table_valued("value")
    if change.action == "add":
        picked = sa.select(sa.literal(change.id), given.c.value, sa.null(), sa.null()).where(
            ~_having(change, given.c.value), _room(change, given.c.value)
        )
    else:
        picked = sa.select(
            sa.literal(change.id), person_tags.c.customer_key, person_tags.c.author, person_tags.c.created_at
        ).where(
            person_tags.c.shop == change.shop,
            person_tags.c.folded == change.folded,
            person_tags.c.customer_key.in_(sa.select(given.c.value)),
        )
    columns = ["change_id", "customer_key", "author", "created_at"]
    return connection.execute(sa.insert(tag_change_people).from_select(columns, picked)).rowcount


def _drop_the_others(connection: sa.Connection, change: sa.Row[Any]) -> int:
    """Forget those whom an undo must leave alone, as they are not as the change left them; return who remains."""
    mine = tag_change_people.c.change_id == change.id
    key = tag_change_people.c.customer_key
    still_has = sa.exists().where(_of_change(change), person_tags.c.customer_key == key)
    can_have = sa.and_(~_having(change, key), _room(change, key))
    as_left = still_has if change.action == "add" else can_have
    connection.execute(sa.delete(tag_change_people).where(mine, ~as_left))
    left = sa.select(sa.func.count()).select_from(tag_change_people).where(mine)
    return int(connection.scalar(left) or 0)


def _of_change(change: sa.Row[Any]) -> sa.ColumnElement[bool]:
    """The tags that the change itself gave: somebody may have taken one away and given it anew."""
    return sa.and_(
        person_tags.c.shop == change.shop,
        person_tags.c.folded == change.folded,
        person_tags.c.author == change.author,
        person_tags.c.created_at == change.at,
    )


def _give(connection: sa.Connection, change: sa.Row[Any]) -> None:
    """Give the tag to those whom the change concerns; what it had taken comes back with who had given it and when."""
    show_tag(connection, change.shop, change.folded, change.shown)
    concerned = sa.select(
        sa.literal(change.shop),
        tag_change_people.c.customer_key,
        sa.literal(change.folded),
        sa.func.coalesce(tag_change_people.c.author, change.author),
        sa.func.coalesce(tag_change_people.c.created_at, change.at),
    ).where(tag_change_people.c.change_id == change.id)
    columns = ["shop", "customer_key", "folded", "author", "created_at"]
    connection.execute(sa.insert(person_tags).from_select(columns, concerned))


def _take(connection: sa.Connection, change: sa.Row[Any]) -> None:
    """Take the tag away from those whom the change concerns."""
    concerned = sa.select(tag_change_people.c.customer_key).where(tag_change_people.c.change_id == change.id)
    having = person_tags.c.shop == change.shop, person_tags.c.folded == change.folded
    connection.execute(sa.delete(person_tags).where(*having, person_tags.c.customer_key.in_(concerned)))


def _write_events(connection: sa.Connection, change: sa.Row[Any], author: str, now: int, action: Action) -> None:
    """Write an event for each person whom the change concerns."""
    kind = "tag_added" if action == "add" else "tag_removed"
    shown = shown_as(connection, change.shop, change.folded) or change.shown
    constants = (sa.literal(value) for value in (now, author, kind, shown))
    concerned = sa.select(sa.literal(change.shop), tag_change_people.c.customer_key, *constants).where(
        tag_change_people.c.change_id == change.id
    )
    columns = ["shop", "customer_key", "at", "author", "kind", "detail"]
    connection.execute(sa.insert(events).from_select(columns, concerned.order_by(tag_change_people.c.customer_key)))


def _prune(connection: sa.Connection, shop: str) -> None:
    """Keep the newest changes of the shop; whom the older ones changed goes with them."""
    newest = sa.select(tag_changes.c.id).where(tag_changes.c.shop == shop).order_by(tag_changes.c.id.desc())
    first_too_old = connection.scalar(newest.offset(TAG_CHANGES_A_SHOP).limit(1))
    if first_too_old is not None:
        too_old = tag_changes.c.shop == shop, tag_changes.c.id <= first_too_old
        connection.execute(sa.delete(tag_changes).where(*too_old))


def _found(connection: sa.Connection, shop: str, change_id: int) -> sa.Row[Any]:
    row = None
    if is_id(change_id):
        query = sa.select(tag_changes).where(tag_changes.c.shop == shop, tag_changes.c.id == change_id)
        row = connection.execute(query).one_or_none()
    if row is None:
        raise sentences.tag_change_gone()
    return row


def _change(row: sa.Row[Any]) -> TagChange:
    return TagChange(
        id=row.id,
        shop=row.shop,
        tag=row.shown,
        action=row.action,
        people=row.people,
        author=row.author,
        at=to_instant(row.at),
        undone_at=to_instant(row.undone_at),
    )
