"""What lies in a backup, and the check that it is all there and as it was written.

    manifest.json                        what is in it, with the SHA-256 of every file and of itself
    records.jsonl, inbox.jsonl           the rows of `Records.dump` and `Inbox.dump`, one a line
    warehouse/<shop>.duckdb              deletion dates and what the shop forgot exist nowhere else
    published/<shop>/CURRENT, <version>/ so that a restored app shows data at once

It holds personal data and keys: folders are 0700, files 0600.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from regulars.backup.files import CHUNK, Sum
from regulars.errors import BackupError, InboxError, NewerSchema, RecordInvalid
from regulars.inbox.rows import carried
from regulars.records.portable import read_rows

FORMAT = 2  # 1 had no drift in its syncs, no fingerprints and no webhooks; it is read as well
MANIFEST = "manifest.json"
RECORDS, INBOX = "records.jsonl", "inbox.jsonl"
_SHOP = r"[a-z0-9][a-z0-9_-]{0,39}"
_VERSION = r"\d{8}T\d{6}Z(-\d{3})?"
# Names come from a file that may be anybody's: nothing outside these places is ever written.
_NAME = re.compile(
    rf"records\.jsonl|inbox\.jsonl|warehouse/{_SHOP}\.duckdb(\.wal)?|"
    rf"published/{_SHOP}/(CURRENT|{_VERSION}/[a-z_]+\.(parquet|json))"
)


class Manifest(BaseModel):
    """What one backup holds. `made_at` is UTC.

    `records` counts the rows of each table of the records, `change_rows` those of the inbox; `store` is what they were
    taken from. `warehouses` names shops, `published` the version of each shop. `files` has every file by its name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    made_at: datetime
    regulars: str
    store: str
    records: dict[str, int]
    change_rows: int
    warehouses: list[str]
    published: dict[str, str]
    files: dict[str, Sum]

    @property
    def digest(self) -> str:
        """The SHA-256 of what the manifest says, by which a backup is told from others."""
        return hashlib.sha256(orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def to_json(self) -> bytes:
        """Return the text of `manifest.json`."""
        said = {**self.model_dump(mode="json"), "sha256": self.digest}
        return orjson.dumps(said, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read_manifest(folder: Path) -> Manifest:
    """Read what a backup holds. Raises BackupError where it is none or was changed, NewerSchema for a newer one."""
    try:
        said = orjson.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise BackupError(f"{folder} is no backup: it has no {MANIFEST}.") from None
    except NotADirectoryError:
        raise BackupError(f"{folder} is no folder; a backup is one.") from None
    except OSError as error:
        raise BackupError(f"{folder / MANIFEST} cannot be read: {error.strerror}.") from error
    except orjson.JSONDecodeError:
        raise _damaged(folder, MANIFEST) from None
    if isinstance(said, dict) and isinstance(said.get("format"), int) and said["format"] > FORMAT:
        raise NewerSchema(
            f"{folder} was written by a newer Regulars (its format is {said['format']}, this one knows {FORMAT}); "
            "update Regulars to restore it."
        )
    try:
        digest = said.pop("sha256")
        manifest = Manifest.model_validate(said)
    except (AttributeError, KeyError, TypeError, ValidationError):
        raise _damaged(folder, MANIFEST) from None
    if digest != manifest.digest:
        raise _damaged(folder, MANIFEST)
    if not {RECORDS, INBOX} <= manifest.files.keys() or not all(map(_NAME.fullmatch, manifest.files)):
        raise BackupError(f"{folder / MANIFEST} names files that no backup has; restore another one.")
    return manifest


def verify(folder: Path, manifest: Manifest) -> None:
    """Check every file of a backup against its sum, and every row. Raises BackupError naming the first that is wrong."""
    for name, expected in manifest.files.items():
        if _sum_of(folder / name) != expected:
            raise _damaged(folder, name)
    try:
        for _ in read_rows(lines(folder / RECORDS)):
            pass
        for _ in carried(lines(folder / INBOX)):
            pass
    except (RecordInvalid, InboxError) as error:
        raise BackupError(f"{folder} cannot be restored. {error.message}") from error


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file of JSON lines. Raises BackupError where a line is no JSON object."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError:
                row = None
            if not isinstance(row, dict):
                raise BackupError(f"Line {number:,} of {path} is no row.")
            yield row


def _sum_of(path: Path) -> Sum | None:
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError:  # missing, or a disk that no longer reads it: either way it is not what was written
        return None
    return Sum(bytes=size, sha256=digest.hexdigest())


def _damaged(folder: Path, name: str) -> BackupError:
    return BackupError(f"{folder / name} is damaged or missing: it is not as it was backed up. Restore another backup.")
