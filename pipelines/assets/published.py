"""Published: an immutable version of the marts that app and API read without locking anyone."""

import logging
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import dagster as dg

from pipelines.assets.describe import OWNERS, facts_of
from pipelines.failures import told
from pipelines.history import note_success, progress_of
from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import WarehouseResource
from regulars.errors import RegularsError
from regulars.progress import ProgressFile

if TYPE_CHECKING:
    from pipelines.warehouse import Warehouse

log = logging.getLogger("regulars")

DESCRIPTION = (
    "One folder of Parquet files a version, holding all marts beside a manifest, for app, API and scripts; `CURRENT` "
    "names the version that readers open. The blocking checks stand before it: what they refuse is never published."
)
KEY = dg.AssetKey(["published", "marts"])
HISTORY = "observed_history"


class Publication(NamedTuple):
    """A new version, its manifest, and the ids of the segments whose observed history begins anew with it."""

    version: str
    manifest: dict[str, Any]
    anew: Sequence[str]


def published_asset(partitions: dg.PartitionsDefinition[str], marts: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """Return the published asset, partitioned by shop, after all of `marts`."""

    @dg.asset(
        key=KEY,
        deps=list(marts.keys),
        group_name="published",
        kinds={"parquet"},
        owners=OWNERS,
        description=DESCRIPTION,
        partitions_def=partitions,
        check_specs=[
            dg.AssetCheckSpec(
                HISTORY,
                asset=KEY,
                description="Who was first seen in a segment and joined it, less who left, is who is in it now.",
                partitions_def=partitions,
            )
        ],
    )
    def published(
        context: dg.AssetExecutionContext, deployment: Deployment, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        shop, started = context.partition_key, monotonic()
        progress = progress_of(context, deployment)
        progress.stage("publishing")
        with told(progress):
            version, manifest, anew = publish_shop(deployment, warehouse.of(shop), shop, context.run.run_id)
        mirrored = mirror_shop(deployment, shop, version, progress)
        progress.finish(note_success(deployment, context, manifest["sync"]))
        rows = sum(manifest["rows"].values())
        facts = facts_of(rows=rows, as_of=manifest["as_of"], seconds=monotonic() - started, version=version)
        yield dg.MaterializeResult(
            metadata={**facts, "change_seq": manifest["change_seq"], **mirrored}, check_results=[_history(anew)]
        )

    return published


def _history(anew: Sequence[str]) -> dg.AssetCheckResult:
    """Return how the observed history was found. It warns: figures and members are right, the past of them is not."""
    return dg.AssetCheckResult(
        check_name=HISTORY,
        passed=not anew,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"It did not add up, and begins anew, of: {', '.join(anew)}." if anew else "It adds up.",
        metadata={"segments begun anew": len(anew)},
    )


def mirror_shop(deployment: Deployment, shop: str, version: str, progress: ProgressFile) -> dict[str, Any]:
    """Bring MongoDB's collections to the version, where MONGODB_URI is set; return what the run tells of it.

    A mirror that fails takes nothing back: the version is published, readers keep to its files, and the next publish
    repairs the collections.
    """
    if deployment.settings.mongodb_uri is None:
        return {}
    from regulars.mongo.serving import mirror

    progress.stage("writing to MongoDB")
    try:
        outcome = mirror(deployment.settings, shop, deployment.paths.published(shop), version)
    except RegularsError as error:
        log.warning("MongoDB does not have the new version; readers keep to the files. %s", error.sentence())
        return {"mongodb": f"Not written: {error.sentence()} Readers keep to the files; the next publish tries again."}
    return {"mongodb": f"{outcome.upserted} documents written, {outcome.deleted} deleted, {outcome.seconds:.1f} s"}


def publish_shop(deployment: Deployment, warehouse: "Warehouse", shop: str, run_id: str) -> Publication:
    """Publish the shop's marts."""
    from pipelines.observing import observed_tables
    from regulars.directory.layout import read_manifest
    from regulars.directory.publish import publish

    facts, at, folder = warehouse.facts(), deployment.now(), deployment.paths.published(shop)
    frames = {name: frame.collect().lazy() for name, frame in warehouse.marts().items()}
    about = {"timezone": facts["timezone"], **facts["marts"]}
    observed = observed_tables(folder, frames, about, shop=shop, at=at, run_id=run_id)
    frames |= observed.tables
    manifest: dict[str, Any] = {
        "shop": shop,
        "shop_name": facts["shop_name"],
        "synced_at": facts["synced_at"],
        "change_seq": facts["change_seq"],
        "sync": facts["sync"],
        **about,
        "published_at": at.isoformat(),
        "dagster_run_id": run_id,
    }
    version = publish(folder, frames, manifest, deployment.settings.published_keep)
    return Publication(version, {**manifest, "rows": read_manifest(folder / version).rows}, observed.anew)
