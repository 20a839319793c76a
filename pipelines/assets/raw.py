"""Raw: the shop's bodies as they came, merged by id through dlt."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.assets.describe import OWNERS, facts_of
from pipelines.failures import told
from pipelines.history import progress_of
from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import WarehouseResource
from regulars.models import Drift, SyncKind

if TYPE_CHECKING:
    from pipelines.warehouse import Warehouse
    from pipelines.woocommerce.sync import SyncOutcome
    from regulars.shop.client import ShopClient
    from regulars.shop.index import ShopIndex

DESCRIPTIONS = {
    "orders": (
        "One row an order the shop has ever shown us, trashed ones and drafts included, for staging and for looking up "
        "what the shop really said; the body as JSON. Deletions stand apart, in `raw.deletions`."
    ),
    "customers": "One row a user account of the shop, of any role, the body as JSON. Leaves out guests: they have none.",
    "refunds": "One row a refund, the body as JSON; `parent_id` is its order.",
    "products": "One row a product, the body as JSON. Leaves out variations.",
}


class RawConfig(dg.Config):
    """What to ask the shop for.

    pull: read what changed from the shop; without it, only the change rows that wait are merged.
    full: read everything again, and find what was deleted.
    reconcile: compare everything with the shop and mend what differs, in place of a pull.
    believe: take the shop's word where it suddenly lacks a large part of its records.
    retries: how often to try again after an error that a retry can help (the shop is down or busy), with pauses.
    """

    pull: bool = True
    full: bool = False
    reconcile: bool = False
    believe: bool = False
    retries: int = 3


def raw_assets(partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """Return the raw assets, partitioned by shop."""

    @dg.multi_asset(
        name="raw",
        specs=[
            dg.AssetSpec(["raw", table], group_name="raw", kinds={"dlt", "duckdb"}, owners=OWNERS, description=text)
            for table, text in DESCRIPTIONS.items()
        ],
        partitions_def=partitions,
    )
    def raw(
        context: dg.AssetExecutionContext, config: RawConfig, deployment: Deployment, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        shop, started = context.partition_key, monotonic()
        held = warehouse.of(shop)
        with told(progress_of(context, deployment), context.retry_number, config.retries):
            outcome = pull_shop(deployment, held, shop, config, context.run.run_id)
            rows, as_of = held.counts("raw"), datetime.fromisoformat(held.facts()["synced_at"])
        seconds = monotonic() - started
        for table in DESCRIPTIONS:
            changed = outcome.rows.get(table, 0)
            facts = facts_of(rows=rows.get(table, 0), changed=changed, as_of=as_of, seconds=seconds)
            asked = {"pages": outcome.pages, "requests": outcome.requests, "unreadable": outcome.unreadable}
            drift = {} if outcome.drift is None else drift_of(table, outcome.drift)
            doubts = {"not_believed": " ".join(outcome.doubts)} if outcome.doubts else {}
            yield dg.MaterializeResult(asset_key=["raw", table], metadata={**facts, **asked, **drift, **doubts})

    return raw


def drift_of(table: str, drift: Iterable[Drift]) -> dict[str, Any]:
    """Return the metadata of what a reconcile found in one table: records that differed, in all and by kind."""
    own = [one for one in drift if f"{one.object}s" == table]
    rows = [
        dg.TableRecord({"object": one.object, "kind": one.kind, "before": one.before, "after": one.after})
        for one in own
    ]
    columns = [
        dg.TableColumn("object", "string"),
        dg.TableColumn("kind", "string"),
        dg.TableColumn("before", "int"),
        dg.TableColumn("after", "int"),
    ]
    return {
        "drift_before": sum(one.before for one in own),
        "drift_after": sum(one.after for one in own),
        "drift": dg.MetadataValue.table(rows, schema=dg.TableSchema(columns)),
    }


def pull_shop(
    deployment: Deployment, warehouse: "Warehouse", shop: str, config: RawConfig, run_id: str
) -> "SyncOutcome":
    """Bring the shop's raw tables up to date and remember what the shop said of itself.

    The first run pulls whatever the configuration says: change rows alone make no copy of a shop, and there is nothing
    to compare. Takes change rows up to the inbox's own bound; the sensor asks for a further run while more of them
    wait. Raises ShopError, ShopChanged where it is not the shop that was accepted.
    """
    from pipelines.woocommerce.sync import sync_shop
    from regulars.inbox import open_inbox

    facts, started = warehouse.facts(), deployment.now()
    first = "synced_at" not in facts
    pull = config.pull or config.full or config.reconcile or first
    with deployment.client(shop) as client, open_inbox(deployment.settings) as inbox:
        outcome = sync_shop(
            client,
            warehouse=warehouse.path,
            pipelines_dir=deployment.paths.dlt,
            shop=shop,
            # Behind what is committed where a run was killed in between: the sync passes over what is already in.
            changes=inbox.pending(shop, facts.get("change_seq", 0)),
            pull=pull,
            full=config.full,
            reconcile=config.reconcile,
            believe=config.believe,
            overlap=timedelta(minutes=deployment.settings.overlap_minutes),
            report=deployment.progress(shop, run_id).stage,
            look=partial(known, deployment, shop, client, facts.get("url"), quick=not pull),
        )
    kind = kind_of_pull(pull=pull, everything=config.full or first, compared=config.reconcile)
    warehouse.remember(
        url=deployment.shop(shop).url,
        shop_name=outcome.shop_name,
        timezone=outcome.timezone,
        change_seq=outcome.last_change_seq,
        synced_at=started.isoformat() if pull else facts["synced_at"],
        sync={"run_id": run_id, "kind": kind, "pull": pull, "full": config.full, **_told(outcome, started)},
    )
    return outcome


def _told(outcome: "SyncOutcome", started: datetime) -> dict[str, Any]:
    """Return what the history keeps of a sync that ended, as JSON can hold it."""
    return {
        "started_at": started.isoformat(),
        "customers": outcome.customers_upserted,
        "orders": outcome.orders_upserted,
        "requests": outcome.requests,
        "seconds": round(outcome.seconds, 3),
        "drift": None if outcome.drift is None else [one.model_dump() for one in outcome.drift],
        "message": " ".join(outcome.doubts),
    }


def kind_of_pull(*, pull: bool, everything: bool, compared: bool) -> SyncKind:
    """Return what was read from the shop, in a word; the first pull reads everything, whatever was asked for."""
    if compared:
        return "reconcile"
    if not pull:
        return "changes"
    return "full" if everything else "pull"


def known(
    deployment: Deployment, shop: str, client: "ShopClient", copied_from: str | None, index: "ShopIndex", *, quick: bool
) -> None:
    """Let a sync go on if the shop is the one that was accepted. Raises what `regulars.shop.fingerprint` does."""
    from regulars.records import open_records
    from regulars.shop.fingerprint import known_shop

    with open_records(deployment.settings) as records:
        known_shop(
            records,
            deployment.shop(shop),
            client,
            index,
            copied_from=copied_from,
            at=deployment.now(),
            quick=quick,
        )
