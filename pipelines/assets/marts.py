"""Marts: who each person is, what they spent, how they score, which segments they are in."""

from collections.abc import Iterator
from datetime import date, datetime
from time import monotonic
from typing import Any

import dagster as dg
import polars as pl

from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import WarehouseResource
from pipelines.warehouse import Warehouse

DESCRIPTIONS = {
    "customers": (
        "One row a person: an account, or a guest by e-mail. Counted orders, gross, refunded and net in the person's "
        "main currency, RFM scores and group, segments. People without a counted order have null scores."
    ),
    "customer_currencies": "One row a person and currency: the same figures where someone paid in several currencies.",
    "orders": "One row an order with its person; `counted` says whether it enters the figures.",
    "order_lines": "One row a product line.",
    "refunds": "One row a refund with its person; leaves out refunds that the shop deleted.",
    "products": "One row a product.",
    "segments": "One row a saved segment and how many people it holds.",
    "segment_members": "One row a person in a segment.",
    "rfm_cuts": "The four cuts of each score, for money by currency.",
}


class MartsConfig(dg.Config):
    """as_of: compute as of 00:00 of this day (YYYY-MM-DD) in the shop's time zone; empty means live."""

    as_of: str = ""


def marts_assets(partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return the marts' assets, partitioned by shop."""

    @dg.multi_asset(
        name="marts",
        specs=[
            dg.AssetSpec(
                ["marts", table],
                deps=[["staging", name] for name in ("orders", "order_lines", "refunds", "customers", "products")],
                group_name="marts",
                kinds={"polars", "duckdb"},
                description=text,
            )
            for table, text in DESCRIPTIONS.items()
        ],
        partitions_def=partitions,
    )
    def marts(
        context: dg.AssetExecutionContext, config: MartsConfig, deployment: Deployment, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        shop, started = context.partition_key, monotonic()
        deployment.progress(shop, context.run_id).stage("marts")
        day = date.fromisoformat(config.as_of) if config.as_of else deployment.settings.as_of
        tables, as_of = derive_marts(deployment, warehouse.of(shop), shop, day)
        seconds = round(monotonic() - started, 2)
        for table, frame in tables.items():
            yield dg.MaterializeResult(
                asset_key=["marts", table],
                metadata={"rows": frame.height, "as_of": as_of.isoformat(), "seconds": seconds},
            )

    return marts


def derive_marts(
    deployment: Deployment, warehouse: Warehouse, shop: str, day: date | None
) -> tuple[dict[str, pl.DataFrame], datetime]:
    """Derive every mart from staging and a snapshot of the records, store them, and return them with their as-of."""
    from transforms.time import as_of_for_day, next_midnight

    from transforms.marts import build_marts
    from transforms.segments import SegmentRule, assign_segments

    zone = warehouse.facts()["timezone"]
    as_of = as_of_for_day(day, zone) if day else next_midnight(deployment.now(), zone)
    staged = warehouse.staged()
    with deployment.records() as records:
        token = records.change_token()
        rules = [SegmentRule(segment.id, segment.name, segment.rule) for segment in records.segments(shop)]
        _, hash_key = records.guest_key()
        aliases = records.aliases(shop)
        frames = build_marts(
            staged,
            shop=shop,
            as_of=as_of,
            timezone=zone,
            not_counted=deployment.settings.not_counted,
            hash_key=hash_key,
            aliases=alias_frame(aliases),
        )
    customers, segments, members = assign_segments(frames["customers"], rules, shop=shop, as_of=as_of, timezone=zone)
    frames |= {"customers": customers, "segments": segments, "segment_members": members}
    tables = dict(zip(frames, pl.collect_all(list(frames.values())), strict=True))
    facts: dict[str, Any] = {"as_of": as_of.isoformat(), "live": day is None, "records_token": token}
    warehouse.write_marts(tables, facts)
    return tables, as_of


def alias_frame(aliases: dict[str, str]) -> pl.LazyFrame:
    """Return the aliases as a frame of `alias_key`, `customer_key`."""
    return pl.LazyFrame(
        {"alias_key": list(aliases), "customer_key": list(aliases.values())},
        schema={"alias_key": pl.String(), "customer_key": pl.String()},
    )
