"""The file behind the embedded inbox: its table, its schema version, and opening it to read and to write.

An older file can be read as it is; it is migrated when it is first written, after a copy beside it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from regulars.durable import bring_to_disk
from regulars.errors import InboxUnavailable, NewerSchema
from regulars.sqlite import journal_mode, sqlite

SCHEMA_VERSION = 2
READ_TIMEOUT_SECONDS = 10.0
# A shop waits up to 60 s for an answer and sends nothing else meanwhile: better an honest 503 after a few seconds.
BUSY_TIMEOUT_SECONDS = 5.0
OPEN_AGAIN_SECONDS = 0.02
# Fewer, larger checkpoints than SQLite's own 1,000: a quarter less time a row, for a log of 16 MB.
CHECKPOINT_PAGES = 4000

# received_at: microseconds since 1970, UTC. heartbeat: one row, rewritten to learn whether the file can be written.
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
# What turns version n into n + 1; frozen, whatever the tables are today. A new file gets all of them too.
MIGRATIONS = {
    1: (
        """CREATE INDEX IF NOT EXISTS change_rows_delivery ON change_rows (delivery_id, body_sha256)
            WHERE delivery_id IS NOT NULL""",
    ),
}


@contextmanager
def reader(path: Path) -> Iterator[Any]:
    """Open the inbox to read; None where there is no file, or none that has its table yet.

    Raises NewerSchema, InboxUnavailable.
    """
    if not path.exists():
        yield None
        return
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite.connect(address, uri=True, timeout=READ_TIMEOUT_SECONDS)) as connection:
            yield connection if schema_version(connection) else None
    except sqlite.Error as error:
        raise InboxUnavailable(f"The inbox {path} cannot be read: {error}.") from error


def open_writer(path: Path) -> Any:
    """Return a connection that writes, the file made and prepared where needed; for its owner's eyes alone.

    Raises NewerSchema, sqlite.Error, OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        connection = sqlite.connect(
            str(path), timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(connection, path)
        except sqlite.OperationalError as error:
            connection.close()
            # Turning an empty file to WAL fails at once, whatever the timeout, while another writer does the same.
            if not _busy(error) or time.monotonic() >= deadline:
                raise
            time.sleep(OPEN_AGAIN_SECONDS)
        except BaseException:
            connection.close()
            raise
        else:
            return connection


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells this file from another one under its name; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a third faster than Path.stat, once a commit
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def schema_version(connection: Any) -> int:
    """Return the file's schema version, 0 for an empty file. Raises NewerSchema for one we do not know."""
    version = int(connection.execute("PRAGMA user_version").fetchall()[0][0])
    if version > SCHEMA_VERSION:
        raise NewerSchema(
            f"The inbox was written by a newer version of Regulars (schema {version}, this one knows {SCHEMA_VERSION}): "
            "install that version again."
        )
    return version


def _busy(error: Exception) -> bool:
    """Tell whether another process had the file: the low byte of SQLite's extended codes is the code."""
    return bool(getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite.SQLITE_BUSY)


def _prepare(connection: Any, path: Path) -> None:
    """Set up the connection and, in an empty or an older file, the tables. Raises NewerSchema, sqlite.Error, OSError."""
    version = schema_version(connection)
    connection.execute(f"PRAGMA journal_mode={journal_mode()}")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    connection.execute("PRAGMA secure_delete=ON")  # rows hold personal data: what is dropped shall be gone
    if version == SCHEMA_VERSION:
        return
    if version:
        with FileLock(f"{path}.lock", timeout=BUSY_TIMEOUT_SECONDS, mode=0o600):  # one process copies and migrates
            if (version := schema_version(connection)) < SCHEMA_VERSION:
                _copy(connection, path.with_name(f"{path.name}.v{version}"))
                _make(connection, version)
    else:
        _make(connection, version)


def _make(connection: Any, version: int) -> None:
    """Bring the file from `version` (0: it is empty) to ours, in one transaction; again where somebody was faster."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in (*DDL, *(step for n in range(max(version, 1), SCHEMA_VERSION) for step in MIGRATIONS[n])):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _copy(connection: Any, target: Path) -> None:
    """Keep the file as it is beside it. A copy that is there already is of an attempt that was broken off."""
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection.execute("VACUUM INTO ?", (str(target),))
    bring_to_disk(target.parent)
