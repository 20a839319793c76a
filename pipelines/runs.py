"""What Dagster knows of a shop's runs: whether one is under way, when the next may start, which ones are lost."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import dagster as dg
from filelock import FileLock, Timeout

from pipelines.resources.warehouse import PARTITION_TAG
from regulars.paths import DataPaths

STATUS = dg.DagsterRunStatus
UNDER_WAY = [STATUS.QUEUED, STATUS.NOT_STARTED, STATUS.STARTING, STATUS.STARTED, STATUS.CANCELING]
# Between its first word and taking the warehouse, and between giving it back and its last word, a run holds no lock.
SILENT_STARTED = timedelta(seconds=60)
SILENT_STARTING = timedelta(minutes=5)
# After a failure the next run waits, twice as long each time: the shop may be down, or the data refused by a check.
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
FAILURES_COUNTED = 8

LOST = (
    "The run was lost: its process ended without a word (killed, out of memory, or the machine was switched off). "
    "What it had committed stays, and the next run goes on from there."
)


def under_way(instance: dg.DagsterInstance, shop: str) -> bool:
    """Return whether a run of `shop` is about to start, waits for the warehouse, or works."""
    return instance.get_runs_count(dg.RunsFilter(tags={PARTITION_TAG: shop}, statuses=UNDER_WAY)) > 0


def next_run_key(instance: dg.DagsterInstance, shop: str, job_name: str, now: datetime) -> str | None:
    """Return a run key for the next run of the job, or None while none should start.

    None should while any run of the shop is under way, or while the pause after the job's last failures is not over.
    The key names the run before: asked for twice it starts once, and after a failure it is a new one.
    """
    if under_way(instance, shop):
        return None
    before = instance.get_run_records(
        dg.RunsFilter(job_name=job_name, tags={PARTITION_TAG: shop}), limit=FAILURES_COUNTED
    )
    failures = list(takewhile(lambda record: record.dagster_run.status == STATUS.FAILURE, before))
    if failures and now < ended_at(failures[0]) + pause_after(len(failures)):
        return None
    return f"{shop}:{job_name}:after:{before[0].dagster_run.run_id if before else 'nothing'}"


def ended_at(record: dg.RunRecord) -> datetime:
    """Return when a run ended, or last changed where it has no end."""
    return record.update_timestamp if record.end_time is None else datetime.fromtimestamp(record.end_time, UTC)


def pause_after(failures: int) -> timedelta:
    """Return how long the next run waits after so many failures in a row (at least one).

    >>> [pause_after(failures).total_seconds() for failures in (1, 2, 3, 8)]
    [30.0, 60.0, 120.0, 900.0]
    """
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << (failures - 1)))


def suspects(instance: dg.DagsterInstance, paths: DataPaths, shops: Iterable[str], now: datetime) -> Sequence[str]:
    """Return the ids of runs that Dagster counts as under way, silent for a while, whose shop's warehouse nobody holds.

    A run waits for the warehouse, holds it, or is at one of its ends: what is silent and holds nothing is lost, unless
    it is just then at its end. So who acts on this asks twice, some time apart.
    """
    found = []
    for shop in shops:
        silent = [record for record in running(instance, shop) if is_silent(record, now)]
        if silent and not is_held(paths, shop):
            found += [record.dagster_run.run_id for record in silent]
    return found


def running(instance: dg.DagsterInstance, shop: str) -> Sequence[dg.RunRecord]:
    """Return the runs of `shop` that have a process, or should have one."""
    statuses = [status for status in UNDER_WAY if status is not STATUS.QUEUED]
    return instance.get_run_records(dg.RunsFilter(tags={PARTITION_TAG: shop}, statuses=statuses))


def is_silent(record: dg.RunRecord, now: datetime) -> bool:
    """Return whether the run's status has stood still for longer than starting and ending take."""
    started = record.dagster_run.status == STATUS.STARTED
    changed = record.update_timestamp.replace(tzinfo=record.update_timestamp.tzinfo or UTC)
    return now - changed > (SILENT_STARTED if started else SILENT_STARTING)


def is_held(paths: DataPaths, shop: str) -> bool:
    """Return whether some run holds the shop's warehouse at this moment."""
    path = paths.warehouse_lock(shop)
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def end_lost(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Report a lost run as failed, so that nothing waits for it; False where it has ended meanwhile."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return False
    instance.report_run_failed(run, LOST)
    return True
