"""Publish marts as a new immutable version, in one step that readers either see whole or not at all."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock, Timeout

from regulars.directory.layout import (
    CURRENT,
    LOCK,
    MANIFEST,
    ROWS_A_GROUP,
    SCHEMA_VERSION,
    SORTED_BY,
    WRITING,
    Manifest,
    current_version,
    table_file,
    version_name,
    versions,
)
from regulars.directory.lookup import remove_lookups, write_lookups
from regulars.durable import bring_to_disk
from regulars.errors import DataFolderError
from transforms.schemas import OBSERVED, PUBLISHED, conform

LOCK_SECONDS = 120.0


def publish(
    folder: Path, tables: Mapping[str, pl.LazyFrame | pl.DataFrame], manifest: Mapping[str, Any], keep: int
) -> str:
    """Write `tables` as a new version of a shop's published marts, make it the current one, and return its name.

    Args:
        folder: The shop's folder, `DataPaths.published(shop)`; made when missing.
        tables: Every table of `PUBLISHED`, with at least its columns; those of `OBSERVED` in the order of `SORTED_BY`.
        manifest: The fields of `Manifest` without `schema_version`, `version` and `rows`, which are filled in here.
        keep: How many versions stay, the current one among them; older ones are removed.

    Raises:
        DataFolderError: A table is missing, another publish does not end, or the disk refuses.
    """
    missing = sorted(set(PUBLISHED) - set(tables))
    if missing:
        raise DataFolderError(f"A publish needs every table; missing: {', '.join(missing)}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK, timeout=LOCK_SECONDS):
            return _publish_locked(folder, tables, manifest, keep)
    except Timeout:
        raise DataFolderError(f"Another publish has held {folder / LOCK} for {LOCK_SECONDS:.0f} s.") from None
    except OSError as error:
        raise DataFolderError(f"{folder} cannot be written: {error.strerror or type(error).__name__}.") from error


def _publish_locked(
    folder: Path, tables: Mapping[str, pl.LazyFrame | pl.DataFrame], manifest: Mapping[str, Any], keep: int
) -> str:
    _remove_leftovers(folder)
    writing = Path(tempfile.mkdtemp(prefix=WRITING, dir=folder))
    try:
        rows = _write_tables(writing, tables)
        write_lookups(writing)
        version = _free_name(folder, Manifest(**{**manifest, "version": "", "schema_version": SCHEMA_VERSION}))
        complete = Manifest(**{**manifest, "version": version, "schema_version": SCHEMA_VERSION, "rows": rows})
        (writing / MANIFEST).write_text(complete.model_dump_json(indent=2) + "\n", encoding="utf-8")
        for entry in writing.iterdir():
            bring_to_disk(entry)
        bring_to_disk(writing)
        writing.chmod(0o755)
        writing.rename(folder / version)
    except BaseException:
        shutil.rmtree(writing, ignore_errors=True)
        raise
    bring_to_disk(folder)
    _point_to(folder, version)
    _prune(folder, keep)
    return version


def _write_tables(writing: Path, tables: Mapping[str, pl.LazyFrame | pl.DataFrame]) -> dict[str, int]:
    """Write the tables one after the other and return the rows of each.

    Not all at once: when one fails, the others would go on writing into a folder that is being removed.
    """
    rows = {}
    for name, schema in PUBLISHED.items():
        file = table_file(writing, name)
        ordered = conform(tables[name].lazy(), schema)
        if name not in OBSERVED:  # what grows comes in its order: millions of rows need no sort for ten new ones
            columns, descending = zip(*SORTED_BY[name], strict=True)
            ordered = ordered.sort(columns, descending=descending, nulls_last=True)
        ordered.sink_parquet(file, row_group_size=ROWS_A_GROUP, statistics=True, engine="streaming")
        rows[name] = int(pl.scan_parquet(file).select(pl.len()).collect().item())
    return rows


def _free_name(folder: Path, manifest: Manifest) -> str:
    """Return a name later than every version there: a clock set back must not make the newest version the oldest."""
    newest = max(versions(folder), default="")
    name = version_name(manifest.published_at)
    if name > newest:
        return name
    base, _, number = newest.partition("-")
    return f"{base}-{int(number or 0) + 1:03d}"


def _point_to(folder: Path, version: str) -> None:
    """Replace `CURRENT` atomically: a reader sees the old version or the new one, never half a line."""
    temporary = folder / f"{CURRENT}.new"
    temporary.write_text(f"{version}\n", encoding="utf-8")
    bring_to_disk(temporary)
    temporary.replace(folder / CURRENT)
    bring_to_disk(folder)


def _prune(folder: Path, keep: int) -> None:
    """Remove old versions, and the derived files of all but the last two: those are large, and only readers use them."""
    current = current_version(folder)
    older = [version for version in versions(folder) if version != current]
    for version in older[: len(older) + 1 - max(keep, 1)]:
        shutil.rmtree(folder / version, ignore_errors=True)
    for version in older[:-1]:
        remove_lookups(folder / version)


def _remove_leftovers(folder: Path) -> None:
    """Remove what a killed publish left behind; the lock says that nobody is writing it."""
    for entry in folder.glob(f"{WRITING}*"):
        shutil.rmtree(entry, ignore_errors=True)
