"""How syncs and checks ended, written into the records: screens and the API tell it without asking Dagster.

A sync is a run that asks the shop or merges change rows; deriving the marts anew is none. The history is told beside
the work, never instead of it: where the records cannot be written, the run goes on and its log says so.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import PARTITION_TAG
from regulars.errors import RegularsError
from regulars.models import CheckResult, SyncKind, SyncRun
from regulars.progress import ProgressFile

if TYPE_CHECKING:
    from regulars.records.ports import Records

log = logging.getLogger("regulars")

SYNC_JOB = "sync"
RAW_ORDERS = dg.AssetKey(["raw", "orders"])
LOOKED_BACK = 100

Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext


class RunProgress(ProgressFile):
    """A run's progress file; a failure told there is written into the history as well, where the run is a sync."""

    def __init__(self, deployment: Deployment, instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
        shop = run.tags[PARTITION_TAG]
        super().__init__(deployment.paths.progress(shop), shop, run.run_id)
        self._note: Callable[[str], None] = lambda message: note_failure(deployment, instance, run, message)

    def fail(self, message: str) -> None:
        """Say that the run failed, in a sentence for people: no secret, no personal data."""
        super().fail(message)
        self._note(message)


def progress_of(context: Context, deployment: Deployment) -> RunProgress:
    """Return where the run of `context` tells how far it is, and why it failed."""
    return RunProgress(deployment, context.instance, context.run)


def note_success(deployment: Deployment, context: Context, sync: Mapping[str, Any]) -> str:
    """Record that this run published what it synced; nothing where the run only derived the marts anew.

    `sync` is what the raw assets remembered of the last sync of the shop. Return what the run warns of.
    """
    if sync.get("run_id") != context.run.run_id:
        return ""
    warning: str = sync.get("message", "")
    ended = _end(
        deployment,
        context.instance,
        context.run,
        status="success",
        kind=sync["kind"],
        customers=sync["customers"],
        orders=sync["orders"],
        drift=sync.get("drift"),
        message=warning,
    )
    _write(deployment, lambda records: records.add_sync(ended))
    return warning


def note_failure(deployment: Deployment, instance: dg.DagsterInstance, run: dg.DagsterRun, message: str) -> None:
    """Record that a sync failed, in its own sentence; other runs are left out."""
    if is_sync(run):
        ended = _end(deployment, instance, run, status="failure", kind=kind_of(run), message=message)
        _write(deployment, lambda records: records.add_sync(ended))


def note_untold_failure(deployment: Deployment, instance: dg.DagsterInstance, run: dg.DagsterRun, message: str) -> None:
    """Record that a sync failed, unless it told its end itself."""
    shop = run.tags[PARTITION_TAG]

    def write(records: "Records") -> None:
        if all(told.run_id != run.run_id for told in records.syncs(shop, LOOKED_BACK)):
            records.add_sync(_end(deployment, instance, run, status="failure", kind=kind_of(run), message=message))

    if is_sync(run):
        _write(deployment, write)


def note_checks(
    deployment: Deployment, context: dg.AssetCheckExecutionContext, suite: str, found: Sequence[tuple[str, bool, str]]
) -> None:
    """Record how a suite's checks ended: name, whether it holds, and a detail with counts and ids, never values."""
    now, run = deployment.now(), context.run
    results = [
        CheckResult(suite=suite, name=name, passed=passed, detail=detail, at=now, run_id=run.run_id)
        for name, passed, detail in found
    ]
    _write(deployment, lambda records: records.set_checks(run.tags[PARTITION_TAG], suite, results))


def is_sync(run: dg.DagsterRun) -> bool:
    """Return whether the run brings raw data in: the sync job, or raw assets chosen by hand in Dagster."""
    return run.job_name == SYNC_JOB or RAW_ORDERS in (run.asset_selection or ())


def kind_of(run: dg.DagsterRun) -> SyncKind:
    """Return what a sync was asked for."""
    config: Any = run.run_config
    asked = config.get("ops", {}).get("raw", {}).get("config", {})
    if asked.get("reconcile"):
        return "reconcile"
    if asked.get("full"):
        return "full"
    return "pull" if asked.get("pull", True) else "changes"


def _end(deployment: Deployment, instance: dg.DagsterInstance, run: dg.DagsterRun, **how: Any) -> SyncRun:
    record, now = instance.get_run_record_by_id(run.run_id), deployment.now()
    began = datetime.fromtimestamp(record.start_time, UTC) if record and record.start_time else now
    return SyncRun(
        shop=run.tags[PARTITION_TAG],
        run_id=run.run_id,
        started_at=began,
        finished_at=now,
        seconds=round(max(0.0, (now - began).total_seconds()), 3),
        **how,
    )


def _write(deployment: Deployment, write: "Callable[[Records], None]") -> None:
    from regulars.records import open_records

    try:
        with open_records(deployment.settings) as records:
            write(records)
    except RegularsError as error:
        log.warning("The history could not be written; the run goes on. %s", error.sentence())
