"""The inbox's writing side: one thread, one connection, and group commits.

Every delivery that waits when the thread becomes free goes into one transaction, and each is answered only after that
transaction is on disk (`synchronous=FULL`). Under load the batches form by themselves; alone, a delivery waits for
nobody. Measured, this costs half of what a server without storage does; one commit a delivery costs twelve times.
"""

import asyncio
import logging
import os
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from regulars.errors import InboxUnavailable, RegularsError
from regulars.inbox import DDL, SCHEMA_VERSION, schema_version, sqlite, to_microseconds
from webhook_receiver.delivery import Content

LOG = logging.getLogger(__name__)

# A shop waits up to 60 s for an answer and sends nothing else meanwhile: better an honest 503 after a few seconds.
BUSY_TIMEOUT_SECONDS = 5.0
BATCH = 500
KEEP_DAYS = 30
PRUNE_EVERY = timedelta(days=1)
PRUNE_AT_ONCE = 5000
# Up to and including 3.51.2 SQLite can corrupt a file in WAL mode when a checkpoint meets a write.
WAL_SAFE = (3, 51, 3)

Outcome = Literal["processed", "duplicate", "ignored"]


@dataclass(frozen=True)
class Delivery:
    """One verified delivery on its way to disk. `received_at` is UTC; `webhook_id`, `delivery_id` are unsigned."""

    shop: str
    topic: str
    content: Content
    body: bytes
    received_at: datetime
    webhook_id: str | None = None
    delivery_id: str | None = None


@dataclass(frozen=True)
class _Job:
    """A delivery to store, or None to try whether the file can be written; and whom to tell."""

    delivery: Delivery | None
    answer: "Future[Outcome]"


