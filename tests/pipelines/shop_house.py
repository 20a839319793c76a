"""A demo shop on a port, a data folder beside it, and the real jobs run in this process."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from demo_shop.changes import Shop
from demo_shop.generate import generate
from demo_shop.server import create_app, serve
from demo_shop.store import DEMO_KEY
from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import PARTITION_TAG
from pipelines.run import QUIET
from pipelines.warehouse import Warehouse
from regulars.directory.layout import Manifest, current_manifest, table_file
from regulars.records import open_records
from regulars.records.sql import SqlRecords
from regulars.settings import load_settings, process_environment

NAME = "house"


def small_shop() -> Shop:
    """Return a shop of about 60 people: the same each time, ids and all."""
    return generate(60, seed=7, today=date(2026, 11, 1))


class House:
    """One shop, its data folder, and Dagster's instance for them."""

    def __init__(self, shop: Shop, url: str, folder: Path, instance: dg.DagsterInstance) -> None:
        from pipelines.definitions import build

        self.shop, self.url, self.folder, self.instance = shop, url, folder, instance
        self.deployment = Deployment()
        self.paths = self.deployment.paths
        self.warehouse = Warehouse(self.paths.warehouse(NAME))
        self.defs = build(load_settings())

    def run(self, job: str = "sync", resources: dict[str, Any] | None = None, **raw: Any) -> dg.ExecuteInProcessResult:
        """Run a job in this process without raising; `raw` are the options of `RawConfig`."""
        config: dict[str, Any] = {**QUIET}
        if job == "sync":
            config["ops"] = {"raw": {"config": {"retries": 0, **raw}}}
        if resources:
            config["resources"] = resources
        shop: dict[str, Any] = {"tags": {PARTITION_TAG: NAME}} if job == "expectations" else {"partition_key": NAME}
        return self.defs.resolve_job_def(job).execute_in_process(
            run_config=config, instance=self.instance, raise_on_error=False, **shop
        )

    def manifest(self) -> Manifest:
        """Return the published manifest."""
        manifest = current_manifest(self.paths.published(NAME))
        assert manifest is not None
        return manifest

    def published(self, table: str) -> pl.DataFrame:
        """Return a published table."""
        return pl.read_parquet(table_file(self.paths.published(NAME) / self.manifest().version, table))

    def one(self, table: str, **where: Any) -> dict[str, Any]:
        """Return the one row of a published table that has these values."""
        rows = self.published(table).filter(**where).to_dicts()
        assert len(rows) == 1, f"{len(rows)} rows of {table} have {where}"
        return rows[0]

    def records(self) -> SqlRecords:
        """Open the records."""
        return open_records(load_settings())

    def execute(self, statement: str, values: Any = None) -> None:
        """Change the warehouse behind everybody's back."""
        with self.warehouse.connect() as connection:
            connection.execute(statement, values)

    def environment(self) -> dict[str, str]:
        """Return the environment of a process beside this one: the same settings."""
        return process_environment()


@contextmanager
def house_at(folder: Path, data_from: Path | None = None) -> Iterator[House]:
    """Open a house whose data lie in `folder`, copied from another one's where given; its shop is always new."""
    if data_from:
        shutil.copytree(data_from, folder, ignore=shutil.ignore_patterns("instance"))
    folder.mkdir(parents=True, exist_ok=True)
    shop = small_shop()
    with serve(create_app(shop)) as url, pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "WOOCOMMERCE_URL": url,
            "WOOCOMMERCE_CONSUMER_KEY": DEMO_KEY.consumer_key,
            "WOOCOMMERCE_CONSUMER_SECRET": DEMO_KEY.consumer_secret,
            "REGULARS_SHOP": NAME,
            "REGULARS_DATA": str(folder),
        }.items():
            patch.setenv(name, value)
        patch.delenv("DAGSTER_HOME", raising=False)
        home = folder / "instance"
        home.mkdir(exist_ok=True)
        with dg.DagsterInstance.local_temp(str(home)) as instance:
            yield House(shop, url, folder, instance)


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """Return what a failed run says in Dagster: the first failed step's own words, else the run's."""
    assert not result.success
    steps = [event for event in result.all_events if event.is_step_failure]
    if steps:
        data = steps[0].step_failure_data.user_failure_data
        return data.description if data and data.description else str(steps[0].step_failure_data.error)
    return "\n".join(event.message or "" for event in result.all_events if event.is_failure)
