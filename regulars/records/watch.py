"""Whether anything was written to a SQLite file, without reading it."""

import threading
from contextlib import closing
from itertools import count
from typing import Any

import sqlalchemy as sa

_numbers = count()


class Watch:
    """One connection beside the others, which never writes. Safe to share between threads.

    To such a connection `PRAGMA data_version` tells of every commit of any other one, here or in another process; its
    values mean nothing to a second connection. https://www.sqlite.org/pragma.html#pragma_data_version
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._held: tuple[int, Any] | None = None

    def look(self) -> tuple[int, int]:
        """Return a value that is never the same again once somebody has written. Raises the driver's errors."""
        with self._lock:
            if self._held is None:
                connection = self._engine.raw_connection()
                connection.detach()  # or it would be lent to somebody who writes
                self._held = (next(_numbers), connection)
            number, connection = self._held
            with closing(connection.cursor()) as cursor:
                return number, int(cursor.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close the connection; the next look opens another."""
        with self._lock:
            held, self._held = self._held, None
            if held is not None:
                held[1].close()
