"""What the warehouse already holds, asked in short reads that are closed before dlt opens the file to write.

DuckDB refuses a second connection to one file with another configuration, also within a process; so nothing here stays
open. Who syncs holds the shop's warehouse lock.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb

from pipelines.trouble import trouble
from pipelines.woocommerce.rows import OBJECTS, Row, digest

MEMORY_LIMIT: Final = "600MB"
# Queries below are put together from these constants alone (S608 cannot see that); values go in as parameters.
_ABSENT = (
    "NOT EXISTS (SELECT 1 FROM raw.deletions d WHERE d.object = $object AND d.id = t.id"
    " AND d.observed_at >= t.observed_at)"
)


class KnownRow(NamedTuple):
    """A raw row without its body; `gone` says that a tombstone of the same age or younger stands beside it."""

    modified_at: datetime | None
    observed_at: datetime
    digest: str
    gone: bool


class Known:
    """Answers about the raw tables of one warehouse file; a file or table that is not there yet holds nothing."""

    def __init__(self, warehouse: Path) -> None:
        self._warehouse = warehouse

    @contextmanager
    def connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the file, in UTC, with bounded memory; closed on leaving. Raises WarehouseBusy or DataFolderError."""
        try:
            connection = duckdb.connect(str(self._warehouse), config={"memory_limit": MEMORY_LIMIT})
        except duckdb.IOException as error:
            raise trouble(self._warehouse, error, "read") from error
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()

    def _ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        if not self._warehouse.exists():
            return []
        with self.connected() as connection:
            try:
                return connection.execute(query, values).fetchall()
            except duckdb.CatalogException:
                return []  # nothing has been loaded yet

    def rows(self, table: str, ids: Iterable[int]) -> dict[int, KnownRow]:
        """Return what is known of the records `ids` of `table`."""
        wanted = list(set(ids))
        if not wanted:
            return {}
        query = (
            f"SELECT t.id, t.date_modified_gmt, t.observed_at, md5(t.body), NOT {_ABSENT} FROM raw.{_name(table)} t"  # noqa: S608
            # The bounds let DuckDB pass over row groups; an IN alone reads them all.
            " WHERE t.id BETWEEN $low AND $high AND t.id IN (SELECT unnest($ids))"
        )
        found = self._ask(query, ids=wanted, low=min(wanted), high=max(wanted), object=OBJECTS[table])
        return {row[0]: KnownRow(_utc(row[1]), row[2].astimezone(UTC), row[3], row[4]) for row in found}

    def observed(self, table: str, ids: Iterable[int]) -> dict[int, datetime]:
        """Return when those of `ids` that are held in `table` were observed."""
        wanted = list(set(ids))
        if not wanted:
            return {}
        query = (
            f"SELECT id, observed_at FROM raw.{_name(table)}"  # noqa: S608
            " WHERE id BETWEEN $low AND $high AND id IN (SELECT unnest($ids))"
        )
        found = self._ask(query, ids=wanted, low=min(wanted), high=max(wanted))
        return {row[0]: row[1].astimezone(UTC) for row in found}

    def bodies(self, table: str, ids: Iterable[int]) -> dict[int, str]:
        """Return the bodies of those of `ids` that are held in `table`."""
        wanted = list(set(ids))
        query = f"SELECT id, body FROM raw.{_name(table)} WHERE id IN (SELECT unnest($ids))"  # noqa: S608
        return dict(self._ask(query, ids=wanted)) if wanted else {}

    def live(self, table: str) -> int:
        """Return how many records of `table` are held, tombstoned ones left out."""
        query = f"SELECT count(*) FROM raw.{_name(table)} t WHERE {_ABSENT}"  # noqa: S608
        return int(next(iter(self._ask(query, object=OBJECTS[table])), (0,))[0])

    def entombed(self, table: str, ids: Iterable[int]) -> set[int]:
        """Return those of `ids` that have a tombstone, be it older than their row."""
        query = "SELECT id FROM raw.deletions WHERE object = $object AND id IN (SELECT unnest($ids))"
        return {row[0] for row in self._ask(query, ids=list(set(ids)), object=OBJECTS[table])}

    def refunds_of(self, orders: Iterable[int]) -> dict[int, set[int]]:
        """Return the ids of the refunds held for each of `orders`, tombstoned ones left out."""
        found: dict[int, set[int]] = {number: set() for number in orders}
        query = (
            f"SELECT t.parent_id, t.id FROM raw.refunds t WHERE t.parent_id IN (SELECT unnest($orders)) AND {_ABSENT}"  # noqa: S608
        )
        for order, refund in self._ask(query, orders=list(found), object="refund"):
            found[order].add(refund)
        return found

    def not_seen_since(self, table: str, instant: datetime) -> list[tuple[int, int | None]]:
        """Return (id, parent_id) of the live rows of `table` that were last observed before `instant`."""
        query = f"SELECT t.id, t.parent_id FROM raw.{_name(table)} t WHERE t.observed_at < $instant AND {_ABSENT}"  # noqa: S608
        return [(row[0], row[1]) for row in self._ask(query, instant=instant, object=OBJECTS[table])]

    def between(self, table: str, low: int, high: int) -> set[int]:
        """Return the ids of the live rows of `table` from `low` to `high`."""
        query = f"SELECT t.id FROM raw.{_name(table)} t WHERE t.id BETWEEN $low AND $high AND {_ABSENT}"  # noqa: S608
        return {row[0] for row in self._ask(query, low=low, high=high, object=OBJECTS[table])}

    def orders_with_refunds(self, after: int) -> list[int]:
        """Return the ids above `after` of the orders whose body lists refunds, ascending."""
        found = self._ask(
            "SELECT id FROM raw.orders WHERE id > $after AND json_array_length(body::JSON -> '$.refunds') > 0 ORDER BY id",
            after=after,
        )
        return [row[0] for row in found]

    def counts(self) -> tuple[int, int, int]:
        """Return how many live orders, trashed orders and customers are held."""
        trashed = "t.status IS NOT DISTINCT FROM 'trash'"
        query = f"SELECT count(*), count(*) FILTER ({trashed}) FROM raw.orders t WHERE {_ABSENT}"  # noqa: S608
        orders, trash = next(iter(self._ask(query, object="order")), (0, 0))
        query = f"SELECT count(*) FROM raw.customers t WHERE {_ABSENT}"  # noqa: S608
        people = next(iter(self._ask(query, object="customer")), (0,))[0]
        return orders - trash, trash, people

    def unchanged(self, table: str, rows: Sequence[Row]) -> set[int]:
        """Return the ids of those rows that the warehouse already holds, letter for letter."""
        known = self.rows(table, [row.id for row in rows])
        return {row.id for row in rows if (k := known.get(row.id)) and not k.gone and k.digest == digest(row.body)}


def _name(table: str) -> str:
    """Return `table` if it is one of ours: names cannot be parameters of a query."""
    return table if table in OBJECTS else ""


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)
