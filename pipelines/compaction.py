"""Keep a warehouse file bounded: what nobody will ask for is forgotten, and the file is written anew when it has grown.

DuckDB marks replaced rows as gone and keeps their room: ten changed orders a sync cost about 40 kB for ever, and a file
that was changed for a year holds mostly what is no more. Deleting and CHECKPOINT give nothing back; only a copy into a
new file does. The caller holds the shop's lock (`pipelines/resources/warehouse.py`).
"""

from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from pipelines.warehouse import Warehouse, transaction
from regulars.durable import bring_to_disk

LEDGER_KEPT = timedelta(days=90)
# Below this a file is left as it is. Above, it may grow to twice its size after the last rewrite, so that rewriting
# costs no more than writing did.
SMALL_BYTES = 64_000_000
GROWTH = 2.0
COMPACT_BYTES = "compact_bytes"


def tidy(warehouse: Warehouse, now: datetime) -> int:
    """Forget the old ledger and dlt's old bookkeeping, write the file anew where that is due; return the bytes given back.

    Raises WarehouseBusy or DataFolderError as `Warehouse.connect` does.
    """
    if not warehouse.path.exists():
        return 0
    forget(warehouse, now - LEDGER_KEPT)
    before = warehouse.path.stat().st_size
    if before < max(SMALL_BYTES, GROWTH * warehouse.facts().get(COMPACT_BYTES, 0)):
        return 0
    rewrite(warehouse)
    after = warehouse.path.stat().st_size
    warehouse.remember(**{COMPACT_BYTES: after})
    return before - after


def forget(warehouse: Warehouse, before: datetime) -> None:
    """Delete what is older than `before` of the ledger of applied change rows, and of dlt's loads and states.

    dlt reads the state of the newest load that was completed; that load, its state and all later ones stay.
    """
    with warehouse.connect() as connection, transaction(connection):
        there = {
            name
            for (name,) in connection.sql(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'raw'"
            ).fetchall()
        }
        if "applied_changes" in there:
            connection.execute("DELETE FROM raw.applied_changes WHERE applied_at < ?", [before])
        if {"_dlt_loads", "_dlt_pipeline_state"} <= there:
            newest = (
                "SELECT max(l.load_id) FROM raw._dlt_loads l JOIN raw._dlt_pipeline_state s "
                "ON s._dlt_load_id = l.load_id WHERE l.status = 0"
            )
            connection.execute(f"DELETE FROM raw._dlt_pipeline_state WHERE _dlt_load_id < ({newest})")  # noqa: S608
            connection.execute(
                f"DELETE FROM raw._dlt_loads WHERE load_id < ({newest}) AND inserted_at < ?",  # noqa: S608
                [before],
            )


def rewrite(warehouse: Warehouse) -> None:
    """Write the warehouse into a new file beside it and put that in its place, in one step that holds or does not."""
    new = warehouse.path.with_suffix(".rewritten")
    for file in (new, _log_of(new)):  # of a rewrite that was killed
        file.unlink(missing_ok=True)
    with warehouse.connect() as connection:
        _copy(connection, new)
    new.chmod(warehouse.path.stat().st_mode)
    bring_to_disk(new)
    new.replace(warehouse.path)
    bring_to_disk(warehouse.path.parent)


def _copy(connection: duckdb.DuckDBPyConnection, new: Path) -> None:
    here = connection.sql("SELECT current_database()").fetchall()[0][0]
    quoted = str(new).replace("'", "''")
    connection.execute(f"ATTACH '{quoted}' AS rewritten")
    connection.execute(f'COPY FROM DATABASE "{here}" TO rewritten')
    connection.execute("CHECKPOINT rewritten")
    connection.execute("DETACH rewritten")


def _log_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.wal")
