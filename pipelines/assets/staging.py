"""Staging: raw bodies parsed into typed tables, money exact, times in UTC, days in the shop's time zone."""

from collections.abc import Iterator
from functools import partial
from time import monotonic

import dagster as dg

from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import WarehouseResource
from pipelines.warehouse import Report, Stage, Warehouse

DESCRIPTIONS = {
    "orders": "One row an order of the shop, typed; `order_day` is the day in the shop's time zone.",
    "order_lines": "One row a product line of an order. Shipping, fees and coupons are not lines.",
    "refunds": "One row a refund, its amount positive, dated.",
    "customers": "One row a user account.",
    "products": "One row a product.",
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
        rows = stage_shop(warehouse.of(shop), deployment.progress(shop, context.run_id).stage)
        seconds = round(monotonic() - started, 2)
        for table in DESCRIPTIONS:
            raw = "orders" if table == "order_lines" else table
            yield dg.MaterializeResult(asset_key=["staging", table], metadata={"rows": rows[raw], "seconds": seconds})

    return staging


def stage_shop(warehouse: Warehouse, report: Report) -> dict[str, int]:
    """Stage what changed in raw since last time; return how many raw rows of each table that were."""
    from transforms import staging

    zone = warehouse.facts()["timezone"]
    warehouse.prepare_staging(zone)
    tables: dict[str, dict[str, Stage]] = {
        "orders": {
            "orders": partial(staging.stage_orders, timezone=zone),
            "order_lines": staging.stage_order_lines,
        },
        "refunds": {"refunds": partial(staging.stage_refunds, timezone=zone)},
        "customers": {"customers": staging.stage_customers},
        "products": {"products": staging.stage_products},
    }
    return {raw: warehouse.stage(raw, raw, stages, report) for raw, stages in tables.items()}
