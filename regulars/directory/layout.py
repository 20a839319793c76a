"""The contract between the one who publishes marts and everyone who reads them.

Under `REGULARS_DATA/published/<shop>/` lies one folder a version, each with `<table>.parquet` for every table of
`transforms.schemas.PUBLISHED` and a `manifest.json`. `CURRENT` holds one line: the version to read. A version never
changes once it has its name; publishing replaces `CURRENT` in one step.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from regulars.errors import DataFolderError, NewerSchema

if TYPE_CHECKING:
    import polars as pl

# 1: what people spent and who they are. 2: identities, more metrics, and observed history.
SCHEMA_VERSION = 2
# Tables that versions of schema 1 do not have; `scan_table` shows them without rows there.
SINCE_SCHEMA_2 = frozenset(
    {"identities", "identity_reviews", "person_tags", "segment_events", "segment_counts", "rfm_cuts_history"}
)
CURRENT = "CURRENT"
MANIFEST = "manifest.json"
LOCK = ".publish.lock"
WRITING = ".writing-"
VERSION = re.compile(r"\d{8}T\d{6}Z(-\d{3})?")

# Readers look people up by key and orders by person: sorted tables let Parquet's statistics skip nearly everything.
SORTED_BY: Mapping[str, tuple[tuple[str, bool], ...]] = {
    "customers": (("customer_key", False),),
    "customer_currencies": (("customer_key", False), ("currency", False)),
    "orders": (("customer_key", False), ("created_at", True), ("order_id", True)),
    "order_lines": (("order_id", False), ("line_id", False)),
    "refunds": (("customer_key", False), ("created_at", True), ("refund_id", True)),
    "products": (("product_id", False),),
    "segments": (("segment_id", False),),
    "segment_members": (("segment_id", False), ("customer_key", False)),
    "rfm_cuts": (("score", False), ("currency", False)),
    "identities": (("customer_key", False), ("identity", False)),
    "identity_reviews": (("email", False), ("reason", False)),
    "person_tags": (("customer_key", False),),
    # What is observed grows at its end.
    "segment_events": (("at", False), ("segment_id", False), ("customer_key", False)),
    "segment_counts": (("at", False), ("segment_id", False)),
    "rfm_cuts_history": (("at", False), ("score", False), ("currency", False)),
}
ROWS_A_GROUP = 20_000


class Manifest(BaseModel):
    """What one published version is. Times are UTC.

    `as_of` is the exclusive instant everything was computed for; `live` is False when it was asked for (a past day).
    `synced_at` is the start of the last pull from the shop; `change_seq` the last change row that is merged.
    `rows` counts the rows of each table; `records_token` is the state of segments and aliases it was derived from.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    schema_version: int
    shop: str
    shop_name: str
    version: str
    as_of: datetime
    timezone: str
    published_at: datetime
    synced_at: datetime
    change_seq: int = 0
    live: bool = True
    records_token: int = 0
    rows: dict[str, int] = {}
    dagster_run_id: str | None = None


def table_file(version_folder: Path, table: str) -> Path:
    """Return the file of `table` in a version's folder."""
    return version_folder / f"{table}.parquet"


def scan_table(version_folder: Path, table: str) -> "pl.LazyFrame":
    """Return a lazy frame over one table of a version, with exactly the columns of `PUBLISHED[table]`.

    This is the one way to open a table: what a version of an earlier release does not have is laid over it, so that
    readers need not know. A missing column is null (a list: empty), a missing table has no rows. Filters still reach
    the file. Raises FileNotFoundError, here or when it is collected, where the version was pruned in between.
    """
    import polars as pl  # noqa: PLC0415 - keeps whoever reads a manifest alone light

    from transforms.schemas import PUBLISHED, empty  # noqa: PLC0415 - likewise

    file = table_file(version_folder, table)
    try:
        found = file.stat()
    except FileNotFoundError:
        if table in SINCE_SCHEMA_2 and read_manifest(version_folder).schema_version < 2:
            return empty(PUBLISHED[table])
        raise
    absent = _absent_columns(file, table, found.st_mtime_ns)
    frame = pl.scan_parquet(file)
    schema = PUBLISHED[table]
    if absent:
        frame = frame.with_columns(
            pl.lit([] if isinstance(schema[name], pl.List) else None, dtype=schema[name]).alias(name) for name in absent
        )
    return frame.select(schema.keys())


@lru_cache(maxsize=200)
def _absent_columns(file: Path, table: str, _written: int) -> tuple[str, ...]:
    """Return the columns that a file does not have. Kept, by when it was written: large files have large footers."""
    import polars as pl  # noqa: PLC0415 - as in scan_table

    from transforms.schemas import PUBLISHED  # noqa: PLC0415 - likewise

    there = pl.read_parquet_schema(file)
    return tuple(name for name in PUBLISHED[table] if name not in there)


def version_name(published_at: datetime) -> str:
    """Return the name of a version published then; names sort by time, and `-001` and on tell apart one second's."""
    return published_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def versions(folder: Path) -> list[str]:
    """Return the names of the complete versions in a shop's folder, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if VERSION.fullmatch(entry.name) and entry.is_dir())


def current_version(folder: Path) -> str | None:
    """Return the version that `CURRENT` names, None where nothing is published. Raises DataFolderError on nonsense."""
    try:
        name = (folder / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DataFolderError(f"{folder / CURRENT} cannot be read: {type(error).__name__}.") from error
    if not VERSION.fullmatch(name):
        raise DataFolderError(f"{folder / CURRENT} does not name a version. Sync again, or delete the file.")
    return name


def read_manifest(version_folder: Path) -> Manifest:
    """Read a version's manifest. Raises FileNotFoundError when it is gone, NewerSchema, or DataFolderError."""
    text = (version_folder / MANIFEST).read_bytes()
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise DataFolderError(
            f"{version_folder / MANIFEST} is not a manifest ({error.error_count()} faults). Sync again to replace it."
        ) from None
    if manifest.schema_version > SCHEMA_VERSION:
        raise NewerSchema(
            f"The published data has schema {manifest.schema_version}, this Regulars reads up to {SCHEMA_VERSION}: "
            "update Regulars, or use another data folder."
        )
    return manifest


def current_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of the version that `CURRENT` names, None where nothing is published.

    Raises NewerSchema or DataFolderError. A version that vanishes in between is read again under its newer name.
    """
    for _ in range(3):
        version = current_version(folder)
        if version is None:
            return None
        try:
            return read_manifest(folder / version)
        except FileNotFoundError:
            continue
    raise DataFolderError(f"{folder / CURRENT} names a version that is not there. Sync again to publish one.")
