"""Making a backup, while everything runs: nobody has to stop for it."""

import fcntl
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from regulars.backup.files import Sum, copy_file, json_lines, sync_folders, write_file
from regulars.backup.layout import FORMAT, INBOX, MANIFEST, RECORDS, Manifest
from regulars.backup.unfinished import refuse_half_restored
from regulars.configured import SHOP_NAME
from regulars.directory.layout import CURRENT, current_version
from regulars.durable import bring_to_disk
from regulars.errors import BackupError, WarehouseBusy
from regulars.inbox import open_inbox
from regulars.paths import DataPaths
from regulars.records import open_records
from regulars.settings import Settings

# A sync holds its warehouse for minutes, a first one for longer: then a backup is better made after it.
PATIENCE_SECONDS = 900.0
WRITING = ".writing-"


def backup(
    settings: Settings, target: Path, *, made_at: datetime, patience: float = PATIENCE_SECONDS, hold: bool = True
) -> Manifest:
    """Write a backup of everything these settings name into the new folder `target`; return what is in it.

    The folder appears when it is complete, and not at all where anything fails. It holds each warehouse and published
    version as they were before its records, and those before its change rows: what is merged again harms nothing, while
    a row that was merged but not kept would be missed. `hold`: False where the caller holds the warehouses already.

    Raises BackupError where `target` is there already or cannot be written, WarehouseBusy where a sync holds a
    warehouse for longer than `patience` seconds, and what the stores raise.
    """
    target, paths = target.absolute(), DataPaths(settings.data_dir.absolute())
    refuse_half_restored(paths.root)
    if settings.mongodb_uri is None and not paths.root.is_dir():
        raise BackupError(f"There is nothing to back up: {paths.root} is not there. Is REGULARS_DATA right?")
    _refuse_present(target)
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _written_aside(target) as folder:
            manifest = _fill(folder, settings, paths, made_at, patience if hold else None)
            write_file(folder / MANIFEST, [manifest.to_json()])
            sync_folders(folder)
            _refuse_present(target)
            folder.rename(target)
            bring_to_disk(target.parent)
    except OSError as error:
        raise BackupError(f"The backup {target} cannot be written: {error.strerror or error}.") from error
    return manifest


def shops_with_warehouse(paths: DataPaths) -> list[str]:
    """Return the shops that have a warehouse, configured or not."""
    found = paths.warehouse("x").parent.glob("*.duckdb")
    return sorted(path.stem for path in found if SHOP_NAME.fullmatch(path.stem) and path.is_file())


def shops_published(paths: DataPaths) -> list[str]:
    """Return the shops that have a published version, configured or not."""
    found = paths.published("x").parent.glob(f"*/{CURRENT}")
    return sorted(path.parent.name for path in found if SHOP_NAME.fullmatch(path.parent.name))


def warehouse_files(path: Path) -> list[Path]:
    """Return the file of a warehouse, and the log beside it where a killed run left one."""
    return [file for file in (path, path.with_name(f"{path.name}.wal")) if file.exists()]


def _fill(folder: Path, settings: Settings, paths: DataPaths, made_at: datetime, patience: float | None) -> Manifest:
    files: dict[str, Sum] = {}
    warehouses = shops_with_warehouse(paths)
    for shop in warehouses:
        files |= _copy_warehouse(paths, shop, folder, patience)
    published: dict[str, str] = {}
    for shop in shops_published(paths):
        published[shop], copied = _copy_published(paths.published(shop), shop, folder)
        files |= copied
    records, changes = Counter[str](), Counter[str]()
    with open_records(settings) as store:
        files[RECORDS] = write_file(folder / RECORDS, json_lines(_counted(store.dump(), records)))
    with open_inbox(settings) as inbox:
        files[INBOX] = write_file(folder / INBOX, json_lines(_counted(inbox.dump(), changes)))
    return Manifest(
        format=FORMAT,
        made_at=made_at,
        regulars=version("regulars"),
        store="sqlite" if settings.mongodb_uri is None else "mongodb",
        records=dict(records),
        change_rows=changes["change_rows"],
        warehouses=warehouses,
        published=published,
        files=files,
    )


def _copy_warehouse(paths: DataPaths, shop: str, folder: Path, patience: float | None) -> dict[str, Sum]:
    """Copy a warehouse while no run has it open; `patience` None where it is held already."""
    path = paths.warehouse(shop)
    try:
        with nullcontext() if patience is None else FileLock(paths.warehouse_lock(shop), timeout=patience):
            return {
                f"warehouse/{file.name}": copy_file(file, folder / "warehouse" / file.name)
                for file in warehouse_files(path)
            }
    except Timeout:
        raise WarehouseBusy(
            f"A sync has held the warehouse of {shop!r} for more than {patience:.0f} s: back up after it."
        ) from None


def _copy_published(source: Path, shop: str, folder: Path) -> tuple[str, dict[str, Sum]]:
    """Copy the current version of a shop. One that is pruned in the middle gives way to its successor."""
    for _ in range(3):
        name = current_version(source)
        if name is None:
            break
        target = folder / "published" / shop
        try:
            copied = {
                f"published/{shop}/{name}/{file.name}": copy_file(file, target / name / file.name)
                for file in sorted((source / name).iterdir())
                if file.suffix in (".parquet", ".json")  # whatever else lies there was worked out from these
            }
        except FileNotFoundError:
            shutil.rmtree(target, ignore_errors=True)
            continue
        copied[f"published/{shop}/{CURRENT}"] = write_file(target / CURRENT, [f"{name}\n".encode()])
        return name, copied
    raise BackupError(f"{source / CURRENT} names a version that is not there. Sync again to publish one.")


def _counted(rows: Iterable[Mapping[str, Any]], counts: Counter[str]) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        counts[row["table"]] += 1
        yield row


def _refuse_present(target: Path) -> None:
    if target.is_symlink() or target.exists():
        raise BackupError(f"{target} is there already: name a folder that is not, nothing is overwritten.")


@contextmanager
def _written_aside(target: Path) -> Iterator[Path]:
    """A folder beside `target` to write into, removed unless it was renamed; those of killed backups are removed too.

    It is locked for as long as it is written, so that a dead one can be told from another backup at work.
    """
    prefix = f".{target.name}{WRITING}"
    for leftover in target.parent.glob(f"{prefix}*"):
        with _locked(leftover) as dead:
            if dead:
                shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        with _locked(folder):
            yield folder
    finally:
        if folder.exists():
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder, where nobody else does; tell whether."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            mine = False
        else:
            mine = True
        yield mine
    finally:
        os.close(descriptor)
