"""One SQLite file as a store: opening, schema version, transactions, and errors that people can read.

Writes run in `BEGIN IMMEDIATE` transactions, so that what a call read still holds when it writes; each is on disk when
it returns (`synchronous=FULL`). Deleted bytes are overwritten (`secure_delete`). The file is for its owner alone (0600).
"""

import os
from collections.abc import Callable, Hashable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from filelock import FileLock, Timeout

from regulars.durable import bring_to_disk
from regulars.errors import NewerSchema, RecordsUnavailable
from regulars.records import migrations, tables
from regulars.records.times import to_micros, utc_now
from regulars.records.watch import Watch
from regulars.sqlite import journal_mode, sqlite

BUSY_SECONDS = 30
_BEGIN = "regulars_begin"


class SqlStore:
    """A SQLite file with the tables of `tables`, created or migrated when opened. Safe to share between threads.

    Raises NewerSchema where a newer Regulars wrote the file, RecordsUnavailable where it cannot be opened.
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.path = path
        self._clock = clock
        self._engine = _engine(path)
        self._watch = Watch(self._engine)
        with _as_unavailable(path):
            _prepare(self._engine, path)

    def close(self) -> None:
        """Close the idle connections; further calls open new ones."""
        self._watch.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _now(self) -> int:
        return to_micros(self._clock())

    def _written(self) -> Hashable:
        with _as_unavailable(self.path):
            return self._watch.look()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """One consistent view of the file."""
        with _as_unavailable(self.path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """One transaction that nobody else writes in between; durable at the end, undone by any exception."""
        writer = self._engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        with _as_unavailable(self.path), writer.begin() as connection:
            yield connection


def _engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        module=sqlite,
        hide_parameters=True,  # parameters are personal data, and errors go to logs
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
    )

    @sa.event.listens_for(engine, "connect")
    def settle(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        for pragma in ("synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))

    return engine


def _prepare(engine: sa.Engine, path: Path) -> None:
    """Make the file ready: created, in the right journal mode, of this version."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Of several processes that start at once, one creates or migrates; the others find it done.
    with FileLock(f"{path}.lock", timeout=BUSY_SECONDS, mode=0o600):
        created = not path.exists()
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
        _set_journal_mode(engine)
        version = _version(engine)
        if version > tables.SCHEMA_VERSION:
            raise NewerSchema(
                f"{path.name} was written by a newer Regulars (its schema is {version}, this one knows "
                f"{tables.SCHEMA_VERSION}); update Regulars, or restore a backup of this version."
            )
        if version < tables.SCHEMA_VERSION:
            _migrate(engine, path, version)
        if created:
            bring_to_disk(path.parent)


def _set_journal_mode(engine: sa.Engine) -> None:
    wanted = journal_mode()
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        if cursor.execute("PRAGMA journal_mode").fetchone()[0] != wanted:
            cursor.execute(f"PRAGMA journal_mode={wanted}").fetchone()
        cursor.close()


def _version(engine: sa.Engine) -> int:
    """Return the file's schema version; 0 for a new one."""
    with engine.begin() as connection:
        if not sa.inspect(connection).has_table(tables.schema_version.name):
            return 0
        return int(connection.scalar(sa.select(tables.schema_version.c.version)) or 0)


def _migrate(engine: sa.Engine, path: Path, version: int) -> None:
    """Bring the file from `version` to ours in one transaction, after a copy of what was there."""
    if version:
        _copy(engine, path.with_name(f"{path.name}.v{version}"))
    with engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"}).begin() as connection:
        if version:
            for step in range(version, tables.SCHEMA_VERSION):
                migrations.MIGRATIONS[step](connection)
            connection.execute(sa.update(tables.schema_version).values(version=tables.SCHEMA_VERSION))
        else:
            tables.METADATA.create_all(connection)
            connection.execute(sa.insert(tables.schema_version).values(id=1, version=tables.SCHEMA_VERSION))
            connection.execute(sa.insert(tables.change_token).values(id=1, token=0))


def _copy(engine: sa.Engine, target: Path) -> None:
    # A copy that is already there is of an attempt that was broken off: the file still has its old version.
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("VACUUM INTO ?", (str(target),))
    bring_to_disk(target.parent)


@contextmanager
def _as_unavailable(path: Path) -> Iterator[None]:
    try:
        yield
    except (sa.exc.DatabaseError, sa.exc.InterfaceError) as error:
        raise RecordsUnavailable(f"The records in {path.name} {_reason(str(error.orig))}.") from error
    except sqlite.Error as error:
        raise RecordsUnavailable(f"The records in {path.name} {_reason(str(error))}.") from error
    except Timeout as error:
        raise RecordsUnavailable(
            f"The records in {path.name} are being opened by another process for more than {BUSY_SECONDS} seconds."
        ) from error
    except sa.exc.TimeoutError as error:
        raise RecordsUnavailable(f"The records in {path.name} are read by too many at once.") from error
    except OSError as error:
        raise RecordsUnavailable(f"The records in {path.name} cannot be opened: {error.strerror}.") from error


def _reason(said: str) -> str:
    """Turn SQLite's words into a sentence's end; they hold no data."""
    for words, reason in (
        ("locked", f"are locked by another process for more than {BUSY_SECONDS} seconds"),
        ("full", "cannot be written: the disk is full"),
        ("readonly", "cannot be written: the file or its folder is read-only"),
        ("unable to open", "cannot be opened: check the folder and its rights"),
        ("not a database", "cannot be read: the file is not a records file; restore a backup"),
        ("malformed", "cannot be read: the file is damaged; restore a backup"),
    ):
        if words in said:
            return reason
    return f"cannot be used: {said}"
