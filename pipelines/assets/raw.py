"""Raw: the shop's bodies as they came, merged by id through dlt."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import dagster as dg

from pipelines.assets.describe import OWNERS, facts_of
from pipelines.failures import told
from pipelines.history import Kind, progress_of
from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import WarehouseResource
from regulars.errors import SettingsError

if TYPE_CHECKING:
    from pipelines.warehouse import Warehouse
    from pipelines.woocommerce.sync import SyncOutcome

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
            yield dg.MaterializeResult(asset_key=["raw", table], metadata={**facts, "requests": outcome.requests})

    return raw


def pull_shop(
    deployment: Deployment, warehouse: "Warehouse", shop: str, config: RawConfig, run_id: str
) -> "SyncOutcome":
    """Bring the shop's raw tables up to date and remember what the shop said of itself.

    The first run pulls whatever the configuration says: change rows alone make no copy of a shop. Takes change rows up
    to the inbox's own bound; the sensor asks for a further run while more of them wait. Raises ShopError.
    """
    from pipelines.woocommerce.sync import applied_change_seq, sync_shop
    from regulars.inbox import open_inbox

    paths, shop_config, facts = deployment.paths, deployment.shop(shop), warehouse.facts()
    refuse_other_shop(shop, facts.get("url"), shop_config.url)
    pull = config.pull or config.full or "synced_at" not in facts
    started = deployment.now()
    with deployment.client(shop) as client, open_inbox(deployment.settings) as inbox:
        outcome = sync_shop(
            client,
            warehouse=warehouse.path,
            pipelines_dir=paths.dlt,
            shop=shop,
            changes=inbox.pending(shop, applied_change_seq(warehouse.path, paths.dlt, shop)),
            pull=pull,
            full=config.full,
            overlap=timedelta(minutes=deployment.settings.overlap_minutes),
            report=deployment.progress(shop, run_id).stage,
        )
    warehouse.remember(
        url=shop_config.url,
        shop_name=outcome.shop_name,
        timezone=outcome.timezone,
        change_seq=outcome.last_change_seq,
        synced_at=started.isoformat() if pull else facts["synced_at"],
        sync={
            "run_id": run_id,
            "started_at": started.isoformat(),
            "kind": kind_of_pull(pull=pull, everything=config.full or "synced_at" not in facts),
            "pull": pull,
            "full": config.full,
            "customers": outcome.customers_upserted,
            "orders": outcome.orders_upserted,
            "requests": outcome.requests,
            "seconds": round(outcome.seconds, 3),
        },
    )
    return outcome


def kind_of_pull(*, pull: bool, everything: bool) -> Kind:
    """Return what was read from the shop, in a word; the first pull reads everything, whatever was asked for."""
    if not pull:
        return "changes"
    return "full" if everything else "pull"


def refuse_other_shop(shop: str, known: str | None, url: str) -> None:
    """Raise SettingsError if the warehouse was filled from another address than `url`.

    Two shops in one warehouse would overwrite each other's orders, as ids repeat. A shop that moves to HTTPS is the same
    shop. A loopback address is a demo or a tunnel, whose port may change from start to start.
    """
    if known is None or urlsplit(known).hostname in ("127.0.0.1", "localhost", "::1"):
        return
    if urlsplit(known)[1:3] == urlsplit(url)[1:3]:
        return
    raise SettingsError(
        f"The data folder holds {known} under the name {shop!r}, whose address is now set to {url}. "
        "Give the other shop a name of its own in REGULARS_SHOP, or name another folder in REGULARS_DATA."
    )
