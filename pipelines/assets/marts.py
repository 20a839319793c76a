"""Marts: who each person is, what they spent, how they score, which segments they are in."""

from collections.abc import Iterator
from datetime import date
from time import monotonic
from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.assets.describe import OWNERS, facts_of
from pipelines.failures import amounts_told, told
from pipelines.history import progress_of
from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import WarehouseResource

if TYPE_CHECKING:
    from pipelines.derive import Derived

DESCRIPTIONS = {
    "customers": (
        "One row a person: an account, or a guest by e-mail, for analysts and the app. Counted orders, gross, refunded "
        "and net in the person's main currency, RFM scores and group, segments. People without a counted order are "
        "there, with null scores; deleted accounts are there, with `deleted_at`."
    ),
    "customer_currencies": (
        "One row a person and currency they paid in, for profiles and totals by currency: the same figures, never added "
        "across currencies. Leaves out people without a counted order or refund."
    ),
    "orders": (
        "One row an order of any status with its person, for profiles; `counted` says whether it enters the figures. "
        "Orders that the shop deleted stay, with `deleted_at`, and do not count."
    ),
    "order_lines": "One row a product line of an order, for what people bought. Shipping, fees and coupons are not lines.",
    "refunds": (
        "One row a refund with its person, dated and positive, for net figures; `counted` says whether it enters them. "
        "Leaves out refunds that the shop deleted."
    ),
    "products": "One row a product, variations left out, for names beside lines; deleted ones stay, with `deleted_at`.",
    "segments": (
        "One row a saved segment with its rule and how many people it holds; `people` is null where the rule can no "
        "longer be read. Deleted segments are left out."
    ),
    "segment_members": "One row a person in a segment, for lists and exports. Deleted accounts are in none.",
    "rfm_cuts": "One row a score (money: and currency) with its four cuts, the 20, 40, 60 and 80 % quantiles.",
    "identities": (
        "One row an account, guest's e-mail or nameless guest order, with the person it belongs to and why."
    ),
    "identity_reviews": "One row an address that strangers share: its people were not merged and wait for a decision.",
    "person_tags": "One row a person with tags, as the rules of segments saw them in this run.",
}


class MartsConfig(dg.Config):
    """What to derive.

    as_of: compute as of 00:00 of this day (YYYY-MM-DD) in the shop's time zone; empty means live.
    whole: derive everybody, not only whom a change touches; the figures are the same.
    """

    as_of: str = ""
    whole: bool = False


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
                owners=OWNERS,
                description=text,
            )
            for table, text in DESCRIPTIONS.items()
        ],
        partitions_def=partitions,
    )
    def marts(
        context: dg.AssetExecutionContext, config: MartsConfig, deployment: Deployment, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        from pipelines.derive import derive_marts

        shop, started = context.partition_key, monotonic()
        progress = progress_of(context, deployment)
        progress.stage("marts")
        day = date.fromisoformat(config.as_of) if config.as_of else deployment.settings.as_of
        house = warehouse.of(shop)
        with told(progress), amounts_told(lambda: house.staged_narrow()["orders"]):
            derived = derive_marts(deployment, house, shop, day, whole=config.whole)
        seconds = monotonic() - started
        for table in DESCRIPTIONS:
            facts = facts_of(rows=derived.rows[table], as_of=derived.as_of, seconds=seconds)
            yield dg.MaterializeResult(asset_key=["marts", table], metadata={**facts, **further(table, derived)})

    return marts


def further(table: str, derived: "Derived") -> dict[str, Any]:
    """Return what one table's materialisation tells beside the usual: how, and the segments that cannot be evaluated."""
    how = {"derived": "whole" if derived.whole else "what changed", "written": derived.written[table]}
    return {**how, "broken_segments": derived.broken_segments} if table == "segments" else how
