"""Files of backups: written for their owner alone, summed while they are written, and on disk when they are done."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict

from regulars.durable import bring_to_disk

CHUNK = 1024 * 1024


class Sum(BaseModel):
    """Size and SHA-256 of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: str


def write_file(path: Path, chunks: Iterable[bytes]) -> Sum:
    """Write a new file of these bytes, and its folders; return its sum. Raises OSError, FileExistsError among them."""
    make_folder(path.parent)
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return Sum(bytes=size, sha256=digest.hexdigest())


def copy_file(source: Path, target: Path) -> Sum:
    """Copy a file into a new one; return the sum of what was written. Raises OSError."""
    return write_file(target, chunks_of(source))


def chunks_of(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file. Raises OSError."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def json_lines(rows: Iterable[object]) -> Iterator[bytes]:
    """Yield a line of JSON for each row."""
    return (orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, for their owner alone."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def sync_folders(folder: Path) -> None:
    """Bring the names in a folder, and in all folders below it, to disk."""
    for entry in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        bring_to_disk(entry)
