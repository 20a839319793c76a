"""The records of a SQLite file as rows, and rows as its records; the guarantees stand in `system_ports.Portable`."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from regulars.records import sentences
from regulars.records.portable import COUNTED, TABLES, read_rows, to_row
from regulars.records.store import SqlStore
from regulars.records.tables import METADATA, change_token

ROWS_AT_ONCE = 1_000
# SQLite's own table of the highest id ever given in each table of AUTOINCREMENT.
_counters = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))


class SqlPortable(SqlStore):
    """Everything in one SQLite file."""

    def dump(self) -> Iterator[dict[str, Any]]:
        """Yield everything, as of one moment. See `system_ports.Portable`."""
        with self._reading() as connection:
            for name in TABLES:
                found = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(_all_of(name))
                for row in found.mappings():
                    yield to_row(name, dict(row))

    def load(self, rows: Iterable[Mapping[str, Any]], *, replace: bool = False) -> int:
        """Take over rows. See `system_ports.Portable`."""
        loaded = 0
        with self._writing() as connection:
            if replace:
                _empty(connection)
            elif _has_records(connection):
                raise sentences.not_empty()
            try:
                for table, batch in _batches(read_rows(rows)):
                    _insert(connection, table, batch)
                    loaded += len(batch)
            except sa.exc.IntegrityError:
                raise sentences.rows_collide() from None
        return loaded


def _all_of(name: str) -> sa.Select[Any]:
    if name == "counters":
        query = sa.select(_counters.c.name, _counters.c.seq.label("last"))
        return query.where(_counters.c.name.in_(COUNTED), _counters.c.seq > 0).order_by(_counters.c.name)
    table = METADATA.tables[name]
    return sa.select(table).order_by(*(table.c[column] for column in TABLES[name].key))


def _records() -> list[sa.Table]:
    """Return the tables that hold records, children before parents."""
    return [METADATA.tables[name] for name in reversed(list(TABLES)) if name not in ("counters", "change_token")]


def _has_records(connection: sa.Connection) -> bool:
    return any(connection.execute(sa.select(table).limit(1)).first() is not None for table in _records())


def _empty(connection: sa.Connection) -> None:
    for table in _records():
        connection.execute(sa.delete(table))
    connection.execute(sa.delete(_counters).where(_counters.c.name.in_(COUNTED)))


def _batches(rows: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the rows of one table together, at most so many at once."""
    for table, group in groupby(rows, key=itemgetter(0)):
        batch: list[dict[str, Any]] = []
        for _, values in group:
            batch.append(values)
            if len(batch) == ROWS_AT_ONCE:
                yield table, batch
                batch = []
        if batch:
            yield table, batch


def _insert(connection: sa.Connection, table: str, batch: list[dict[str, Any]]) -> None:
    if table == "change_token":
        connection.execute(sa.update(change_token).values(token=batch[-1]["token"]))
    elif table == "counters":
        # They come before what they count; SQLite raises them itself where an id is higher.
        names = [row["name"] for row in batch]
        connection.execute(sa.delete(_counters).where(_counters.c.name.in_(names)))
        connection.execute(sa.insert(_counters), [{"name": row["name"], "seq": row["last"]} for row in batch])
    else:
        connection.execute(sa.insert(METADATA.tables[table]), batch)
