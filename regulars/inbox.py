"""The inbox of change rows: what its table looks like, and how to read it.

A change row is one verified webhook delivery, committed before the shop is answered. Only the webhook receiver writes
(`webhook_receiver/inbox.py`); everybody else reads through the functions here, which open the file read-only for one
query and close it again. Where no file exists yet, nothing has been received: they answer empty.

`seq` grows by commit order and is never used twice, so "everything after seq N" misses nothing. Rows with a `reason`
are dead letters: they are counted, and never handed to a sync.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, overload

from regulars.errors import InboxUnavailable, NewerSchema
from regulars.models import ChangeRow

try:  # Debian's own SQLite has a WAL bug that corrupts files; this package brings a mended one
    from pysqlite3 import dbapi2
except ModuleNotFoundError:  # no wheel for this system: the writer then does without WAL
    import sqlite3 as dbapi2

sqlite: Any = dbapi2
SCHEMA_VERSION = 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
READ_TIMEOUT_SECONDS = 10.0
PENDING_BYTES = 64 * 1024 * 1024

# received_at: microseconds since 1970, UTC. body_sha256 is there to tell repeats, webhook_id and delivery_id (both as
# the shop's unsigned headers had them) to find a delivery again: the shop repeats delivery ids, nothing may rely on one.
# heartbeat: one row, rewritten to learn whether the file can still be written.
DDL = (
    """CREATE TABLE IF NOT EXISTS change_rows (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        shop TEXT NOT NULL,
        topic TEXT NOT NULL,
        resource TEXT NOT NULL,
        resource_id INTEGER NOT NULL,
        received_at INTEGER NOT NULL,
        body BLOB NOT NULL,
        body_sha256 BLOB NOT NULL,
        webhook_id TEXT,
        delivery_id TEXT,
        reason TEXT
    )""",
    "CREATE INDEX IF NOT EXISTS change_rows_object ON change_rows (shop, resource, resource_id, seq)",
    "CREATE INDEX IF NOT EXISTS change_rows_pending ON change_rows (shop, seq) WHERE reason IS NULL",
    "CREATE INDEX IF NOT EXISTS change_rows_dead ON change_rows (shop, seq) WHERE reason IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS change_rows_age ON change_rows (received_at)",
    "CREATE TABLE IF NOT EXISTS heartbeat (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL)",
)
# What the shop is asked to tell of, and what the receiver takes.
TOPICS = (
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "order.created",
    "order.updated",
    "order.deleted",
    "order.restored",
)
COLUMNS = "seq, shop, topic, resource, resource_id, received_at, body, reason"


def pending(path: Path, shop: str, after_seq: int, limit: int = 5000) -> list[ChangeRow]:
    """Return the shop's change rows after `after_seq` in the order of their commit, at most `limit`, no dead letters.

    A list of large bodies ends early, at 64 MiB, but never empty while a row waits: ask again with the last `seq`
    until the answer is empty. Raises NewerSchema, InboxUnavailable.
    """
    query = (
        f"SELECT {COLUMNS} FROM change_rows WHERE shop = ? AND reason IS NULL AND seq > ? "  # noqa: S608 - no data
        "ORDER BY seq LIMIT ?"
    )
    rows: list[ChangeRow] = []
    size = 0
    with _reader(path) as connection:
        if connection is None:
            return rows
        for record in connection.execute(query, (shop, after_seq, limit)):
            rows.append(_row(record))
            size += len(rows[-1].body)
            if size >= PENDING_BYTES:
                break
    return rows


def changes_of(path: Path, shop: str, resource: str, resource_id: int, after_seq: int) -> list[ChangeRow]:
    """Return the change rows of one order or customer after `after_seq`, oldest first, no dead letters.

    `resource` is `order` or `customer`. Raises NewerSchema, InboxUnavailable.
    """
    query = (
        f"SELECT {COLUMNS} FROM change_rows WHERE shop = ? AND resource = ? AND resource_id = ? "  # noqa: S608 - no data
        "AND seq > ? AND reason IS NULL ORDER BY seq"
    )
    with _reader(path) as connection:
        if connection is None:
            return []
        return [_row(record) for record in connection.execute(query, (shop, resource, resource_id, after_seq))]


@overload
def last_seq(path: Path, shop: str) -> int: ...
@overload
def last_seq(path: Path, shop: None = None) -> dict[str, int]: ...
def last_seq(path: Path, shop: str | None = None) -> int | dict[str, int]:
    """Return the `seq` of the newest row that a sync would get: the shop's (0 if none), or each shop's by name.

    Dead letters do not count. Raises NewerSchema, InboxUnavailable.
    """
    if shop is not None:
        return _number(path, "SELECT coalesce(max(seq), 0) FROM change_rows WHERE shop = ? AND reason IS NULL", shop)
    with _reader(path) as connection:
        if connection is None:
            return {}
        query = "SELECT shop, max(seq) FROM change_rows WHERE reason IS NULL GROUP BY shop"
        return {str(name): int(seq) for name, seq in connection.execute(query)}


def waiting(path: Path, shop: str, after_seq: int) -> int:
    """Return how many of the shop's change rows after `after_seq` a sync would get. Raises as `pending` does."""
    query = "SELECT count(*) FROM change_rows WHERE shop = ? AND reason IS NULL AND seq > ?"
    return _number(path, query, shop, after_seq)


def dead_letters(path: Path, shop: str) -> int:
    """Return how many signed deliveries of the shop could not be understood. Raises as `pending` does."""
    return _number(path, "SELECT count(*) FROM change_rows WHERE shop = ? AND reason IS NOT NULL", shop)


def to_microseconds(instant: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970, as stored."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def schema_version(connection: Any) -> int:
    """Return the file's schema version, 0 for an empty file. Raises NewerSchema for one we do not know."""
    version = int(connection.execute("PRAGMA user_version").fetchall()[0][0])
    if version > SCHEMA_VERSION:
        raise NewerSchema(
            f"The inbox was written by a newer version of Regulars (schema {version}, this one knows {SCHEMA_VERSION}): "
            "install that version again."
        )
    return version


def _number(path: Path, query: str, *parameters: str | int) -> int:
    with _reader(path) as connection:
        return 0 if connection is None else int(connection.execute(query, parameters).fetchall()[0][0])


@contextmanager
def _reader(path: Path) -> Iterator[Any]:
    """Open the inbox to read; None where there is no file, or none that has its table yet."""
    if not path.exists():
        yield None
        return
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite.connect(address, uri=True, timeout=READ_TIMEOUT_SECONDS)) as connection:
            yield connection if schema_version(connection) else None
    except sqlite.Error as error:
        raise InboxUnavailable(f"The inbox {path} cannot be read: {error}.") from error


def _row(record: tuple[Any, ...]) -> ChangeRow:
    seq, shop, topic, resource, resource_id, received_at, body, reason = record
    return ChangeRow(
        seq=seq,
        shop=shop,
        topic=topic,
        resource=resource,
        resource_id=resource_id,
        received_at=EPOCH + timedelta(microseconds=received_at),
        body=body,
        reason=reason,
    )
