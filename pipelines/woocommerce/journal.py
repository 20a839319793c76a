"""What was read and is not committed yet, on disk, so that a killed sync need not ask the shop for it again.

One commit costs a third of a second or more, so many pages are committed at a time; each is written here as soon as it
is read. A record is its length, a checksum and JSON; the first one says after which mark of the warehouse the others were
read, and in what form they are written. Whatever does not follow the warehouse's mark is dropped: those rows are
committed, or somebody restored an older warehouse. The bytes survive the end of the process, not that of the machine:
then the tail may be torn, and what is whole before it still counts.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from pipelines.woocommerce.progress import Applied, Batch, Mark, Sweep
from pipelines.woocommerce.rows import Row, Tombstone
from regulars.errors import DataFolderError

LARGEST_RECORD: Final = 512 * 1024 * 1024
_HEAD: Final = struct.Struct(">II")
# A journal that another version wrote is dropped, should it have written one of these in another way.
FORM: Final = [
    1,
    *(list(one._fields) for one in (Row, Tombstone, Applied)),
    *(sorted(one.model_fields) for one in (Mark, Sweep)),
]


class Journal:
    """The journal of one shop's syncs. Whoever uses it holds the shop's warehouse lock.

    The file is for its owner alone: it holds the shop's records. Raises DataFolderError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begun = self._replaying = False

    def recover(self, mark: Mark) -> Iterator[Batch]:
        """Yield the batches that were read after `mark` and not committed, in order; they stay in the journal.

        Ends where a record cannot be understood: the shop is asked again for what it held.
        """
        self._replaying = True
        try:
            with self._path.open("rb") as file:
                records = _records(file, self._path.stat().st_size)
                if next(records, None) == {"form": FORM, "after": mark.model_dump(mode="json")}:
                    for record in records:
                        yield _batch(record)
        except (FileNotFoundError, ValueError, KeyError, TypeError):  # pydantic's and orjson's errors are ValueErrors
            return
        except OSError as error:
            raise self._trouble("read", error) from error
        finally:
            self._replaying = False

    def append(self, batch: Batch, after: Mark) -> None:
        """Write a batch that was read; `after` is the warehouse's mark. One that is being recovered stands there."""
        if self._replaying:
            return
        records = [_record(batch)]
        if not self._begun:
            records.insert(0, {"form": FORM, "after": after.model_dump(mode="json")})
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if self._begun else os.O_TRUNC)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(self._path, flags, 0o600), "wb") as file:
                for record in records:
                    body = orjson.dumps(record)
                    file.write(_HEAD.pack(len(body), zlib.crc32(body)) + body)
        except OSError as error:
            raise self._trouble("written", error) from error
        self._begun = True

    def clear(self) -> None:
        """Forget everything: it is committed, or counts for nothing."""
        self._begun = False
        try:
            os.truncate(self._path, 0)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._trouble("written", error) from error

    def _trouble(self, verb: str, error: OSError) -> DataFolderError:
        return DataFolderError(
            f"The journal {self._path} could not be {verb} ({type(error).__name__}): check the disk's free space and the "
            "folder's rights."
        )


def _records(file: BinaryIO, size: int) -> Iterator[Any]:
    """Yield the records of a journal up to its end or to the first one that is not whole."""
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        length, check = _HEAD.unpack(head)
        if length > min(LARGEST_RECORD, size):
            return
        body = file.read(length)
        if len(body) != length or zlib.crc32(body) != check:
            return
        yield orjson.loads(body)


def _record(batch: Batch) -> dict[str, Any]:
    """Return a batch as JSON takes it; instants keep their microseconds and are in UTC."""
    return {
        "mark": batch.mark.model_dump(mode="json"),
        "rows": {table: [tuple(row) for row in rows] for table, rows in batch.rows.items()},
        "gone": [tuple(stone) for stone in batch.gone],
        "applied": [tuple(one) for one in batch.applied],
        "flush": batch.flush,
    }


def _batch(record: Any) -> Batch:
    return Batch(
        mark=Mark.model_validate(record["mark"]),
        rows={table: [_row(*values) for values in rows] for table, rows in record["rows"].items()},
        gone=[Tombstone(key, kind, number, _instant(at)) for key, kind, number, at in record["gone"]],
        applied=[Applied(seq, _instant(at), how) for seq, at, how in record["applied"]],
        flush=record["flush"],
    )


def _row(  # noqa: PLR0917 - the fields of a row
    number: int,
    parent: int | None,
    status: str | None,
    created: str | None,
    modified: str | None,
    observed: str,
    by: str,
    body: str,
) -> Row:
    return Row(number, parent, status, _maybe(created), _maybe(modified), _instant(observed), by, body)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else _instant(text)
