"""Published: an immutable version of the marts that app and API read without locking anyone."""

from time import monotonic

import dagster as dg

from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import WarehouseResource
from pipelines.warehouse import Warehouse

DESCRIPTION = (
    "The marts as a folder of Parquet files under a version of its own, beside a manifest; `CURRENT` names the version "
    "that readers open. The blocking checks stand before it: what they refuse is never published."
)


def published_asset(partitions: dg.PartitionsDefinition[str], marts: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """Return the published asset, partitioned by shop, after all of `marts`."""

    @dg.asset(
        key=["published", "marts"],
        deps=list(marts.keys),
        group_name="published",
        kinds={"parquet"},
        description=DESCRIPTION,
        partitions_def=partitions,
    )
    def published(
        context: dg.AssetExecutionContext, deployment: Deployment, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        shop, started = context.partition_key, monotonic()
        progress = deployment.progress(shop, context.run_id)
        progress.stage("publishing")
        version, manifest = publish_shop(deployment, warehouse.of(shop), shop, context.run_id)
        progress.finish()
        return dg.MaterializeResult(
            metadata={
                "version": version,
                "as_of": str(manifest["as_of"]),
                "rows": sum(dict[str, int](manifest["rows"]).values()),  # type: ignore[call-overload]
                "seconds": round(monotonic() - started, 2),
            }
        )

    return published


def publish_shop(deployment: Deployment, warehouse: Warehouse, shop: str, run_id: str) -> tuple[str, dict[str, object]]:
    """Publish the shop's marts and return the new version and its manifest."""
    from regulars.directory.publish import publish

    facts, tables = warehouse.facts(), warehouse.marts()
    frames = {name: frame.collect() for name, frame in tables.items()}
    manifest: dict[str, object] = {
        "shop": shop,
        "shop_name": facts["shop_name"],
        "timezone": facts["timezone"],
        "synced_at": facts["synced_at"],
        "change_seq": facts["change_seq"],
        "sync": facts["sync"],
        **facts["marts"],
        "published_at": deployment.now().isoformat(),
        "rows": {name: frame.height for name, frame in frames.items()},
        "dagster_run_id": run_id,
    }
    version = publish(deployment.paths.published(shop), frames, manifest, deployment.settings.published_keep)
    return version, manifest
