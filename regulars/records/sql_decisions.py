"""What people decided about who is who, on SQLite; the guarantees stand in `system_ports.Aliases`."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from regulars.models import IdentityDecision
from regulars.records import sentences
from regulars.records.changes import touch
from regulars.records.given import a_key, a_person, a_shop, an_author, event_values, is_id
from regulars.records.links import (
    MERGED,
    SEPARATED,
    About,
    Links,
    Step,
    aliases_of,
    links_of,
    merging,
    separating,
    stamp_of,
    undoing,
)
from regulars.records.store import SqlStore
from regulars.records.tables import aliases as alias_table
from regulars.records.tables import events as event_table
from regulars.records.tables import identity_decisions as decision_table
from regulars.records.times import to_instant, to_micros


class SqlDecisions(SqlStore):
    """Decisions in one SQLite file, and the aliases as they hold with them."""

    def aliases(self, shop: str) -> dict[str, str]:
        """Return the aliases as they hold. See `system_ports.Aliases`."""
        return aliases_of(self.identity_links(shop))

    def identity_links(self, shop: str) -> dict[str, tuple[str, str]]:
        """Return whom each alias leads to and why. See `system_ports.Aliases`."""
        with self._reading() as connection:
            return _links(connection, a_shop(shop))

    def identity_stamp(self, shop: str) -> str:
        """Return what differs once `identity_links` does. See `system_ports.Aliases`."""
        shop = a_shop(shop)
        with self._reading() as connection:
            decisions = [(each.id, each.identity, each.into, each.kind) for each in _in_force(connection, shop)]
            # SQLite puts the text together: as rows, a shop's hundred thousand aliases take several times as long.
            row = sa.func.quote(alias_table.c.alias_key, type_=sa.Text).concat(
                sa.func.quote(alias_table.c.customer_key)
            )
            query = sa.select(sa.func.group_concat(row))
            return stamp_of(connection.scalar(query.where(alias_table.c.shop == shop)) or "", repr(decisions))

    def merge_people(self, shop: str, key: str, into: str, author: str) -> IdentityDecision:
        """Decide that two are one person. See `system_ports.Aliases`."""
        (shop, key), into, author = a_person(shop, key), a_key(into), an_author(author)
        with self._writing() as connection:
            step = merging(key, into, _links(connection, shop))
            return self._decided(connection, shop, MERGED, step, author)

    def separate(self, shop: str, identity: str, author: str, *, of: str | None = None) -> IdentityDecision:
        """Decide that an identity is a person of its own. See `system_ports.Aliases`."""
        (shop, identity), author = a_person(shop, identity), an_author(author)
        of = None if of is None else a_key(of)
        with self._writing() as connection:
            step = separating(identity, of, _links(connection, shop))
            return self._decided(connection, shop, SEPARATED, step, author)

    def undo_identity_decision(self, shop: str, decision_id: int, author: str) -> IdentityDecision:
        """Undo a decision. See `system_ports.Aliases`."""
        shop, author = a_shop(shop), an_author(author)
        now = self._now()
        with self._writing() as connection:
            decision = _found(connection, shop, decision_id)
            of = _was_of(connection, decision)
            step = undoing(decision, recorded(connection, shop), _in_force(connection, shop), of)
            update = sa.update(decision_table).where(decision_table.c.id == decision.id)
            undone = update.values(undone_at=now, undone_by=author).returning(decision_table)
            after = _decision(connection.execute(undone).one())
            _write(connection, shop, step.events, author, now)
            return after

    def identity_decisions(self, shop: str) -> list[IdentityDecision]:
        """Return all decisions, the newest first. See `system_ports.Aliases`."""
        query = sa.select(decision_table).where(decision_table.c.shop == a_shop(shop))
        with self._reading() as connection:
            return [_decision(row) for row in connection.execute(query.order_by(decision_table.c.id.desc()))]

    def _decided(self, connection: sa.Connection, shop: str, kind: str, step: Step, author: str) -> IdentityDecision:
        now = self._now()
        row = {"shop": shop, "kind": kind, "identity": step.identity, "into": step.into, "author": author, "at": now}
        made = connection.execute(sa.insert(decision_table).values(row).returning(decision_table)).one()
        _write(connection, shop, step.events, author, now)
        return _decision(made)


def recorded(connection: sa.Connection, shop: str) -> dict[str, str]:
    """Return the aliases as runs recorded them, without what people decided."""
    query = sa.select(alias_table.c.alias_key, alias_table.c.customer_key).where(alias_table.c.shop == shop)
    # All rows at once, not one by one: a shop may have a hundred thousand.
    return {row[0]: row[1] for row in connection.execute(query.order_by(alias_table.c.alias_key)).all()}


def _links(connection: sa.Connection, shop: str) -> Links:
    return links_of(recorded(connection, shop), _in_force(connection, shop))


def _in_force(connection: sa.Connection, shop: str) -> list[IdentityDecision]:
    query = sa.select(decision_table).where(decision_table.c.shop == shop, decision_table.c.undone_at.is_(None))
    return [_decision(row) for row in connection.execute(query.order_by(decision_table.c.id))]


def _found(connection: sa.Connection, shop: str, decision_id: int) -> IdentityDecision:
    query = sa.select(decision_table).where(decision_table.c.shop == shop, decision_table.c.id == decision_id)
    row = connection.execute(query).one_or_none() if is_id(decision_id) else None
    if row is None:
        raise sentences.decision_gone()
    if row.undone_at is not None:
        raise sentences.decision_undone()
    return _decision(row)


def _was_of(connection: sa.Connection, decision: IdentityDecision) -> str | None:
    """Return whose a separated identity was, as the event of the separation tells."""
    columns = event_table.c
    mine = (
        columns.shop == decision.shop,
        columns.customer_key == decision.identity,
        columns.at == to_micros(decision.at),
    )
    query = sa.select(columns.detail).where(*mine, columns.kind == SEPARATED, columns.detail != "")
    return connection.scalar(query.limit(1))


def _write(connection: sa.Connection, shop: str, about: Iterable[About], author: str, now: int) -> None:
    """Write the events of a decision, and tell published marts that they are older than it."""
    for key, kind, detail in about:
        row = event_values(shop, key, kind, author, detail) | {"at": now}
        connection.execute(sa.insert(event_table).values(row))
    touch(connection)


def _decision(row: sa.Row[Any]) -> IdentityDecision:
    return IdentityDecision(
        id=row.id,
        shop=row.shop,
        kind=row.kind,
        identity=row.identity,
        into=row.into,
        author=row.author,
        at=to_instant(row.at),
        undone_at=to_instant(row.undone_at),
        undone_by=row.undone_by,
    )
