"""How syncs and checks ended, on SQLite; the guarantees stand in `system_ports.History`."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from regulars.models import CheckResult, SyncRun
from regulars.records.drifts import from_text
from regulars.records.given import a_limit, a_shop, check_values, sync_values
from regulars.records.store import SqlStore
from regulars.records.tables import checks as check_table
from regulars.records.tables import syncs as sync_table
from regulars.records.texts import KEY_LENGTH, SYNCS_A_SHOP, checked
from regulars.records.times import to_instant

_LAST_FIRST = sync_table.c.finished_at.desc(), sync_table.c.run_id


class SqlHistory(SqlStore):
    """Syncs and results of checks in one SQLite file."""

    def add_sync(self, run: SyncRun) -> None:
        """Record how a sync ended. See `system_ports.History`."""
        row = sync_values(run)
        with self._writing() as connection:
            put = insert(sync_table).values(row)
            connection.execute(put.on_conflict_do_update(index_elements=["shop", "run_id"], set_=row))
            mine = sync_table.c.shop == row["shop"]
            ended = sa.select(sync_table.c.run_id).where(mine).order_by(*_LAST_FIRST)
            compared = ended.where(sync_table.c.drift.is_not(None)).limit(1)
            old = sync_table.c.run_id.in_(ended.offset(SYNCS_A_SHOP).limit(-1)), sync_table.c.run_id.not_in(compared)
            connection.execute(sa.delete(sync_table).where(mine, *old))

    def syncs(self, shop: str, limit: int = 50) -> list[SyncRun]:
        """Return the shop's syncs, the last to end first. See `system_ports.History`."""
        query = sa.select(sync_table).where(sync_table.c.shop == a_shop(shop)).order_by(*_LAST_FIRST)
        with self._reading() as connection:
            return [_sync(row) for row in connection.execute(query.limit(a_limit(limit)))]

    def last_compared(self, shop: str) -> SyncRun | None:
        """Return the last sync to end that compared. See `system_ports.History`."""
        mine = sync_table.c.shop == a_shop(shop), sync_table.c.drift.is_not(None)
        query = sa.select(sync_table).where(*mine).order_by(*_LAST_FIRST).limit(1)
        with self._reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _sync(row)

    def set_checks(self, shop: str, suite: str, results: Sequence[CheckResult]) -> None:
        """Replace the results of a suite. See `system_ports.History`."""
        rows = check_values(shop, suite, results)
        shop, suite = a_shop(shop), checked(suite, "The suite", KEY_LENGTH)
        with self._writing() as connection:
            connection.execute(sa.delete(check_table).where(check_table.c.shop == shop, check_table.c.suite == suite))
            if rows:
                connection.execute(sa.insert(check_table), rows)

    def checks(self, shop: str) -> list[CheckResult]:
        """Return the last results of all suites. See `system_ports.History`."""
        query = sa.select(check_table).where(check_table.c.shop == a_shop(shop))
        with self._reading() as connection:
            found = connection.execute(query.order_by(check_table.c.suite, check_table.c.name))
            return [_check(row) for row in found]


def _sync(row: sa.Row[Any]) -> SyncRun:
    return SyncRun(
        shop=row.shop,
        run_id=row.run_id,
        kind=row.kind,
        status=row.status,
        started_at=to_instant(row.started_at),
        finished_at=to_instant(row.finished_at),
        customers=row.customers,
        orders=row.orders,
        seconds=row.seconds,
        message=row.message,
        drift=from_text(row.drift),
    )


def _check(row: sa.Row[Any]) -> CheckResult:
    return CheckResult(
        suite=row.suite,
        name=row.name,
        passed=row.passed,
        detail=row.detail,
        at=to_instant(row.at),
        run_id=row.run_id,
    )
