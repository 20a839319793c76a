"""Restoring a backup: checked first, made ready aside, then put in place, wholly or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from regulars.backup.files import copy_file, make_folder, sync_folders
from regulars.backup.layout import INBOX, RECORDS, Manifest, lines, read_manifest, verify
from regulars.backup.make import backup, shops_published, shops_with_warehouse, warehouse_files
from regulars.backup.switch import STAGE, Switch, begin, begun, finish, give_up
from regulars.errors import BackupError, InboxError, NewerSchema, RecordsError, RecordsUnavailable, WarehouseBusy
from regulars.inbox import open_inbox
from regulars.inbox.sqlite import SqliteInbox
from regulars.paths import DataPaths
from regulars.records import open_records
from regulars.records.sql import SqlRecords
from regulars.settings import Settings
from regulars.up import owned

# What SQLite keeps beside a file that is open, or was when its process was killed.
BESIDE = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Restored:
    """What was restored, and the folder that keeps what was there before, if something was."""

    manifest: Manifest
    aside: Path | None


def restore(settings: Settings, source: Path, *, replace: bool, now: datetime) -> Restored:
    """Restore the backup `source` into what these settings name: a data folder, and MongoDB where they name one.

    With `replace`, what is there is moved aside first. A restore that was broken off goes on.

    Raises FolderInUse while `regulars up` owns the data folder, WarehouseBusy while a sync runs, BackupError where the
    backup is none or damaged or where something is there already, NewerSchema, and what the stores raise.
    """
    paths, source = DataPaths(settings.data_dir.absolute()), source.absolute()
    try:
        make_folder(paths.root)
        with owned(paths.root):
            if (switch := begun(paths.root)) is not None:
                done = _go_on(settings, paths, switch)
                if not source.exists() or read_manifest(source).digest == done.manifest.digest:
                    return done
            manifest = read_manifest(source)
            verify(source, manifest)
            there = _what_is_there(settings, paths)
            if there and not replace:
                where = f"{paths.root} and MongoDB" if settings.mongodb_uri is not None else str(paths.root)
                raise BackupError(
                    f"There are {' and '.join(there)} in {where} already: restore into an empty REGULARS_DATA"
                    f"{' and database' if settings.mongodb_uri is not None else ''}, or add --replace, which keeps what "
                    "is there aside."
                )
            with _no_sync(paths, manifest):
                return _restore(settings, paths, source, manifest, aside_at=now if there else None)
    except OSError as error:
        raise BackupError(f"{paths.root} cannot be restored into: {error.strerror or error}.") from error


def _go_on(settings: Settings, paths: DataPaths, switch: Switch) -> Restored:
    if switch.mongodb != (settings.mongodb_uri is not None):
        raise BackupError(
            f"The restore that was broken off in {paths.root} was {'' if switch.mongodb else 'not '}into MongoDB: set "
            "MONGODB_URI as it was then."
        )
    with _no_sync(paths, switch.manifest):
        finish(settings, paths.root, switch, replace=True)
    return Restored(switch.manifest, paths.root / switch.aside if switch.aside else None)


def _restore(
    settings: Settings, paths: DataPaths, source: Path, manifest: Manifest, aside_at: datetime | None
) -> Restored:
    root = paths.root
    aside = None if aside_at is None else _free_name(root, aside_at)
    shutil.rmtree(root / STAGE, ignore_errors=True)
    mongodb = settings.mongodb_uri is not None
    try:
        _stage(source, root / STAGE, manifest, mongodb=mongodb)
        if mongodb and aside is not None:
            backup(settings, root / aside, made_at=aside_at or manifest.made_at, hold=False)
        old = f"{STAGE}/old" if mongodb or aside is None else aside
        away = [(name, f"{old}/{name}") for name in _files_there(paths, mongodb=mongodb)]
        into = _staged(root, mongodb=mongodb)
        sync_folders(root / STAGE)
    except BaseException:
        shutil.rmtree(root / STAGE, ignore_errors=True)
        raise
    switch = Switch(manifest=manifest, away=away, into=into, aside=aside, mongodb=mongodb)
    begin(root, switch)
    try:
        finish(settings, root, switch, replace=aside is not None)
    except RecordsUnavailable:
        raise  # the server went away in the middle: the next call goes on
    except RecordsError:  # somebody wrote in between: nothing was done
        give_up(root)
        raise
    return Restored(manifest, root / aside if aside else None)


def _stage(source: Path, stage: Path, manifest: Manifest, *, mongodb: bool) -> None:
    """Make everything new ready in `stage`, from files whose sums are right."""
    for name, expected in manifest.files.items():
        if copy_file(source / name, stage / name) != expected:
            raise BackupError(f"{source / name} changed while it was restored. Try again, or restore another backup.")
    if not mongodb:
        paths = DataPaths(stage)
        with SqlRecords(paths.records) as records:
            records.load(lines(stage / RECORDS))
        with SqliteInbox(paths.inbox) as inbox:
            inbox.load(lines(stage / INBOX))


def _staged(root: Path, *, mongodb: bool) -> list[tuple[str, str]]:
    """Return what of the stage goes where: stores, warehouses, and each shop's published folder as one."""
    stage = DataPaths(root / STAGE)
    ready = [] if mongodb else _stores(stage)
    ready += sorted(path for path in stage.warehouse("x").parent.glob("*") if path.suffix != ".lock")
    ready += sorted(stage.published("x").parent.glob("*"))
    places = [str(path.relative_to(stage.root)) for path in ready]
    return [(f"{STAGE}/{place}", place) for place in places]


