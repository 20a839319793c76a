"""The warehouse of one shop: a DuckDB file with `raw` (dlt writes it), `staging`, `marts` and a few facts.

Staging is incremental: a raw row is staged when its `observed_at` is not the staged one's, in batches that each commit,
so a run that was killed goes on where it stopped. Staging is rebuilt whole when the schema version or the shop's time
zone changes, since days are written in shop time. The caller holds the shop's lock (`pipelines/resources/warehouse.py`).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import polars as pl

from pipelines.reading import NAMES_OF_GUESTS, NARROW, NARROWED, ORDERS_BY_NAME, counted, exists, read_table
from pipelines.writing import create_mart
from regulars.errors import DataFolderError, NewerSchema, WarehouseBusy
from transforms import schemas, staged_schemas
from transforms.marts import ROW_ORDER
from transforms.people import SHOWN

SCHEMA_VERSION = 1
# Of the staged tables alone: they are rebuilt from raw when it changes. 2: `orders.shipping_tax`. 3: categories as shown.
STAGING_VERSION = 3
BATCH_ROWS = 4_000
# The bounds let DuckDB pass over row groups; an IN alone reads them all.
AMONG = "{key} BETWEEN $low AND $high AND {key} IN (SELECT unnest($ids))"
# One run stays under 2 GB beside Polars and dlt in the same process.
MEMORY_LIMIT = "600MB"
# Ten million orders are joined with what lies beside them, when Polars has let go of most.
WRITING_MEMORY_LIMIT = "2GB"
# Staging goes through bodies once, a few megabytes at a time: more would only keep what is not looked at again.
STAGING_MEMORY_LIMIT = "256MB"

# Patches leave rows in any order. Segments stay in the order in which they were saved.
PUBLISHED_ORDER: Mapping[str, tuple[str, ...]] = {
    **ROW_ORDER,
    "segment_members": ("customer_key", "segment_id"),
    "person_tags": ("customer_key",),
}

# Raw rows in, the staged tables made of them out, collected together.
Stage = Callable[[pl.LazyFrame], Mapping[str, pl.LazyFrame]]
Report = Callable[[str, int, int | None], None]


class Warehouse:
    """Reads and writes one shop's warehouse file, opening it for each piece of work."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: duckdb.DuckDBPyConnection | None = None
        self._written: dict[str, pl.DataFrame] = {}

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the file, in UTC, with bounded memory; closed on leaving.

        Inside another `connect` of this object it is a connection of its own to the file that is open already.

        Raises NewerSchema, WarehouseBusy where another process has the file open, DataFolderError where it or the disk
        refuses.
        """
        with self._opened() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            if self._open is not None:
                yield connection
                return
            connection.execute("CREATE SCHEMA IF NOT EXISTS meta")
            connection.execute("CREATE TABLE IF NOT EXISTS meta.facts (name TEXT PRIMARY KEY, value JSON NOT NULL)")
            self._refuse_newer(connection)
            self._open = connection
            try:
                yield connection
            finally:
                self._open = None

    @contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            if self._open is not None:
                with self._open.cursor() as connection:
                    yield connection
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with duckdb.connect(str(self.path), config={"memory_limit": MEMORY_LIMIT}) as connection:
                yield connection
        except (duckdb.IOException, duckdb.OutOfMemoryException, OSError) as error:
            if "Could not set lock" in str(error):
                raise WarehouseBusy(
                    f"Another program has {self.path.name} open; DuckDB lets one at a time: close it."
                ) from error
            raise DataFolderError(
                f"The warehouse {self.path.name} cannot be used ({type(error).__name__}): check the disk's free space "
                "and the folder's rights."
            ) from error

    def facts(self) -> dict[str, Any]:
        """Return what the last sync told of the shop: url, shop_name, timezone, synced_at, change_seq, sync."""
        with self.connect() as connection:
            return _facts(connection)

    def remember(self, **facts: Any) -> None:
        """Store facts (JSON values) under their names, in one transaction."""
        with self.connect() as connection:
            remember(connection, facts)

    def stage(self, raw: str, stage: Stage, report: Report) -> int:
        """Bring the staged tables that come from `raw.<raw>` up to date and return how many raw rows were staged.

        The staged table of the same name holds exactly one row per raw row.
        """
        names = stage(schemas.empty(staged_schemas.RAW)).keys()
        with self.connect() as connection:
            if not exists(connection, "raw", raw):
                return 0
            connection.execute(f"SET memory_limit = '{STAGING_MEMORY_LIMIT}'")
            connection.execute("CREATE TABLE IF NOT EXISTS staging.touched (object TEXT, id BIGINT)")
            for name in names:
                create_table(connection, "staging", name, staged_schemas.STAGED[name])
            return sum(self._stage_batches(connection, raw, stage, report))

    def _stage_batches(
        self, connection: duckdb.DuckDBPyConnection, raw: str, stage: Stage, report: Report
    ) -> Iterator[int]:
        changed = connection.sql(
            f"SELECT id FROM raw.{raw} r ANTI JOIN staging.{raw} s "
            f"ON s.{staged_schemas.STAGED_KEYS[raw]} = r.id AND s.observed_at = r.observed_at ORDER BY id"
        ).fetchall()
        for start in range(0, len(changed), BATCH_ROWS):
            ids = [row[0] for row in changed[start : start + BATCH_ROWS]]
            which = {"ids": ids, "low": ids[0], "high": ids[-1]}
            batch = connection.sql(
                f"SELECT {', '.join(staged_schemas.RAW)} FROM raw.{raw} WHERE {AMONG.format(key='id')}", params=which
            ).pl()
            frames = stage(batch.lazy())
            with transaction(connection):
                for name, frame in zip(frames, pl.collect_all(list(frames.values())), strict=True):
                    among = AMONG.format(key=staged_schemas.STAGED_KEYS[name])
                    connection.execute(f"DELETE FROM staging.{name} WHERE {among}", which)
                    insert(connection, "staging", name, frame)
                connection.execute("INSERT INTO staging.touched SELECT $raw, unnest($ids)", {"raw": raw, "ids": ids})
            report(f"staging {raw}", start + len(ids), len(changed))
            yield len(ids)

    def prepare_staging(self, timezone: str) -> None:
        """Drop the staged tables where another schema version or time zone wrote them: they are rebuilt from raw."""
        wanted = {"staging_version": STAGING_VERSION, "staging_timezone": timezone}
        with self.connect() as connection:
            facts = _facts(connection)
            with transaction(connection):
                if {name: facts.get(name) for name in wanted} != wanted:
                    connection.execute("DROP SCHEMA IF EXISTS staging CASCADE")
                    connection.execute("DROP SCHEMA IF EXISTS basis CASCADE")  # the next marts are derived whole
                    remember(connection, wanted)
                connection.execute("CREATE SCHEMA IF NOT EXISTS staging")

    def staged(self) -> dict[str, pl.LazyFrame]:
        """Return the staged tables and the deletions, in memory; a table that does not exist yet comes back empty."""
        return self._staged(staged_schemas.STAGED)

    def staged_by_name(self) -> dict[str, pl.LazyFrame]:
        """Return `staged`, but of the orders' addresses only the names of guests."""
        return self._staged(
            {**staged_schemas.STAGED, "orders": ORDERS_BY_NAME}, {"orders": {"billing": NAMES_OF_GUESTS}}
        )

    def staged_narrow(self) -> dict[str, pl.LazyFrame]:
        """Return `staged`, but of orders and their lines only what figures are derived from."""
        return self._staged({**staged_schemas.STAGED, **NARROW}, NARROWED)

    def _staged(
        self,
        tables: Mapping[str, Mapping[str, pl.DataType]],
        computed: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> dict[str, pl.LazyFrame]:
        with self.connect() as connection:
            read = {
                name: read_table(connection, "staging", name, columns, computed=computed.get(name, {}))
                for name, columns in tables.items()
            }
            return {**read, "deletions": read_table(connection, "raw", "deletions", staged_schemas.RAW_DELETIONS)}

    def orders_in_full(self, ids: pl.DataFrame) -> pl.DataFrame:
        """Return of the staged orders with these `order_id` what people are shown by, addresses and all."""
        columns = {name: staged_schemas.STAGED_ORDERS[name] for name in SHOWN}
        with self.connect() as connection:
            return read_table(connection, "staging", "orders", columns, among=ids["order_id"]).collect()

    def counts(self, schema: str) -> dict[str, int]:
        """Return how many rows each of our tables in `schema` (`raw`, `staging` or `marts`) has now."""
        ours = {"raw": staged_schemas.RAW_TABLES, "staging": staged_schemas.STAGED, "marts": schemas.MARTS}[schema]
        with self.connect() as connection:
            return counted(connection, schema, ours)

    def write_marts(
        self,
        tables: Mapping[str, pl.DataFrame],
        facts: Mapping[str, Any],
        settle: Callable[[duckdb.DuckDBPyConnection], None] | None = None,
    ) -> None:
        """Replace the marts by `tables` and remember `facts` of them, in one transaction, with what `settle` does.

        `settle` may write further tables. `marts` hands out `tables` again without a read: the checks and the publish
        of the same run look at them next.
        """
        self.forget_written()
        with self.connect() as connection, transaction(connection):
            connection.execute(f"SET memory_limit = '{WRITING_MEMORY_LIMIT}'")
            # DuckDB tries every way to compress a column; this one its successor beats, and trying it takes longest.
            connection.execute("SET disabled_compression_methods = 'fsst'")
            connection.execute("CREATE SCHEMA IF NOT EXISTS marts")
            for name, frame in tables.items():
                create_mart(connection, name)
                insert(connection, "marts", name, frame)
            remember(connection, {"marts": dict(facts)})
            connection.execute("DROP SCHEMA IF EXISTS basis CASCADE")
            if settle is not None:
                settle(connection)
            connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
            connection.execute("RESET disabled_compression_methods")
        self._written = dict(tables)

    def forget_written(self) -> None:
        """Let go of the marts in memory: those in the file are about to be others."""
        self._written = {}

    def mart_keys(self) -> pl.LazyFrame:
        """Return the keys of the people in the marts, as `customer_key`."""
        with self.connect() as connection:
            keys = {"customer_key": schemas.MARTS["customers"]["customer_key"]}
            return read_table(connection, "marts", "customers", keys)

    def marts(self) -> dict[str, pl.LazyFrame]:
        """Return the marts' tables, their rows in the order in which they are published.

        They are read once: the checks and the publish of one run look at them one after the other.
        """
        missing = {name: columns for name, columns in schemas.MARTS.items() if name not in self._written}
        if missing:
            with self.connect() as connection:
                for name, columns in missing.items():
                    frame = read_table(connection, "marts", name, columns)
                    self._written[name] = (
                        frame.sort(PUBLISHED_ORDER[name]).collect() if name in PUBLISHED_ORDER else frame.collect()
                    )
        return {name: schemas.conform(self._written[name].lazy(), columns) for name, columns in schemas.MARTS.items()}

    def _refuse_newer(self, connection: duckdb.DuckDBPyConnection) -> None:
        version = _facts(connection).get("schema_version")
        if version is None:
            remember(connection, {"schema_version": SCHEMA_VERSION})
        elif version > SCHEMA_VERSION:
            raise NewerSchema(
                f"{self.path.name} was written by a newer Regulars (schema {version}; this one knows {SCHEMA_VERSION}): "
                "install that version, or name another folder in REGULARS_DATA."
            )


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what happens inside, or nothing of it."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _facts(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    rows = connection.sql("SELECT name, value::TEXT FROM meta.facts").fetchall()
    return {name: json.loads(value) for name, value in rows}


def remember(connection: duckdb.DuckDBPyConnection, facts: Mapping[str, Any]) -> None:
    """Store facts (JSON values) under their names."""
    for name, value in facts.items():
        connection.execute("INSERT OR REPLACE INTO meta.facts VALUES (?, ?::JSON)", [name, json.dumps(value)])


def create_table(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str, columns: Mapping[str, pl.DataType]
) -> None:
    """Create `schema.table` with these columns, unless it is there."""
    connection.register("columns_of", pl.DataFrame(schema=dict(columns)).to_arrow())
    connection.execute(f"CREATE TABLE IF NOT EXISTS {schema}.{table} AS SELECT * FROM columns_of")
    connection.unregister("columns_of")


def insert(connection: duckdb.DuckDBPyConnection, schema: str, table: str, frame: pl.DataFrame) -> None:
    """Add the rows of `frame`, whose columns are the table's in its order."""
    connection.register("rows_of", frame.to_arrow())
    connection.execute(f"INSERT INTO {schema}.{table} SELECT * FROM rows_of")
    connection.unregister("rows_of")
