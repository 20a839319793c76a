"""When things run: schedules and sensors, running by default. Jobs are named, as `definitions.py` defines them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg

from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import PARTITION_TAG
from regulars.progress import ProgressFile

UNFINISHED = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
# A run that says nothing for so long was killed with its machine; it must not keep change rows waiting.
RUN_IS_LOST_AFTER = timedelta(hours=6)
OLD_RUN_AFTER = timedelta(days=14)


def unfinished_runs(instance: dg.DagsterInstance, shop: str, now: datetime) -> int:
    """Return how many runs of `shop` are under way or about to start."""
    runs = dg.RunsFilter(tags={PARTITION_TAG: shop}, statuses=UNFINISHED, updated_after=now - RUN_IS_LOST_AFTER)
    return instance.get_runs_count(runs)


def change_row_sensor(job_name: str) -> dg.SensorDefinition:
    """Return the sensor that merges change rows soon after the receiver committed them."""

    @dg.sensor(
        name="change_rows",
        job_name=job_name,
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a run where verified webhook deliveries wait that no published version holds yet.",
    )
    def change_rows(context: dg.SensorEvaluationContext, deployment: Deployment) -> Iterator[dg.RunRequest]:
        from regulars.directory.layout import current_manifest
        from regulars.inbox import last_seq

        for shop in deployment.settings.shops:
            manifest = current_manifest(deployment.paths.published(shop))
            newest = last_seq(deployment.paths.inbox, shop)
            # Before the first publish the first sync takes the rows along; a run under way is let finish, so that
            # the deliveries of a busy minute become one run.
            if manifest is None or newest <= manifest.change_seq:
                continue
            if unfinished_runs(context.instance, shop, deployment.now()):
                continue
            yield dg.RunRequest(
                run_key=f"{shop}:{newest}",
                partition_key=shop,
                run_config={"ops": {"raw": {"config": {"pull": False}}}},
            )

    return change_rows


def records_sensor(job_name: str) -> dg.SensorDefinition:
    """Return the sensor that derives the marts anew after a segment or an alias changed."""

    @dg.sensor(
        name="records_changed",
        job_name=job_name,
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a run where segments or aliases changed since the published version was derived.",
    )
    def records_changed(context: dg.SensorEvaluationContext, deployment: Deployment) -> Iterator[dg.RunRequest]:
        from regulars.directory.layout import current_manifest
        from regulars.records import open_records

        with open_records(deployment.settings) as records:
            token = records.change_token()
        for shop in deployment.settings.shops:
            manifest = current_manifest(deployment.paths.published(shop))
            if manifest is None or manifest.records_token >= token:
                continue
            if not unfinished_runs(context.instance, shop, deployment.now()):
                yield dg.RunRequest(run_key=f"{shop}:records:{token}", partition_key=shop)

    return records_changed


def pull_schedule(job_name: str, cron: str) -> dg.ScheduleDefinition:
    """Return the schedule of pulls: webhooks make it fast, pulls make it complete."""

    @dg.schedule(
        name="pull_changes",
        job_name=job_name,
        cron_schedule=cron,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks each shop what changed since the last pull, with an overlap.",
    )
    def pull_changes(context: dg.ScheduleEvaluationContext, deployment: Deployment) -> Iterator[dg.RunRequest]:
        for shop in deployment.settings.shops:
            if not unfinished_runs(context.instance, shop, deployment.now()):
                yield dg.RunRequest(partition_key=shop)

    return pull_changes


def full_read_schedule(job_name: str) -> dg.ScheduleDefinition:
    """Return the weekly schedule that reads everything again."""

    @dg.schedule(
        name="read_everything",
        job_name=job_name,
        cron_schedule="40 3 * * 0",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Reads each shop whole on Sunday night: finds what was deleted and what no date shows.",
    )
    def read_everything(deployment: Deployment) -> Iterator[dg.RunRequest]:
        config = {"ops": {"raw": {"config": {"full": True}}}}
        for shop in deployment.settings.shops:
            yield dg.RunRequest(partition_key=shop, run_config=config)

    return read_everything


def midnight_schedule(job_name: str) -> dg.ScheduleDefinition:
    """Return the schedule that moves recency on when a shop's day ends, shop reachable or not."""

    @dg.schedule(
        name="shop_midnight",
        job_name=job_name,
        cron_schedule="1,16,31,46 * * * *",  # every zone's midnight lies on a quarter of an hour
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Derives the marts anew once the day has changed in the shop's time zone.",
    )
    def shop_midnight(context: dg.ScheduleEvaluationContext, deployment: Deployment) -> Iterator[dg.RunRequest]:
        from regulars.directory.layout import current_manifest

        for shop in deployment.settings.shops:
            manifest = current_manifest(deployment.paths.published(shop))
            if manifest is None or not manifest.live or deployment.now() < manifest.as_of:
                continue
            if not unfinished_runs(context.instance, shop, deployment.now()):
                yield dg.RunRequest(partition_key=shop, run_key=f"{shop}:{manifest.as_of.date()}")

    return shop_midnight


def expectations_schedule(job_name: str) -> dg.ScheduleDefinition:
    """Return the daily schedule of the Great Expectations suites."""

    @dg.schedule(
        name="daily_expectations",
        job_name=job_name,
        cron_schedule="10 4 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Runs the Great Expectations suites over each shop.",
    )
    def daily_expectations(deployment: Deployment) -> Iterator[dg.RunRequest]:
        for shop in deployment.settings.shops:
            yield dg.RunRequest(partition_key=shop)

    return daily_expectations


@dg.op
def delete_old_runs(context: dg.OpExecutionContext) -> None:
    """Delete runs that ended more than 14 days ago with their logs: a run of all assets leaves half a megabyte."""
    before = Deployment().now() - OLD_RUN_AFTER
    old = context.instance.get_run_ids(dg.RunsFilter(created_before=before), limit=2_000)
    for run_id in old:
        context.instance.delete_run(run_id)
    context.log.info("Deleted %d old runs", len(old))


@dg.job(description="Deletes runs that ended more than 14 days ago.")
def housekeeping() -> None:
    """Keep Dagster's own storage bounded."""
    delete_old_runs()


def housekeeping_schedule() -> dg.ScheduleDefinition:
    """Return the daily schedule of the housekeeping."""
    return dg.ScheduleDefinition(
        name="daily_housekeeping",
        job=housekeeping,
        cron_schedule="50 4 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


@dg.run_failure_sensor(
    name="tell_failures",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes a failed run's reason where the app and the command line show it.",
)
def tell_failures(context: dg.RunFailureSensorContext, deployment: Deployment) -> None:
    """Write the failure into the shop's progress file, unless the run itself did."""
    from regulars.progress import read_progress

    shop = context.dagster_run.tags.get(PARTITION_TAG)
    if shop is None:
        return
    path = deployment.paths.progress(shop)
    last = read_progress(path)
    if last is None or (last.run_id == context.dagster_run.run_id and last.state == "running"):
        said = (context.failure_event.message or "").partition("\n")[0]
        message = f"The run failed. Dagster says: {said or 'nothing'}"
        ProgressFile(path, shop, context.dagster_run.run_id).fail(message)
