"""Marts: who each person is, what they spent, how they score, which segments they are in."""

from collections.abc import Iterator
from datetime import date, datetime
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import dagster as dg
import polars as pl

from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import WarehouseResource
from pipelines.warehouse import Warehouse

if TYPE_CHECKING:
    from transforms.segments import SegmentRule

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
    from transforms.days import as_of_for_day, next_midnight
    from transforms.marts import build_marts
    from transforms.segments import assign_segments

    zone = warehouse.facts()["timezone"]
    as_of = as_of_for_day(day, zone) if day else next_midnight(deployment.now(), zone)
    staged = warehouse.staged()
    known = warehouse.marts()["customers"].select("customer_key")
    snapshot = take_snapshot(deployment, shop, staged, known)
    frames = build_marts(
        staged,
        shop=shop,
        as_of=as_of,
        timezone=zone,
        not_counted=deployment.settings.not_counted,
        hash_key=snapshot.hash_key,
        aliases=alias_frame(snapshot.aliases),
    )
    tagged = frames["customers"].join(tag_frame(snapshot.tags), on="customer_key", how="left")
    frames |= assign_segments(tagged, snapshot.rules, shop=shop, as_of=as_of, timezone=zone)._asdict()
    tables = dict(zip(frames, pl.collect_all(list(frames.values()), engine="streaming"), strict=True))
    facts = {"as_of": as_of.isoformat(), "live": day is None, "records_token": snapshot.token}
    warehouse.write_marts(tables, facts)
    return tables, as_of


class Snapshot(NamedTuple):
    """The records that the marts depend on, as they were at one moment; `token` names the moment."""

    token: int
    hash_key: bytes
    aliases: dict[str, str]
    tags: dict[str, tuple[str, ...]]
    rules: list["SegmentRule"]


def take_snapshot(deployment: Deployment, shop: str, staged: dict[str, pl.LazyFrame], known: pl.LazyFrame) -> Snapshot:
    """Record who of the guests has registered, and return the records. `known`: the people published before."""
    from regulars.records import open_records
    from transforms.marts import find_aliases
    from transforms.rules import STARTING_SEGMENTS
    from transforms.segments import SegmentRule

    with open_records(deployment.settings) as records:
        records.ensure_shop(shop, STARTING_SEGMENTS)
        _, hash_key = records.guest_key()
        registered = find_aliases(
            staged, known, hash_key=hash_key, aliases=alias_frame(records.aliases(shop))
        ).collect()
        if registered.height:
            records.add_aliases(shop, dict(registered.iter_rows()))
        return Snapshot(
            token=records.change_token(),
            hash_key=hash_key,
            aliases=records.aliases(shop),
            tags=records.tags(shop),
            rules=[SegmentRule(segment.id, segment.name, segment.rule) for segment in records.segments(shop)],
        )


def alias_frame(aliases: dict[str, str]) -> pl.LazyFrame:
    """Return the aliases as a frame of `alias_key`, `customer_key`."""
    return pl.LazyFrame(
        {"alias_key": list(aliases), "customer_key": list(aliases.values())},
        schema={"alias_key": pl.String(), "customer_key": pl.String()},
    )


def tag_frame(tags: dict[str, tuple[str, ...]]) -> pl.LazyFrame:
    """Return the tags as a frame of `customer_key`, `tags`."""
    return pl.LazyFrame(
        {"customer_key": list(tags), "tags": [list(each) for each in tags.values()]},
        schema={"customer_key": pl.String(), "tags": pl.List(pl.String())},
    )
