"""This machine: what is configured, the data folder, room, versions, the stores."""

import platform
import stat
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from regulars.doctor.findings import Finding
from regulars.doctor.pace import free_bytes, gigabytes
from regulars.errors import RegularsError
from regulars.paths import DataPaths
from regulars.records import open_records
from regulars.settings import Settings
from regulars.sqlite import WAL_SAFE, sqlite

LITTLE_BYTES: Final = 2_000_000_000


def check_house(settings: Settings, say: Callable[[str], None]) -> Iterator[Finding]:
    """Yield what is found on this machine, whatever the shops."""
    say("looking at this machine")
    for shop, sentence in settings.broken_shops.items():
        advice = "The other shops go on without it. Mend its table, or set the variable that it names."
        yield Finding("settings", ok=False, message=sentence, advice=advice, shop=shop)
    yield _versions()
    yield _folder(settings.data_dir)
    yield _room(settings.data_dir)
    yield _mongodb(settings) if settings.mongodb_uri else _sqlite(settings)


def _versions() -> Finding:
    try:
        ours = version("regulars")
    except PackageNotFoundError:  # run from its source without being installed
        ours = "from source"
    said = f"Regulars {ours}, Python {platform.python_version()}, SQLite {sqlite.sqlite_version}."
    if sqlite.sqlite_version_info < WAL_SAFE:
        advice = "Install pysqlite3, which brings a newer one: change rows are then stored several times as fast."
        message = f"{said} This SQLite can damage files in WAL mode, so they are kept without it, more slowly."
        return Finding("versions", ok=None, message=message, advice=advice)
    return Finding("versions", ok=True, message=said)


def _folder(folder: Path) -> Finding:
    shown = folder.absolute()
    if not folder.exists():
        return Finding("data folder", ok=True, message=f"{shown} is made by the first sync.")
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        advice = f"Give its user the right to write there, or name another folder in REGULARS_DATA (now {shown})."
        return Finding("data folder", ok=False, message=f"{shown} cannot be written: {error.strerror}.", advice=advice)
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        message = f"{shown} can be read by other users of this machine; it holds personal data."
        return Finding("data folder", ok=None, message=message, advice=f"Run `chmod 700 {shown}`.")
    return Finding("data folder", ok=True, message=f"{shown} can be written, and read by its owner alone.")


def _room(folder: Path) -> Finding:
    free = free_bytes(folder)
    if free < LITTLE_BYTES:
        message = f"{gigabytes(free)} are free where the data lie."
        return Finding("room", ok=False, message=message, advice="A full disk stops deliveries and syncs. Free some.")
    return Finding("room", ok=True, message=f"{gigabytes(free)} are free where the data lie.")


def _sqlite(settings: Settings) -> Finding:
    if not DataPaths(settings.data_dir).records.exists():
        return Finding(
            "records", ok=True, message="Notes, tags and segments will be kept in a file of the data folder."
        )
    return _opened(settings, "Notes, tags and segments can be read from the data folder.")


def _mongodb(settings: Settings) -> Finding:
    return _opened(settings, "MongoDB answers, and is a replica set with records that can be read.")


def _opened(settings: Settings, well: str) -> Finding:
    try:
        with open_records(settings) as records:
            records.change_token()
    except RegularsError as error:
        return Finding("records", ok=False, message=error.message)
    return Finding("records", ok=True, message=well)
