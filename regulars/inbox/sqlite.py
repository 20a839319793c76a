"""The inbox on SQLite, in `inbox.db`: the embedded default.

Reading calls open the file read-only for one query and close it again. Writing calls share one connection, whose
transactions are immediate, so that `seq` is given out by whoever commits next, and on disk when they return
(`synchronous=FULL`).
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from regulars.errors import InboxError, InboxUnavailable
from regulars.inbox.delivery import Delivery, Outcome
from regulars.inbox.port import KEEP, PRUNE_AT_ONCE, ReadAgain, Row
from regulars.inbox.repeats import Batch, Key, Object, Said
from regulars.inbox.rows import (
    COLUMNS,
    KEY,
    READ,
    bounded,
    carried,
    change_row,
    oldest_kept,
    portable,
    state_row,
    to_microseconds,
)
from regulars.inbox.sqlite_file import identity, open_writer, reader
from regulars.inbox.sqlite_replay import DEAD, NEWEST, copy_newest, portions, reread
from regulars.models import ChangeRow
from regulars.sqlite import sqlite

LOG = logging.getLogger(__name__)

SELECT = f"SELECT {', '.join(READ)} FROM change_rows WHERE "  # noqa: S608 - no data
SELECT_ALL = f"SELECT seq, {', '.join(COLUMNS)} FROM change_rows ORDER BY seq"  # noqa: S608 - no data
INSERT_ROWS = f"INSERT INTO change_rows ({', '.join(COLUMNS)}) VALUES "  # noqa: S608 - no data
INSERT_AS = f"INSERT INTO change_rows (seq, {', '.join(COLUMNS)}) VALUES (?, {', '.join('?' * len(COLUMNS))})"  # noqa: S608
LAST_USED = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'change_rows'"


Result = TypeVar("Result")


class SqliteInbox:
    """Change rows in one SQLite file: `SqliteInbox(path)`. See `port.Inbox`.

    A trouble with the file (full, locked, read-only, replaced, gone) fails the call at hand with InboxUnavailable; the
    next one tries again on a new connection.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = threading.Lock()
        self._connection: Any = None
        self._opened_file: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._writing:
            self._disconnect()

    def pending(self, shop: str, after_seq: int, limit: int = 5000) -> list[ChangeRow]:
        """Return the rows that wait for the shop's sync. See `port.Inbox`."""
        return self._rows("shop = ? AND reason IS NULL AND seq > ? ORDER BY seq LIMIT ?", shop, after_seq, limit)

    def changes_of(self, shop: str, resource: str, resource_id: int, after_seq: int) -> list[ChangeRow]:
        """Return the rows of one object. See `port.Inbox`."""
        condition = "shop = ? AND resource = ? AND resource_id = ? AND seq > ? AND reason IS NULL ORDER BY seq"
        return self._rows(condition, shop, resource, resource_id, after_seq)

    def dead_letters(self, shop: str, limit: int = 100) -> list[ChangeRow]:
        """Return the latest dead letters. See `port.Inbox`."""
        return self._rows("shop = ? AND reason IS NOT NULL ORDER BY seq DESC LIMIT ?", shop, limit)

    def last_seq(self, shop: str) -> int:
        """Return the newest row's number. See `port.Inbox`."""
        return self._number("SELECT coalesce(max(seq), 0) FROM change_rows WHERE shop = ? AND reason IS NULL", shop)

    def last_seqs(self) -> dict[str, int]:
        """Return the newest row's number of each shop. See `port.Inbox`."""
        with reader(self._path) as connection:
            if connection is None:
                return {}
            query = "SELECT shop, max(seq) FROM change_rows WHERE reason IS NULL GROUP BY shop"
            return {str(name): int(seq) for name, seq in connection.execute(query)}

    def waiting(self, shop: str, after_seq: int) -> int:
        """Return how many rows wait. See `port.Inbox`."""
        query = "SELECT count(*) FROM change_rows WHERE shop = ? AND reason IS NULL AND seq > ?"
        return self._number(query, shop, after_seq)

    def dead_letter_count(self, shop: str) -> int:
        """Return how many dead letters there are. See `port.Inbox`."""
        return self._number("SELECT count(*) FROM change_rows WHERE shop = ? AND reason IS NOT NULL", shop)

    def commit(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        """Store a batch in one transaction. See `port.Inbox`."""
        return self._write(partial(_store, batch=Batch(deliveries))) if deliveries else []

    def read_again(self, shop: str) -> ReadAgain:
        """Read the dead letters again, some hundred in one transaction. See `port.Inbox`."""
        left: Counter[str | None] = Counter()
        for some in portions(self._seqs(DEAD, shop)):
            left.update(self._write(partial(reread, seqs=some)))
        return ReadAgain(left.pop(None, 0), {str(reason): count for reason, count in left.items()})

    def queue_again(self, shop: str) -> int:
        """Copy the newest row of each object to the end, some hundred in one transaction. See `port.Inbox`."""
        return sum(self._write(partial(copy_newest, seqs=some)) for some in portions(self._seqs(NEWEST, shop)))

    def probe(self) -> None:
        """Write one small row over itself. See `port.Inbox`."""
        self._write(_beat)

    def prune(self, now: datetime) -> int:
        """Drop old rows, a bounded number so that no delivery waits long. See `port.Inbox`."""
        dropped = self._write(lambda connection: _drop_older(connection, now))
        if dropped:
            LOG.info("dropped %d change rows older than %d days", dropped, KEEP.days)
            with self._connected() as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return dropped

    def dump(self) -> Iterator[Row]:
        """Yield everything, as of one moment. See `port.Inbox`."""
        with reader(self._path) as connection:
            if connection is None:
                yield state_row(0)
                return
            connection.execute("BEGIN")
            yield state_row(int(connection.execute(LAST_USED).fetchall()[0][0]))
            for seq, *values in connection.execute(SELECT_ALL):
                yield portable(seq, values)

    def load(self, rows: Iterable[Row], *, replace: bool = False) -> int:
        """Take over the rows of `dump` in one transaction. See `port.Inbox`."""
        return self._write(lambda connection: _load(connection, rows, replace=replace))

    def _rows(self, condition: str, *parameters: str | int) -> list[ChangeRow]:
        with reader(self._path) as connection:
            if connection is None:
                return []
            return bounded(change_row(found) for found in connection.execute(SELECT + condition, parameters))

    def _seqs(self, query: str, shop: str) -> list[int]:
        with reader(self._path) as connection:
            return [] if connection is None else [int(seq) for (seq,) in connection.execute(query, (shop,))]

    def _number(self, query: str, *parameters: str | int) -> int:
        with reader(self._path) as connection:
            return 0 if connection is None else int(connection.execute(query, parameters).fetchall()[0][0])

    def _write(self, write: Callable[[Any], Result]) -> Result:
        """Run `write` in a transaction of its own; where anything fails, nothing is stored."""
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            result = write(connection)
            connection.execute("COMMIT")
            return result

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        """Hold the connection, made anew where the file was replaced or removed: it would write to nowhere."""
        with self._writing:
            try:
                if self._connection is not None and self._opened_file != identity(self._path):
                    self._disconnect()
                if self._connection is None:
                    self._connection = open_writer(self._path)
                    self._opened_file = identity(self._path)
                yield self._connection
            except (sqlite.Error, OSError) as error:
                self._disconnect()
                raise InboxUnavailable(f"The inbox cannot be written ({error}).") from error
            except BaseException:
                self._disconnect()
                raise

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()  # rolls back what was not committed
        self._connection = None


def _store(connection: Any, batch: Batch) -> list[Outcome]:
    """Store what is new of a batch, in few statements: each gives up Python's lock, and a busy server takes it."""
    outcomes, new = batch.judged(_seen(connection, batch), _newest(connection, batch))
    if new:
        rows = [batch.values[position] for position in new]
        connection.execute(INSERT_ROWS + _places(rows), list(chain.from_iterable(rows)))
    return outcomes


def _seen(connection: Any, batch: Batch) -> set[Key]:
    """Return the keys of rows that are there, of those that share delivery id and body with one of the batch."""
    asked = [key[:2] for key in batch.keys if key is not None]
    if not asked:
        return set()
    return set(connection.execute(repeated(asked), list(chain.from_iterable(asked))))


def repeated(asked: Sequence[tuple[Any, ...]]) -> str:
    """Return the query for the keys of rows by delivery id and digest of the body."""
    columns = ", ".join(KEY)
    return (
        f"WITH asked (delivery, digest) AS (VALUES {_places(asked)}) SELECT {columns} FROM asked "  # noqa: S608
        "CROSS JOIN change_rows ON delivery_id = delivery AND body_sha256 = digest"
    )


def _newest(connection: Any, batch: Batch) -> dict[Object, Said]:
    """Return topic and digest of the newest row of each object of the batch that has one."""
    asked = list(dict.fromkeys(batch.objects))
    rows = connection.execute(
        f"WITH asked (a, b, c) AS (VALUES {_places(asked)}) "  # noqa: S608 - places for parameters
        "SELECT shop, resource, resource_id, topic, body_sha256 FROM asked CROSS JOIN change_rows ON seq = "
        "(SELECT max(seq) FROM change_rows WHERE shop = a AND resource = b AND resource_id = c)",
        list(chain.from_iterable(asked)),
    )
    return {(shop, resource, number): (topic, digest) for shop, resource, number, topic, digest in rows}


def _places(rows: Sequence[tuple[Any, ...]]) -> str:
    """Return the places of so many rows of parameters."""
    row = f"({', '.join('?' * len(rows[0]))})"
    return ", ".join([row] * len(rows))


def _beat(connection: Any) -> None:
    connection.execute(
        "INSERT INTO heartbeat (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
        (to_microseconds(datetime.now(UTC)),),
    )


def _drop_older(connection: Any, now: datetime) -> int:
    [(newest,)] = connection.execute("SELECT max(received_at) FROM change_rows").fetchall()
    if newest is None:
        return 0
    dropped = connection.execute(
        "DELETE FROM change_rows WHERE seq IN (SELECT seq FROM change_rows WHERE received_at < ? LIMIT ?)",
        (oldest_kept(now, newest), PRUNE_AT_ONCE),
    )
    return int(dropped.rowcount)


def _load(connection: Any, rows: Iterable[Row], *, replace: bool) -> int:
    if replace:
        connection.execute("DELETE FROM change_rows")
    elif connection.execute("SELECT 1 FROM change_rows LIMIT 1").fetchall():
        raise InboxError("The inbox has change rows already: take over a backup into an empty one.")
    last_used = int(connection.execute(LAST_USED).fetchall()[0][0])
    count = 0
    for seq, values in carried(rows):
        last_used = max(last_used, seq)
        if values is not None:
            connection.execute(INSERT_AS, (seq, *values))
            count += 1
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'change_rows'")
    connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('change_rows', ?)", (last_used,))
    return count
