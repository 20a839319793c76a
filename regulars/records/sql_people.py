"""People who were deleted here, and what was done about people, on SQLite. See `ports.HiddenPeople` and `ports.Events`."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from regulars.models import EventKind, Hidden, PersonEvent
from regulars.records.changes import touch
from regulars.records.given import a_limit, a_person, a_shop, an_author, event_values
from regulars.records.store import SqlStore
from regulars.records.tables import events as event_table
from regulars.records.tables import hidden as hidden_table
from regulars.records.times import to_instant


class SqlPeople(SqlStore):
    """Hidden people and events in one SQLite file."""

    def hide(self, shop: str, customer_key: str, author: str) -> Hidden:
        """Hide a person. See `ports.HiddenPeople`."""
        shop, customer_key = a_person(shop, customer_key)
        row = {"shop": shop, "customer_key": customer_key, "author": an_author(author), "at": self._now()}
        with self._writing() as connection:
            if connection.execute(insert(hidden_table).values(**row).on_conflict_do_nothing()).rowcount:
                connection.execute(sa.insert(event_table).values(**row, kind="hidden", detail=""))
                touch(connection)
            mine = hidden_table.c.shop == shop, hidden_table.c.customer_key == customer_key
            return _hidden(connection.execute(sa.select(hidden_table).where(*mine)).one())

    def show(self, shop: str, customer_key: str, author: str) -> None:
        """Show a person again. See `ports.HiddenPeople`."""
        shop, customer_key = a_person(shop, customer_key)
        row = {"shop": shop, "customer_key": customer_key, "author": an_author(author), "at": self._now()}
        with self._writing() as connection:
            mine = hidden_table.c.shop == shop, hidden_table.c.customer_key == customer_key
            if connection.execute(sa.delete(hidden_table).where(*mine)).rowcount:
                connection.execute(sa.insert(event_table).values(**row, kind="shown", detail=""))
                touch(connection)

    def hidden(self, shop: str) -> dict[str, Hidden]:
        """Return everybody who is hidden, by customer key. See `ports.HiddenPeople`."""
        query = sa.select(hidden_table).where(hidden_table.c.shop == a_shop(shop))
        with self._reading() as connection:
            found = connection.execute(query.order_by(hidden_table.c.customer_key))
            return {row.customer_key: _hidden(row) for row in found}

    def add_event(self, shop: str, customer_key: str, kind: EventKind, author: str, detail: str = "") -> PersonEvent:
        """Write an event. See `ports.Events`."""
        row = event_values(shop, customer_key, kind, author, detail) | {"at": self._now()}
        with self._writing() as connection:
            return _event(connection.execute(sa.insert(event_table).values(row).returning(event_table)).one())

    def events(self, shop: str, customer_key: str, limit: int = 500) -> list[PersonEvent]:
        """Return the person's events, the newest first. See `ports.Events`."""
        shop, customer_key = a_person(shop, customer_key)
        query = sa.select(event_table).where(event_table.c.shop == shop, event_table.c.customer_key == customer_key)
        with self._reading() as connection:
            found = connection.execute(query.order_by(event_table.c.id.desc()).limit(a_limit(limit)))
            return [_event(row) for row in found]


def _hidden(row: sa.Row[Any]) -> Hidden:
    return Hidden(customer_key=row.customer_key, at=to_instant(row.at), author=row.author)


def _event(row: sa.Row[Any]) -> PersonEvent:
    return PersonEvent(
        id=row.id,
        shop=row.shop,
        customer_key=row.customer_key,
        at=to_instant(row.at),
        author=row.author,
        kind=row.kind,
        detail=row.detail,
    )
