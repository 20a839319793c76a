"""A deployment to back up and restore: real stores, a real warehouse, a published version; and all that it holds."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from regulars.directory.layout import current_version
from regulars.inbox import open_inbox
from regulars.paths import DataPaths
from regulars.records import open_records
from regulars.settings import Settings, load_settings
from tests.regulars.directory.builders import a_buyer, publish_people
from tests.regulars.inbox.deliveries import a_delivery, of_order
from tests.regulars.records.builders import everything

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
STORES = ("sqlite", "mongodb")


def settings_of(data: Path, uri: str | None = None) -> Settings:
    """Return the settings of a deployment."""
    return load_settings(data_dir=data, mongodb_uri=uri, _env_file=None)


def in_database(uri: str, name: str) -> str:
    """Return the address of another database of the test."""
    return re.sub(r"(test_[0-9a-f]+)", rf"\1_{name}", uri)


def fill(settings: Settings, shop: str = "east", people: int = 3) -> None:
    """Write something of everything into an empty deployment."""
    with open_records(settings) as records:
        everything(records)
    fill_shop(settings, shop, people)


def fill_shop(settings: Settings, shop: str, people: int) -> None:
    """Write what a shop brings."""
    paths = DataPaths(settings.data_dir)
    with open_records(settings) as records:
        records.add_note(shop, "woo:1", f"{people} people", "ana")
    with open_inbox(settings) as inbox:
        inbox.commit([of_order(number) for number in range(people)])
        inbox.commit([a_delivery(b"\x00\xff", shop=shop)])
    paths.warehouse(shop).parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(paths.warehouse(shop)) as warehouse:
        warehouse.execute("CREATE TABLE deleted AS SELECT range AS id FROM range(?)", [people])
    publish_people(paths.published(shop), [a_buyer(number) for number in range(1, people + 1)])


def held(settings: Settings) -> dict[str, Any]:
    """Return everything that a deployment holds, but how far its inbox has counted: that only ever grows."""
    paths = DataPaths(settings.data_dir)
    with open_records(settings) as records, open_inbox(settings) as inbox:
        rows = [*records.dump(), *(row for row in inbox.dump() if row["table"] == "change_rows")]
    published = {}
    for folder in sorted(paths.published("x").parent.glob("*")):
        version = current_version(folder)
        if version:
            published[f"{folder.name}/{version}"] = {
                file.name: file.read_bytes() for file in sorted((folder / version).glob("*.[pj]*"))
            }
    warehouses = {file.name: file.read_bytes() for file in sorted(paths.warehouse("x").parent.glob("*.duckdb*"))}
    return {"rows": rows, "published": published, "warehouses": warehouses}


def names_in(folder: Path) -> set[str]:
    """Return what lies directly in a folder."""
    return {path.name for path in folder.iterdir()} if folder.exists() else set()
