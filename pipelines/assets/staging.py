"""Staging: raw bodies parsed into typed tables, money exact, times in UTC, days in the shop's time zone."""

from collections.abc import Iterator
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.assets.describe import OWNERS, facts_of
from pipelines.failures import told
from pipelines.history import progress_of
from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import WarehouseResource

if TYPE_CHECKING:
    from pipelines.warehouse import Report, Stage, Warehouse

DESCRIPTIONS = {
    "orders": (
        "One row an order of the shop, typed, for the marts; `order_day` is the day in the shop's time zone. Holds every "
        "status, and orders that the shop deleted since."
    ),
    "order_lines": "One row a product line of an order. Shipping, fees and coupons are not lines, and are left out.",
    "refunds": "One row a refund, its amount positive, dated in shop time. Leaves out what was returned, line by line.",
    "customers": "One row a user account of any role, typed. Guests have no account: they are found in their orders.",
    "products": "One row a product, typed. Leaves out variations, stock and texts.",
}


def staging_assets(partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return the staging assets, partitioned by shop."""

    @dg.multi_asset(
        name="staging",
        specs=[
            dg.AssetSpec(
                ["staging", table],
                deps=[["raw", "orders" if table == "order_lines" else table]],
                group_name="staging",
                kinds={"polars", "duckdb"},
                owners=OWNERS,
                description=text,
            )
            for table, text in DESCRIPTIONS.items()
        ],
        partitions_def=partitions,
    )
    def staging(
        context: dg.AssetExecutionContext, deployment: Deployment, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        shop, started = context.partition_key, monotonic()
        held, progress = warehouse.of(shop), progress_of(context, deployment)
        with told(progress):
            changed = stage_shop(held, progress.stage)
            rows, as_of = held.counts("staging"), held.facts()["synced_at"]
        seconds = monotonic() - started
        for table in DESCRIPTIONS:
            raw = "orders" if table == "order_lines" else table
            facts = facts_of(rows=rows.get(table, 0), changed=changed[raw], as_of=as_of, seconds=seconds)
            yield dg.MaterializeResult(asset_key=["staging", table], metadata=facts)

    return staging


def stage_shop(warehouse: "Warehouse", report: "Report") -> dict[str, int]:
    """Stage what changed in raw since last time; return how many raw rows of each table that were."""
    from transforms import staging

    zone = warehouse.facts()["timezone"]
    warehouse.prepare_staging(zone)
    stages: dict[str, Stage] = {
        "orders": partial(staging.stage_orders_and_lines, timezone=zone),
        "refunds": lambda raw: {"refunds": staging.stage_refunds(raw, zone)},
        "customers": lambda raw: {"customers": staging.stage_customers(raw)},
        "products": lambda raw: {"products": staging.stage_products(raw)},
    }
    return {raw: warehouse.stage(raw, stage, report) for raw, stage in stages.items()}
