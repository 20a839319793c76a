"""The composition root of the pipelines: what Dagster loads."""

import logging
import warnings

import dagster as dg

from pipelines import automation, housekeeping
from pipelines.assets.checks import blocking_check, expectation_checks
from pipelines.assets.marts import marts_assets
from pipelines.assets.published import published_asset
from pipelines.assets.raw import raw_assets
from pipelines.assets.staging import staging_assets
from pipelines.failures import tell_failures
from pipelines.history import SYNC_JOB
from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import WarehouseResource
from pipelines.webhook_watch import webhook_sensor
from regulars.settings import NO_SHOP, Settings, load_settings

# Checks partitioned like their asset are new in Dagster; the version is pinned, so the notice helps nobody.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

DERIVE_JOB = "derive"
EXPECTATIONS_JOB = "expectations"


def build(settings: Settings) -> dg.Definitions:
    """Wire assets, checks, jobs, schedules and sensors for the configured shops."""
    if not settings.shops:
        logging.getLogger("regulars").warning(NO_SHOP)
    partitions = dg.StaticPartitionsDefinition(sorted(settings.shops))
    raw, staging, marts = raw_assets(partitions), staging_assets(partitions), marts_assets(partitions)
    expectations = expectation_checks(partitions)
    return dg.Definitions.merge(
        build_jobs(raw, expectations),
        build_automation(settings),
        build_assets(
            settings,
            [raw, staging, marts, published_asset(partitions, marts)],
            [blocking_check(partitions), *expectations],
        ),
    )


def build_assets(
    settings: Settings, assets: list[dg.AssetsDefinition], checks: list[dg.AssetChecksDefinition]
) -> dg.Definitions:
    """Return the assets and checks with what they need."""
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        resources={
            "deployment": Deployment(),
            "warehouse": WarehouseResource(data_dir=str(settings.data_dir.absolute())),
        },
        # One process a run: a run starts in seconds, and DuckDB wants one process to a file.
        executor=dg.in_process_executor,
    )


def build_jobs(raw: dg.AssetsDefinition, expectations: list[dg.AssetChecksDefinition]) -> dg.Definitions:
    """Return the jobs: from change to published marts, the same without asking the shop, and the suites."""
    suites = dg.AssetSelection.checks(*expectations)
    everything = dg.AssetSelection.all() - suites
    without_raw = everything - dg.AssetSelection.assets(raw)
    return dg.Definitions(
        jobs=[
            housekeeping.housekeeping,
            dg.define_asset_job(SYNC_JOB, everything, description="From change to published marts."),
            dg.define_asset_job(
                DERIVE_JOB, without_raw, description="The marts from what is already in the warehouse, published."
            ),
            # Dagster takes a job's partitions from its assets, and this one has checks alone: who starts it names the
            # shop in the tag `dagster/partition`.
            dg.define_asset_job(EXPECTATIONS_JOB, suites, description="The Great Expectations suites."),
        ]
    )


def build_automation(settings: Settings) -> dg.Definitions:
    """Return schedules and sensors."""
    return dg.Definitions(
        schedules=[
            automation.pull_schedule(SYNC_JOB, settings.sync_cron),
            automation.reconcile_schedule(SYNC_JOB, settings.reconcile_cron),
            automation.midnight_schedule(DERIVE_JOB),
            automation.expectations_schedule(EXPECTATIONS_JOB),
            housekeeping.housekeeping_schedule,
        ],
        sensors=[
            automation.change_row_sensor(SYNC_JOB),
            automation.records_sensor(DERIVE_JOB),
            webhook_sensor(SYNC_JOB),
            housekeeping.lost_runs,
            tell_failures,
        ],
    )


defs = build(load_settings())
