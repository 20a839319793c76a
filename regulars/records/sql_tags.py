"""Tags of one person on SQLite; the guarantees stand in `ports.Tags`. Bulk changes are in `sql_bulk`."""

from collections import defaultdict
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from regulars.records.changes import tags_matter, touch
from regulars.records.given import a_person, a_shop, an_author
from regulars.records.person_tags import PersonTags, TagsAsked
from regulars.records.store import SqlStore
from regulars.records.tables import events, person_tags, tags


class SqlTags(SqlStore, PersonTags):
    """Tags in one SQLite file."""

    def tags_of(self, shop: str, customer_key: str) -> tuple[str, ...]:
        """Return the person's tags, alphabetically. See `ports.Tags`."""
        shop, customer_key = a_person(shop, customer_key)
        with self._reading() as connection:
            return tuple(_tags_of(connection, shop, customer_key).values())

    def tags(self, shop: str) -> dict[str, tuple[str, ...]]:
        """Return the tags of everybody who has one. See `ports.Tags`."""
        query = (
            sa.select(person_tags.c.customer_key, tags.c.shown)
            .join(tags)
            .where(person_tags.c.shop == a_shop(shop))
            .order_by(person_tags.c.customer_key, person_tags.c.folded)
        )
        found: defaultdict[str, list[str]] = defaultdict(list)
        with self._reading() as connection:
            for key, shown in connection.execute(query):
                found[key].append(shown)
        return {key: tuple(shown) for key, shown in found.items()}

    def tag_counts(self, shop: str) -> dict[str, int]:
        """Return how many people have each tag. See `ports.Tags`."""
        query = (
            sa.select(tags.c.shown, sa.func.count().label("people"))
            .join(person_tags)
            .where(tags.c.shop == a_shop(shop))
            .group_by(tags.c.folded, tags.c.shown)
            .order_by(tags.c.folded)
        )
        with self._reading() as connection:
            return {row.shown: row.people for row in connection.execute(query)}

    def _change(self, shop: str, customer_key: str, author: str, asked: TagsAsked) -> tuple[str, ...]:
        shop, customer_key = a_person(shop, customer_key)
        author = an_author(author)
        with self._writing() as connection:
            had = _tags_of(connection, shop, customer_key)
            new, gone = asked.difference(had)
            if not new and not gone:
                return tuple(had.values())
            done = {"shop": shop, "customer_key": customer_key, "author": author}
            self._give(connection, new, done)
            self._take(connection, {name: had[name] for name in gone}, done)
            if tags_matter(connection, shop):
                touch(connection)
            return tuple(_tags_of(connection, shop, customer_key).values())

    def _give(self, connection: sa.Connection, new: Mapping[str, str], done: Mapping[str, str]) -> None:
        """Give the tags of `new` (folded: shown), with their events; `done` is shop, customer_key and author."""
        now = self._now()
        for name, written in new.items():
            shown = show_tag(connection, done["shop"], name, written)
            connection.execute(sa.insert(person_tags).values(**done, folded=name, created_at=now))
            connection.execute(sa.insert(events).values(**done, at=now, kind="tag_added", detail=shown))

    def _take(self, connection: sa.Connection, gone: Mapping[str, str], done: Mapping[str, str]) -> None:
        """Take the tags of `gone` (folded: shown) away, with their events; `done` is shop, customer_key and author."""
        now = self._now()
        for name, shown in gone.items():
            connection.execute(
                sa.delete(person_tags).where(
                    person_tags.c.shop == done["shop"],
                    person_tags.c.customer_key == done["customer_key"],
                    person_tags.c.folded == name,
                )
            )
            connection.execute(sa.insert(events).values(**done, at=now, kind="tag_removed", detail=shown))
            forget_unused(connection, done["shop"], name)


def show_tag(connection: sa.Connection, shop: str, name: str, written: str) -> str:
    """Bring a tag into use and return how it is shown: as it was first written."""
    connection.execute(insert(tags).values(shop=shop, folded=name, shown=written).on_conflict_do_nothing())
    return shown_as(connection, shop, name) or written


def shown_as(connection: sa.Connection, shop: str, name: str) -> str | None:
    """Return how a tag is shown, None where nobody has it."""
    return connection.scalar(sa.select(tags.c.shown).where(tags.c.shop == shop, tags.c.folded == name))


def forget_unused(connection: sa.Connection, shop: str, name: str) -> None:
    """Forget how a tag is shown, where nobody has it any more."""
    used = sa.exists().where(person_tags.c.shop == shop, person_tags.c.folded == name)
    connection.execute(sa.delete(tags).where(tags.c.shop == shop, tags.c.folded == name, ~used))


def _tags_of(connection: sa.Connection, shop: str, customer_key: str) -> dict[str, str]:
    """Return the person's tags in their order: folded form to form as shown."""
    query = (
        sa.select(tags.c.folded, tags.c.shown)
        .join(person_tags)
        .where(person_tags.c.shop == shop, person_tags.c.customer_key == customer_key)
        .order_by(tags.c.folded)
    )
    return {row.folded: row.shown for row in connection.execute(query)}
