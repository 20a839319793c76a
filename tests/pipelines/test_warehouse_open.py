"""Opening a warehouse, once and inside itself, and what a derive remembers of the rows it read."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from benchmarks.staged import stage_made_up_shop
from pipelines.known import WarehouseKnown
from pipelines.warehouse import Warehouse, transaction


def test_inside_another_a_connection_is_one_of_its_own_in_utc(tmp_path: Path) -> None:
    """A read within a write's transaction must see what is committed, and days must not be the machine's."""
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with warehouse.connect() as outer, transaction(outer):
        outer.execute("CREATE TABLE uncommitted (number BIGINT)")
        with warehouse.connect() as inner:
            names = inner.sql("SELECT table_name FROM duckdb_tables()").fetchall()
            zone = inner.sql("SELECT current_setting('TimeZone')").fetchall()
    assert ("uncommitted",) not in names
    assert zone == [("UTC",)]


def test_a_warehouse_opens_again_after_an_error_inside(tmp_path: Path) -> None:
    """A run that failed must not leave the next one with a connection that is closed."""
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with pytest.raises(duckdb.CatalogException), warehouse.connect(), warehouse.connect() as inner:
        inner.execute("SELECT * FROM no_such_table")
    with warehouse.connect() as connection:
        assert connection.sql("SELECT 1").fetchall() == [(1,)]


def test_staged_rows_that_were_asked_for_before_come_with_those_that_were_not(tmp_path: Path) -> None:
    """The walk asks for the same orders again and again: each must come once, and no other with them."""
    known = WarehouseKnown(stage_made_up_shop(tmp_path / "w.duckdb", people=20, orders=60))
    for asked in ([1, 2], [2, 3, 3], [], [3, 1, 999_999], [4]):
        among = pl.Series("order_id", asked, dtype=pl.Int64)
        found = known.staged("orders", among).collect()["order_id"]
        assert sorted(found) == sorted({*asked} - {999_999})
