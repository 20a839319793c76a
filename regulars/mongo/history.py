"""How syncs and checks ended, on MongoDB; the guarantees stand in `regulars.records.system_ports.History`."""

from collections.abc import Sequence

from regulars.models import CheckResult, SyncRun
from regulars.mongo.client import Document
from regulars.mongo.rows import RecordsStore, Writing
from regulars.records.drifts import from_text
from regulars.records.given import a_limit, a_shop, check_values, sync_values
from regulars.records.texts import KEY_LENGTH, SYNCS_A_SHOP, checked
from regulars.records.times import to_instant

LAST_FIRST = "-finished_at", "run_id"


class MongoHistory(RecordsStore):
    """Syncs and results of checks in the collections `syncs` and `checks`."""

    def add_sync(self, run: SyncRun) -> None:
        """Record how a sync ended. See `system_ports.History`."""
        row = sync_values(run)

        def work(writing: Writing) -> None:
            writing["syncs"].put(row, shop=row["shop"], run_id=row["run_id"])
            ended = list(writing["syncs"].all(*LAST_FIRST, fields=("run_id", "drift"), shop=row["shop"]))
            compared = next((run["run_id"] for run in ended if run["drift"] is not None), None)
            old = [run["run_id"] for run in ended[SYNCS_A_SHOP:] if run["run_id"] != compared]
            if old:
                writing["syncs"].delete(shop=row["shop"], among={"run_id": old})

        self._write(work)

    def syncs(self, shop: str, limit: int = 50) -> list[SyncRun]:
        """Return the shop's syncs, the last to end first. See `system_ports.History`."""
        shop = a_shop(shop)
        with self._reading() as reading:
            return [_sync(row) for row in reading["syncs"].all(*LAST_FIRST, limit=a_limit(limit), shop=shop)]

    def last_compared(self, shop: str) -> SyncRun | None:
        """Return the last sync to end that compared. See `system_ports.History`."""
        shop = a_shop(shop)
        with self._reading() as reading:
            runs = reading["syncs"].all(*LAST_FIRST, shop=shop)
            return next((_sync(row) for row in runs if row["drift"] is not None), None)

    def set_checks(self, shop: str, suite: str, results: Sequence[CheckResult]) -> None:
        """Replace the results of a suite. See `system_ports.History`."""
        rows = check_values(shop, suite, results)
        shop, suite = a_shop(shop), checked(suite, "The suite", KEY_LENGTH)

        def work(writing: Writing) -> None:
            writing["checks"].delete(shop=shop, suite=suite)
            writing["checks"].insert_all(dict(row) for row in rows)

        self._write(work)

    def checks(self, shop: str) -> list[CheckResult]:
        """Return the last results of all suites. See `system_ports.History`."""
        shop = a_shop(shop)
        with self._reading() as reading:
            return [_check(row) for row in reading["checks"].all("suite", "name", shop=shop)]


def _sync(row: Document) -> SyncRun:
    read = {
        "started_at": to_instant(row["started_at"]),
        "finished_at": to_instant(row["finished_at"]),
        "drift": from_text(row["drift"]),
    }
    return SyncRun(**{name: value for name, value in row.items() if name != "_id"} | read)


def _check(row: Document) -> CheckResult:
    return CheckResult(
        suite=row["suite"],
        name=row["name"],
        passed=row["passed"],
        detail=row["detail"],
        at=to_instant(row["at"]),
        run_id=row["run_id"],
    )
