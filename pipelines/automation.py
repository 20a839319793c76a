"""When things run: schedules and sensors, running by default. Jobs are named, as `definitions.py` defines them.

All of them look at facts (what is published, what waits) and remember nothing, so that a restart loses nothing. A run
is asked for only while no other run of the shop is under way: what happens in a busy minute becomes one run.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import PARTITION_TAG
from pipelines.runs import next_run_key, under_way
from regulars.settings import NO_SHOP

if TYPE_CHECKING:
    from regulars.directory.layout import Manifest

Asked = list[dg.RunRequest] | dg.SkipReason
# Dagster looks at sensors every 5 s, and passes over those whose interval is not over by then.
EACH_LOOK = 4


def change_row_sensor(job_name: str) -> dg.SensorDefinition:
    """Return the sensor that merges change rows soon after the receiver committed them."""

    @dg.sensor(
        name="change_rows",
        job_name=job_name,
        minimum_interval_seconds=EACH_LOOK,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a run where verified webhook deliveries wait that no published version holds yet.",
    )
    def change_rows(context: dg.SensorEvaluationContext, deployment: Deployment) -> Asked:
        from regulars.inbox import open_inbox

        with open_inbox(deployment.settings) as inbox:
            newest = inbox.last_seqs()
        behind = [shop for shop, last in published_shops(deployment) if newest.get(shop, 0) > last.change_seq]
        runs = requests(context.instance, deployment, behind, job_name, raw_config(pull=False))
        return runs or why_nothing(deployment, "No change row waits that could be merged now.")

    return change_rows


def records_sensor(job_name: str) -> dg.SensorDefinition:
    """Return the sensor that derives the marts anew after a segment or an alias changed."""

    @dg.sensor(
        name="records_changed",
        job_name=job_name,
        minimum_interval_seconds=EACH_LOOK,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts a run where segments, aliases or the tags they ask for changed since the marts were derived.",
    )
    def records_changed(context: dg.SensorEvaluationContext, deployment: Deployment) -> Asked:
        from regulars.records import open_records

        known = {shop: last.records_token for shop, last in published_shops(deployment)}
        if not known:
            return why_nothing(deployment, "Nothing is published yet.")
        with open_records(deployment.settings) as records:
            token = records.change_token()
        behind = [shop for shop, before in known.items() if before != token]
        runs = requests(context.instance, deployment, behind, job_name)
        return runs or why_nothing(deployment, "The published marts know every segment, alias and tag.")

    return records_changed


def midnight_schedule(job_name: str) -> dg.ScheduleDefinition:
    """Return the schedule that moves recency on when a shop's day ends, shop reachable or not."""

    @dg.schedule(
        name="shop_midnight",
        job_name=job_name,
        cron_schedule="1,16,31,46 * * * *",  # every zone's midnight lies on a quarter of an hour
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Derives the marts anew once the day has changed in the shop's time zone.",
    )
    def shop_midnight(context: dg.ScheduleEvaluationContext, deployment: Deployment) -> Asked:
        now = deployment.now()
        behind = [shop for shop, last in published_shops(deployment) if last.live and now >= last.as_of]
        runs = requests(context.instance, deployment, behind, job_name)
        return runs or why_nothing(deployment, "The marts of this day are published.")

    return shop_midnight


def pull_schedule(job_name: str, cron: str) -> dg.ScheduleDefinition:
    """Return the schedule of pulls: webhooks make it fast, pulls make it complete."""

    @dg.schedule(
        name="pull_changes",
        job_name=job_name,
        cron_schedule=cron,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks each shop what changed since the last pull, with an overlap.",
    )
    def pull_changes(context: dg.ScheduleEvaluationContext, deployment: Deployment) -> Asked:
        free = [shop for shop in deployment.settings.shops if not under_way(context.instance, shop)]
        runs = [dg.RunRequest(run_key=due(context, shop), partition_key=shop) for shop in free]
        return runs or why_nothing(deployment, "A run of every shop is under way.")

    return pull_changes


def reconcile_schedule(job_name: str, cron: str) -> dg.ScheduleDefinition:
    """Return the nightly schedule that compares everything with the shop."""

    @dg.schedule(
        name="reconcile",
        job_name=job_name,
        cron_schedule=cron,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Compares each shop whole with what is held, and mends what neither webhooks nor pulls saw.",
    )
    def reconcile(context: dg.ScheduleEvaluationContext, deployment: Deployment) -> Asked:
        config = raw_config(reconcile=True)
        shops = deployment.settings.shops
        runs = [dg.RunRequest(run_key=due(context, shop), partition_key=shop, run_config=config) for shop in shops]
        return runs or dg.SkipReason(NO_SHOP)

    return reconcile


def expectations_schedule(job_name: str) -> dg.ScheduleDefinition:
    """Return the daily schedule of the Great Expectations suites."""

    @dg.schedule(
        name="daily_expectations",
        job_name=job_name,
        cron_schedule="10 4 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Runs the Great Expectations suites over each shop that has been published.",
    )
    def daily_expectations(context: dg.ScheduleEvaluationContext, deployment: Deployment) -> Asked:
        # A job of checks alone has no partitions in Dagster's eyes; the tag is all that a partition of it would be.
        shops = [shop for shop, _ in published_shops(deployment)]
        runs = [dg.RunRequest(run_key=due(context, shop), tags={PARTITION_TAG: shop}) for shop in shops]
        return runs or why_nothing(deployment, "Nothing is published yet.")

    return daily_expectations


def published_shops(deployment: Deployment) -> Iterator[tuple[str, "Manifest"]]:
    """Yield the shops that have something published, with its manifest. The others wait for their first sync."""
    from regulars.directory.layout import current_manifest

    for shop in deployment.settings.shops:
        manifest = current_manifest(deployment.paths.published(shop))
        if manifest is not None:
            yield shop, manifest


def due(context: dg.ScheduleEvaluationContext, shop: str) -> str:
    """Return the run key of what a schedule asks for a shop: of several requests Dagster wants each to have one."""
    return f"{shop}:{context.scheduled_execution_time.isoformat()}"


def requests(
    instance: dg.DagsterInstance,
    deployment: Deployment,
    shops: Iterable[str],
    job_name: str,
    run_config: dict[str, object] | None = None,
) -> list[dg.RunRequest]:
    """Return a run of the job for each of `shops`, but for those where none should start yet."""
    now = deployment.now()
    keys = {shop: next_run_key(instance, shop, job_name, now) for shop in shops}
    return [dg.RunRequest(run_key=key, partition_key=shop, run_config=run_config) for shop, key in keys.items() if key]


def raw_config(**options: bool) -> dict[str, object]:
    """Return the run configuration that hands `options` (see `RawConfig`) to the raw assets."""
    return {"ops": {"raw": {"config": options}}}


def why_nothing(deployment: Deployment, otherwise: str) -> dg.SkipReason:
    """Return what Dagster shows where nothing was asked for."""
    return dg.SkipReason(otherwise if deployment.settings.shops else NO_SHOP)
