"""Recorded aliases and keys on SQLite; the guarantees stand in `system_ports.Aliases` and `system_ports.Keys`."""

import secrets
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from regulars.records.changes import touch
from regulars.records.given import a_shop, check_no_circle, given_aliases
from regulars.records.sql_decisions import recorded
from regulars.records.store import SqlStore
from regulars.records.tables import aliases as alias_table
from regulars.records.tables import keys

GUEST_KEY = "guest"


class SqlIdentity(SqlStore):
    """Recorded aliases and keys in one SQLite file."""

    def add_aliases(self, shop: str, aliases: Mapping[str, str]) -> int:
        """Record aliases, return how many were new or changed. See `system_ports.Aliases`."""
        shop, given = a_shop(shop), given_aliases(aliases)
        if not given:
            return 0
        now = self._now()
        with self._writing() as connection:
            known = recorded(connection, shop)
            new = {alias: key for alias, key in given.items() if known.get(alias) != key}
            check_no_circle(known | new, new)
            if new:
                row = insert(alias_table)
                kept = {"customer_key": row.excluded.customer_key}
                # One statement for all: a shop's first run may record a hundred thousand.
                connection.execute(
                    row.on_conflict_do_update(index_elements=["shop", "alias_key"], set_=kept),
                    [
                        {"shop": shop, "alias_key": alias, "customer_key": key, "created_at": now}
                        for alias, key in new.items()
                    ],
                )
                touch(connection)
        return len(new)

    def guest_key(self) -> tuple[str, bytes]:
        """Return the id and the bytes of the key that hashes guests' e-mail addresses. See `system_ports.Keys`."""
        query = sa.select(keys.c.key_id, keys.c.secret).where(keys.c.name == GUEST_KEY)
        with self._reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            made = insert(keys).values(
                name=GUEST_KEY, key_id=secrets.token_hex(8), secret=secrets.token_bytes(32), created_at=self._now()
            )
            with self._writing() as connection:
                # Of two processes that find none, the first makes it and the second reads what the first made.
                connection.execute(made.on_conflict_do_nothing())
                row = connection.execute(query).one()
        return str(row.key_id), bytes(row.secret)