def _files_there(paths: DataPaths, *, mongodb: bool) -> list[str]:
    """Return what has to make room, as places in the data folder."""
    there = [] if mongodb else _stores(paths)
    for shop in shops_with_warehouse(paths):
        there += warehouse_files(paths.warehouse(shop))
    there += [path for path in sorted(paths.published("x").parent.glob("*")) if path.is_dir()]
    return [str(path.relative_to(paths.root)) for path in there]


def _stores(paths: DataPaths) -> list[Path]:
    files = (file.with_name(f"{file.name}{end}") for file in (paths.records, paths.inbox) for end in BESIDE)
    return [file for file in files if file.exists()]


def _what_is_there(settings: Settings, paths: DataPaths) -> list[str]:
    """Return in words what a restore would have to replace."""
    found = {
        "records": _has_records(settings, paths),
        "change rows": _has_change_rows(settings, paths),
        "warehouses": bool(shops_with_warehouse(paths)),
        "published data": bool(shops_published(paths)),
    }
    return [name for name, there in found.items() if there]


def _has_records(settings: Settings, paths: DataPaths) -> bool:
    embedded = settings.mongodb_uri is None
    if embedded and not paths.records.exists():
        return False
    try:
        with open_records(settings) as records:
            return any(row["table"] != "change_token" for row in records.dump())
    except (RecordsError, NewerSchema):
        if embedded:
            return True  # a file that cannot be read is often the reason for a restore: it is kept, not lost
        raise


def _has_change_rows(settings: Settings, paths: DataPaths) -> bool:
    embedded = settings.mongodb_uri is None
    if embedded and not paths.inbox.exists():
        return False
    try:
        with open_inbox(settings) as inbox:
            return any(row["table"] == "change_rows" for row in inbox.dump())
    except (InboxError, NewerSchema):
        if embedded:
            return True
        raise


@contextmanager
def _no_sync(paths: DataPaths, manifest: Manifest) -> Iterator[None]:
    """Hold the warehouses of all shops, old and new."""
    with ExitStack() as held:
        for shop in sorted({*shops_with_warehouse(paths), *manifest.warehouses}):
            lock = paths.warehouse_lock(shop)
            make_folder(lock.parent)
            try:
                held.enter_context(FileLock(lock, timeout=0))
            except Timeout:
                raise WarehouseBusy(f"A sync of {shop!r} is running: restore after it.") from None
        yield


def _free_name(root: Path, now: datetime) -> str:
    name = f"replaced-{now:%Y%m%dT%H%M%SZ}"
    taken = [path.name for path in root.glob(f"{name}*")]
    return name if name not in taken else f"{name}-{len(taken)}"