class Inbox:
    """Change rows on disk. Start it, append from any number of tasks, close it.

    A trouble with the file (full, locked, read-only, replaced, gone) fails the deliveries at hand with
    InboxUnavailable; the next ones try again on a new connection.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._connection: Any = None
        self._opened_file: tuple[int, int] | None = None
        self._next_prune = datetime.min.replace(tzinfo=UTC)

    def start(self) -> None:
        """Start the writer and wait until the file is ready.

        Raises NewerSchema, and InboxUnavailable where the file cannot be written; the writer runs all the same, so
        that a server may go on, answer 503, and recover when the disk does.
        """
        self._thread.start()
        self._submit(None).result()

    def close(self) -> None:
        """Store what waits, then let go of the file."""
        self._jobs.put(None)
        self._thread.join()

    async def append(self, delivery: Delivery) -> Outcome:
        """Commit a delivery and return "processed", "duplicate" or, for a dead letter, "ignored".

        A duplicate says nothing new: the newest row of that object has the same topic and the same body, and the body
        is dated. It is not stored. Bare `{"id": 5}` bodies of deletions are never duplicates, since an order can be
        trashed, restored in silence, and trashed again. Raises InboxUnavailable, NewerSchema.
        """
        return await asyncio.wrap_future(self._submit(delivery))

    async def probe(self) -> None:
        """Return if the inbox can be written, by writing to it. Raises InboxUnavailable, NewerSchema."""
        await asyncio.wrap_future(self._submit(None))

    def _submit(self, delivery: Delivery | None) -> "Future[Outcome]":
        answer: Future[Outcome] = Future()
        self._jobs.put(_Job(delivery, answer))
        return answer

    def _run(self) -> None:
        running = True
        while running:
            taken = [self._jobs.get()]
            while taken[-1] is not None and len(taken) < BATCH and not self._jobs.empty():
                taken.append(self._jobs.get())
            running = taken[-1] is not None
            # Whoever gave up waiting gets no row: the shop counts that delivery as failed.
            self._serve([job for job in taken if job and job.answer.set_running_or_notify_cancel()])
        self._disconnect()

    def _serve(self, jobs: Sequence[_Job]) -> None:
        if not jobs:
            return
        try:
            outcomes = self._commit(jobs)
        except (RegularsError, sqlite.Error, OSError) as error:
            self._disconnect()
            failure = error if isinstance(error, RegularsError) else _unavailable(error)
            for job in jobs:
                job.answer.set_exception(failure)
            return
        for job, outcome in zip(jobs, outcomes, strict=True):
            job.answer.set_result(outcome)
        self._prune()

    def _commit(self, jobs: Sequence[_Job]) -> list[Outcome]:
        """Store a batch in one transaction. Raises sqlite.Error, OSError, NewerSchema; then nothing is stored."""
        connection = self._connect()
        connection.execute("BEGIN IMMEDIATE")
        outcomes: list[Outcome] = [
            _beat(connection) if job.delivery is None else _store(connection, job.delivery) for job in jobs
        ]
        connection.execute("COMMIT")
        return outcomes

    def _connect(self) -> Any:
        """Return the connection, made anew where the file was replaced or removed: it would write to nowhere."""
        if self._connection is not None and self._opened_file != _identity(self._path):
            self._disconnect()
        if self._connection is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            connection = sqlite.connect(
                str(self._path), timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection = connection
            self._opened_file = _identity(self._path)
            _prepare(connection)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()  # rolls back what was not committed
        self._connection = None

    def _prune(self) -> None:
        """Once a day, drop rows older than 30 days, a bounded number at a time so that no delivery waits long.

        Age is told against the newest row, not against the clock alone: a clock that jumps ahead drops nothing.
        """
        now = datetime.now(UTC)
        if now < self._next_prune:
            return
        try:
            dropped = _drop_older(self._connection, to_microseconds(now))
        except sqlite.Error as error:
            LOG.warning("old change rows could not be dropped: %s", error)
            dropped = 0
        if dropped < PRUNE_AT_ONCE:
            self._next_prune = now + PRUNE_EVERY


def _prepare(connection: Any) -> None:
    """Set up the connection and, in an empty file, the tables. Raises NewerSchema, sqlite.Error."""
    version = schema_version(connection)
    wanted = "WAL" if sqlite.sqlite_version_info >= WAL_SAFE else "DELETE"
    connection.execute(f"PRAGMA journal_mode={wanted}")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")  # rows hold personal data: what is dropped shall be gone
    if version == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement in DDL:
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _store(connection: Any, delivery: Delivery) -> Outcome:
    content = delivery.content
    if content.dated and _newest(connection, delivery) == (delivery.topic, content.body_sha256):
        return "duplicate"
    connection.execute(
        "INSERT INTO change_rows (shop, topic, resource, resource_id, received_at, body, body_sha256, webhook_id, "
        "delivery_id, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            delivery.shop,
            delivery.topic,
            content.resource,
            content.resource_id,
            to_microseconds(delivery.received_at),
            delivery.body,
            content.body_sha256,
            delivery.webhook_id,
            delivery.delivery_id,
            content.reason,
        ),
    )
    return "ignored" if content.reason else "processed"


def _newest(connection: Any, delivery: Delivery) -> tuple[str, bytes] | None:
    rows = connection.execute(
        "SELECT topic, body_sha256 FROM change_rows WHERE shop = ? AND resource = ? AND resource_id = ? "
        "ORDER BY seq DESC LIMIT 1",
        (delivery.shop, delivery.content.resource, delivery.content.resource_id),
    ).fetchall()
    return (rows[0][0], rows[0][1]) if rows else None


def _beat(connection: Any) -> Outcome:
    connection.execute(
        "INSERT INTO heartbeat (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
        (to_microseconds(datetime.now(UTC)),),
    )
    return "ignored"


def _drop_older(connection: Any, now: int) -> int:
    """Drop at most PRUNE_AT_ONCE old rows and return how many there were."""
    [(newest,)] = connection.execute("SELECT max(received_at) FROM change_rows").fetchall()
    if newest is None:
        return 0
    oldest_kept = min(now, newest) - timedelta(days=KEEP_DAYS) // timedelta(microseconds=1)
    dropped = connection.execute(
        "DELETE FROM change_rows WHERE seq IN (SELECT seq FROM change_rows WHERE received_at < ? LIMIT ?)",
        (oldest_kept, PRUNE_AT_ONCE),
    ).rowcount
    if dropped:
        LOG.info("dropped %d change rows older than %d days", dropped, KEEP_DAYS)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return int(dropped)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a third faster than Path.stat, once a commit
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _unavailable(error: Exception) -> InboxUnavailable:
    return InboxUnavailable(f"The inbox cannot be written ({error}).")
