"""Dagster's own house: runs whose process is gone are ended, old ones are deleted."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import orjson

from pipelines.resources.deployment import Deployment
from pipelines.runs import STATUS, end_lost, suspects

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


@dg.job(description="Deletes old runs with their logs: those over 14 days, and all but the newest 300 of each outcome.")
def housekeeping() -> None:
    """Keep Dagster's own storage bounded."""
    delete_old_runs()


housekeeping_schedule = dg.ScheduleDefinition(
    name="hourly_housekeeping",
    job=housekeeping,
    cron_schedule="50 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


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
