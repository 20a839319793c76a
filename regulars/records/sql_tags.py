"""Tags on SQLite; the guarantees stand in `ports.Tags`."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from regulars.errors import RecordInvalid
from regulars.records.changes import tags_matter, touch
from regulars.records.store import SqlStore
from regulars.records.tables import person_tags, tags
from regulars.records.texts import KEY_LENGTH, NAME_LENGTH, TAGS_A_PERSON, checked, folded, shown_tag

TOO_MANY = f"A person has at most {TAGS_A_PERSON} tags."


class SqlTags(SqlStore):
    """Tags in one SQLite file."""

    def tags_of(self, shop: str, customer_key: str) -> tuple[str, ...]:
        """Return the person's tags, alphabetically. See `ports.Tags`."""
        shop, customer_key = _person(shop, customer_key)
        with self._reading() as connection:
            return _shown(connection, shop, customer_key)

    def tags(self, shop: str) -> dict[str, tuple[str, ...]]:
        """Return the tags of everybody who has one. See `ports.Tags`."""
        query = (
            sa.select(person_tags.c.customer_key, tags.c.shown)
            .join(tags)
            .where(person_tags.c.shop == checked(shop, "The shop", KEY_LENGTH))
            .order_by(person_tags.c.customer_key, person_tags.c.folded)
        )
        found: defaultdict[str, list[str]] = defaultdict(list)
        with self._reading() as connection:
            for key, shown in connection.execute(query):
                found[key].append(shown)
        return {key: tuple(shown) for key, shown in found.items()}

    def set_tags(self, shop: str, customer_key: str, tags: Iterable[str], author: str) -> tuple[str, ...]:
        """Replace the person's tags. See `ports.Tags`."""
        if isinstance(tags, str):
            raise RecordInvalid("Tags are a list of texts, not one text.")
        wanted: dict[str, str] = {}
        for tag in map(shown_tag, tags):
            wanted.setdefault(folded(tag), tag)
            if len(wanted) > TAGS_A_PERSON:
                raise RecordInvalid(TOO_MANY)
        return self._change(shop, customer_key, author, add=wanted, keep_only=set(wanted))

    def add_tag(self, shop: str, customer_key: str, tag: str, author: str) -> tuple[str, ...]:
        """Give one tag. See `ports.Tags`."""
        tag = shown_tag(tag)
        return self._change(shop, customer_key, author, add={folded(tag): tag})

    def remove_tag(self, shop: str, customer_key: str, tag: str, author: str) -> tuple[str, ...]:
        """Take one tag away. See `ports.Tags`."""
        return self._change(shop, customer_key, author, remove={folded(shown_tag(tag))})

    def _change(
        self,
        shop: str,
        customer_key: str,
        author: str,
        *,
        add: dict[str, str] | None = None,
        remove: set[str] | None = None,
        keep_only: set[str] | None = None,
    ) -> tuple[str, ...]:
        shop, customer_key = _person(shop, customer_key)
        author = checked(author, "The author", NAME_LENGTH)
        with self._writing() as connection:
            had = _folded_of(connection, shop, customer_key)
            new = {name: shown for name, shown in (add or {}).items() if name not in had}
            gone = had - keep_only if keep_only is not None else had & (remove or set())
            if len(had) + len(new) - len(gone) > TAGS_A_PERSON:
                raise RecordInvalid(TOO_MANY)
            if new or gone:
                _give(connection, new, shop=shop, customer_key=customer_key, author=author, created_at=self._now())
                _take(connection, shop, customer_key, gone)
                if tags_matter(connection, shop):
                    touch(connection)
            return _shown(connection, shop, customer_key)


def _person(shop: str, customer_key: str) -> tuple[str, str]:
    return checked(shop, "The shop", KEY_LENGTH), checked(customer_key, "The customer key", KEY_LENGTH)


def _folded_of(connection: sa.Connection, shop: str, customer_key: str) -> set[str]:
    query = sa.select(person_tags.c.folded).where(
        person_tags.c.shop == shop, person_tags.c.customer_key == customer_key
    )
    return set(connection.scalars(query))


def _shown(connection: sa.Connection, shop: str, customer_key: str) -> tuple[str, ...]:
    query = (
        sa.select(tags.c.shown)
        .join(person_tags)
        .where(person_tags.c.shop == shop, person_tags.c.customer_key == customer_key)
        .order_by(tags.c.folded)
    )
    return tuple(connection.scalars(query))


def _give(connection: sa.Connection, new: dict[str, str], **given: Any) -> None:
    """Insert the tags of `new` (folded: shown); `given` is shop, customer_key, author and created_at."""
    for name, shown in new.items():
        first = insert(tags).values(shop=given["shop"], folded=name, shown=shown)
        connection.execute(first.on_conflict_do_nothing())
        connection.execute(sa.insert(person_tags).values(**given, folded=name))


def _take(connection: sa.Connection, shop: str, customer_key: str, gone: set[str]) -> None:
    for name in gone:
        connection.execute(
            sa.delete(person_tags).where(
                person_tags.c.shop == shop, person_tags.c.customer_key == customer_key, person_tags.c.folded == name
            )
        )
        used = sa.exists().where(person_tags.c.shop == shop, person_tags.c.folded == name)
        connection.execute(sa.delete(tags).where(tags.c.shop == shop, tags.c.folded == name, ~used))
