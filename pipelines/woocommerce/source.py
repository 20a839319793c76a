"""The dlt side: raw tables merged on their keys as Arrow, with the mark of the sync in dlt's state.

A state counts only where its load was completed, so rows and mark stand or fall together. The warehouse is the only
memory: working files are dropped at the start, and with them whatever a killed run left half done. It is read again.
"""

import atexit
import gc
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.trouble import trouble
from pipelines.woocommerce.progress import APPLIED, Applied, Batch, Mark
from pipelines.woocommerce.rows import COLUMNS, DELETIONS, Row, Tombstone, arrow

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract.source import DltSource

SOURCE: Final = "woocommerce"
DATASET: Final = "raw"
# Nothing is sent home, and no copy of what was loaded stays behind: it is personal data.
_SETTINGS: Final = {
    "runtime": {"dlthub_telemetry": False},
    "load": {"delete_completed_jobs": True, "truncate_staging_dataset": True},
}
MEMORY_LIMIT: Final = "256MB"
LEDGER: Final = "applied_changes"
KEYS: Final = {DELETIONS: "key", LEDGER: "seq"}


class Loader:
    """Loads batches into one shop's warehouse. Who makes one holds the shop's warehouse lock.

    Raises WarehouseBusy where another process has it open all the same, DataFolderError where it cannot be read or
    written.
    """

    def __init__(self, warehouse: Path, pipelines_dir: Path, shop: str) -> None:
        import dlt

        _configure()
        self._warehouse = warehouse
        for folder in (warehouse.parent, pipelines_dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # they hold personal data
        self._pipeline = dlt.pipeline(
            f"{SOURCE}_{shop}",
            pipelines_dir=str(pipelines_dir),
            destination=dlt.destinations.duckdb(str(warehouse)),
            dataset_name=DATASET,
        )
        self._pipeline.drop()
        self._run("read", self._pipeline.sync_destination)
        self._fresh = not self._state()
        self._highest: dict[str, int] = {}
        self._run("read", lambda: self._highest.update(_highest(warehouse)))

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._pipeline.state.get("sources", {}).get(SOURCE, {})
        return state

    def mark(self) -> Mark:
        """Return where the last committed load stands."""
        return Mark.model_validate(self._state().get("mark", {}))

    def load(self, batches: Sequence[Batch]) -> dict[str, int]:
        """Commit `batches` and the mark of the last one. Return the rows written, by raw table."""
        tables = _tables(batches)
        if self._fresh:  # a reader finds all tables from the first load on
            tables = {**{name: arrow(name, []) for name in COLUMNS}, LEDGER: ledger([]), **tables}
        last = {name: self._last(name, table) for name, table in tables.items() if name != DELETIONS}
        # A copy of a shop is read by id, so nearly all of its pages are above all that is held: nothing to merge with.
        added = [name for name in last if self._is_above(name, tables[name])]
        source = _source(tables, added, batches[-1].mark.model_dump(mode="json"))
        self._run("written", lambda: self._write(source))
        self._fresh = False
        self._highest |= last
        return {name: table.num_rows for name, table in tables.items() if table.num_rows}

    def _write(self, source: "DltSource") -> None:
        """Run dlt with the file held open: it opens and closes it a dozen times, each with a checkpoint of its own.

        The limit holds for dlt's connections, too; without one DuckDB keeps as much of the file in memory as there is.
        """
        import duckdb

        with duckdb.connect(str(self._warehouse)) as connection:
            connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
            self._pipeline.run(source, loader_file_format="parquet")

    def _last(self, name: str, table: "pa.Table") -> int:
        """Return the highest key of the table once `table` is in."""
        import pyarrow.compute as pc

        held = self._highest.get(name, 0)
        return max(held, pc.max(table.column(0)).as_py()) if table.num_rows else held

    def _is_above(self, name: str, table: "pa.Table") -> bool:
        """Return whether all keys of `table` are above those that are held."""
        import pyarrow.compute as pc

        return not table.num_rows or pc.min(table.column(0)).as_py() > self._highest.get(name, 0)

    def _run(self, verb: str, step: Any) -> None:
        import duckdb
        from dlt.common.exceptions import DltException

        try:
            step()
        except (DltException, duckdb.Error, OSError) as error:
            raise trouble(self._warehouse, error, verb) from error


def _configure() -> None:
    """Set dlt up in this process, by a run context of our own: what `_SETTINGS` says, and nothing beside it.

    dlt's usual context looks for secrets in Streamlit, which takes more than a second to import; it takes settings from
    whatever folder the process was started in; and it looks each of some thousand values up in every place there is.
    """
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.providers import CustomLoaderDocProvider
    from dlt.common.configuration.providers.provider import ConfigProvider
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
    from dlt.common.runtime.run_context import RunContext

    class OurContext(RunContext):
        def initial_providers(self) -> list[ConfigProvider]:
            return [CustomLoaderDocProvider("regulars", lambda: dict(_SETTINGS), supports_secrets=False)]

    if PluggableRunContext not in Container():
        Container()[PluggableRunContext] = PluggableRunContext(OurContext(None))
        # Half a million objects of the libraries stay for good: looking through them again and again for garbage costs
        # as much as reading the pages.
        gc.freeze()
        atexit.register(gc.unfreeze)


def _highest(warehouse: Path) -> dict[str, int]:
    """Return the highest key of each raw table that has numbers for keys; empty before the first load."""
    import duckdb

    if not warehouse.exists():
        return {}
    with duckdb.connect(str(warehouse)) as connection:
        asked = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'raw'"
        there = {name for (name,) in connection.execute(asked).fetchall()} - {DELETIONS}
        found = {
            name: connection.execute(f"SELECT max({KEYS.get(name, 'id')}) FROM raw.{name}").fetchall()[0][0]  # noqa: S608
            for name in (COLUMNS.keys() | {LEDGER}) & there
        }
        return {name: number for name, number in found.items() if number is not None}


def _tables(batches: Sequence[Batch]) -> "dict[str, pa.Table]":
    rows: dict[str, list[Row | Tombstone]] = {}
    for batch in batches:
        for table, some in batch.rows.items():
            rows.setdefault(table, []).extend(some)
        rows.setdefault(DELETIONS, []).extend(batch.gone)
    made = {table: arrow(table, some) for table, some in rows.items() if some}
    applied = [one for batch in batches for one in batch.applied]
    return {**made, LEDGER: ledger(applied)} if applied else made


def ledger(applied: "Sequence[Applied]") -> "pa.Table":
    """Return rows of the ledger of change rows as Arrow: seq, applied_at (UTC) and how, one row a seq."""
    import polars as pl

    frame = pl.DataFrame(list(applied), schema=APPLIED, orient="row").unique("seq", keep="last", maintain_order=True)
    made = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    return made.cast(made.schema.set(0, made.schema.field(0).with_nullable(nullable=False)))


def _source(tables: "Mapping[str, pa.Table]", added: Collection[str], mark: dict[str, Any]) -> "DltSource":
    """Return what dlt loads: the tables, those in `added` without looking for rows to replace, and the mark."""
    import dlt

    def progress() -> Iterator["pa.Table"]:
        dlt.current.source_state()["mark"] = mark
        yield from ()

    resources = [
        dlt.resource(
            [table],
            name=name,
            primary_key=KEYS.get(name, "id"),
            # The ledger too: a load that was killed half-way is done again, and each seq stands once all the same.
            write_disposition="append" if name in added else "merge",
            file_format="parquet",
        )
        for name, table in tables.items()
    ]
    resources.append(dlt.resource(progress, name="progress"))
    source: DltSource = dlt.source(lambda: resources, name=SOURCE, max_table_nesting=0)()
    return source
