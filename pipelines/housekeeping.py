"""The house is kept: lost runs are ended, old ones deleted, and the warehouses kept from growing without end."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import orjson
from filelock import FileLock, Timeout

from pipelines.resources.deployment import Deployment
from pipelines.runs import STATUS, end_lost, suspects
from regulars.errors import RegularsError

# A run leaves 0.4 MB behind, and a busy shop has thousands a day; of each kind of end the newest are kept.
OLD_RUN_AFTER = timedelta(days=14)
RUNS_KEPT = 300
ENDS = (STATUS.SUCCESS, STATUS.FAILURE, STATUS.CANCELED)
DELETED_AT_ONCE = 1_000


@dg.sensor(
    name="lost_runs",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Ends runs whose process is gone: Dagster would count them as running for ever, and change rows would wait for "
        "them. A run counts as lost when it has been silent and nobody has held its shop's warehouse, twice in a row."
    ),
)
def lost_runs(context: dg.SensorEvaluationContext, deployment: Deployment) -> dg.SensorResult:
    """End the runs that were suspects at the last tick and are now; remember today's suspects."""
    before = set(orjson.loads(context.cursor)) if context.cursor else set()
    now = suspects(context.instance, deployment.paths, deployment.settings.shops, deployment.now())
    ended = [run_id for run_id in now if run_id in before and end_lost(context.instance, run_id)]
    left = [run_id for run_id in now if run_id not in ended]
    return dg.SensorResult(
        skip_reason=f"Lost runs ended: {len(ended)}; watched: {len(left)}.", cursor=orjson.dumps(left).decode()
    )


@dg.op
def delete_old_runs(context: dg.OpExecutionContext, deployment: Deployment) -> None:
    """Delete runs that are older than 14 days, or that 300 newer ones ended like, with their logs."""
    old = old_runs(context.instance, deployment.now())
    for run_id in old:
        delete_run(context.instance, run_id)
    context.log.info("Deleted %d old runs", len(old))


@dg.op
def tidy_warehouses(context: dg.OpExecutionContext, deployment: Deployment) -> None:
    """Tidy the warehouses that nobody holds just now, as `pipelines.compaction` does; the others wait for the next hour."""
    for shop in deployment.settings.shops:
        try:
            given_back = tidy_warehouse(deployment, shop)
        except RegularsError as error:
            context.log.warning("The warehouse of %s was not tidied. %s", shop, error.sentence())
            continue
        if given_back:
            context.log.info("The warehouse of %s was written anew: %.0f MB given back", shop, given_back / 1e6)


@dg.job(
    description="Deletes old runs with their logs: those over 14 days, and all but the newest 300 of each outcome. "
    "Writes a warehouse anew that has grown to twice its size.",
    executor_def=dg.in_process_executor,
)
def housekeeping() -> None:
    """Keep Dagster's own storage and the warehouses bounded."""
    delete_old_runs()
    tidy_warehouses()


housekeeping_schedule = dg.ScheduleDefinition(
    name="hourly_housekeeping",
    job=housekeeping,
    cron_schedule="50 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


def tidy_warehouse(deployment: Deployment, shop: str) -> int:
    """Tidy a shop's warehouse and return the bytes given back; 0 as well where a run holds it. Raises RegularsError."""
    from pipelines.compaction import tidy
    from pipelines.warehouse import Warehouse

    path = deployment.paths.warehouse(shop)
    if not path.exists():
        return 0
    lock = FileLock(deployment.paths.warehouse_lock(shop))
    try:
        with lock.acquire(timeout=0):
            return tidy(Warehouse(path), deployment.now())
    except Timeout:
        return 0


def old_runs(instance: dg.DagsterInstance, now: datetime) -> list[str]:
    """Return the ids of the runs that may go, at most a thousand. Runs under way stay, however old."""
    found: dict[str, None] = {}
    for end in ENDS:
        ended = dg.RunsFilter(statuses=[end])
        kept = instance.get_run_ids(ended, limit=RUNS_KEPT)
        if len(kept) == RUNS_KEPT:
            found |= dict.fromkeys(instance.get_run_ids(ended, cursor=kept[-1], limit=DELETED_AT_ONCE))
        by_age = dg.RunsFilter(statuses=[end], created_before=now - OLD_RUN_AFTER)
        found |= dict.fromkeys(instance.get_run_ids(by_age, limit=DELETED_AT_ONCE))
    return list(found)[:DELETED_AT_ONCE]


def delete_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run, and the files that Dagster's own delete leaves: its emptied event database and its output."""
    instance.delete_run(run_id)
    shutil.rmtree(Path(instance.storage_directory()) / run_id, ignore_errors=True)
    events = Path(instance.root_directory) / "history" / "runs"
    for file in events.glob(f"{run_id}.db*"):
        file.unlink(missing_ok=True)
