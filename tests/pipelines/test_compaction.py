"""A warehouse that is changed again and again stays bounded, and loses nothing when it is written anew."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock

from pipelines import compaction
from pipelines.compaction import rewrite, tidy
from pipelines.housekeeping import tidy_warehouse
from pipelines.warehouse import Warehouse
from pipelines.woocommerce.progress import Applied, Batch, Mark
from pipelines.woocommerce.rows import PULL, Row, row_of
from pipelines.woocommerce.source import Loader
from tests.pipelines.shop_house import NAME, House

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def order(number: int, edition: int = 0) -> Row:
    """Return a raw order of about 3 kB that differs from edition to edition."""
    item = {"id": number, "status": "completed", "note": "".join(f"{number * edition * k:x}" for k in range(1, 400))}
    return row_of("orders", item, observed_at=NOW + timedelta(seconds=edition), observed_by=PULL)


def everything(warehouse: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables but dlt's, and what each column is."""
    with duckdb.connect(str(warehouse)) as connection:
        tables = connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables "
            "WHERE table_name NOT LIKE '\\_dlt%' ESCAPE '\\' AND table_schema <> 'raw_staging'"
        ).fetchall()
        rows = {name: connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for (name,) in tables}
        columns = connection.execute(
            "SELECT table_schema, table_name, column_name, data_type, is_nullable FROM information_schema.columns "
            "ORDER BY ALL"
        ).fetchall()
    return {**rows, "columns": columns}


def test_a_rewritten_warehouse_holds_what_it_held(house: House) -> None:
    """The file is the only copy of what deleted records looked like; and the next sync must go on from it."""
    before = everything(house.warehouse.path)
    rewrite(house.warehouse)
    assert everything(house.warehouse.path) == before
    house.shop.place_order(lines=None, email="next@shop.example")
    assert house.run().success


def test_a_warehouse_that_a_run_holds_is_left_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB would refuse the second process; and a file must not be swapped under a writer."""
    monkeypatch.setattr(compaction, "SMALL_BYTES", 0)
    with FileLock(house.paths.warehouse_lock(NAME)):
        assert tidy_warehouse(house.deployment, NAME) == 0
    assert compaction.COMPACT_BYTES not in house.warehouse.facts()
    tidy_warehouse(house.deployment, NAME)
    assert house.warehouse.facts()[compaction.COMPACT_BYTES] > 0


def test_a_rewrite_that_was_killed_is_in_nobodys_way(house: House) -> None:
    """A half-written file beside the warehouse is personal data, and would stop the next rewrite."""
    left = house.warehouse.path.with_suffix(".rewritten")
    left.write_bytes(b"half")
    before = everything(house.warehouse.path)
    rewrite(house.warehouse)
    assert everything(house.warehouse.path) == before
    assert not left.exists()


def test_the_ledger_and_dlts_books_are_kept_for_a_while_alone(tmp_path: Path) -> None:
    """One row a delivery and two a sync, for ever, would outgrow the shop's own data."""
    loader = Loader(tmp_path / "shop.duckdb", tmp_path / "dlt", "shop")
    for seq in (1, 2, 3):
        applied = Applied(seq, NOW - timedelta(days=100 if seq < 3 else 1), "body")
        loader.load([Batch(Mark(change_seq=seq), {"orders": [order(seq)]}, applied=[applied])])
    warehouse = Warehouse(tmp_path / "shop.duckdb")
    tidy(warehouse, NOW)
    with warehouse.connect() as connection:
        assert connection.execute("SELECT seq FROM raw.applied_changes").fetchall() == [(3,)]
        assert connection.execute("SELECT count(*) FROM raw._dlt_pipeline_state").fetchall() == [(1,)]
    assert Loader(warehouse.path, tmp_path / "dlt", "shop").mark() == Mark(change_seq=3)


def size_after(tmp_path: Path, orders: int, syncs: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Return the folder's size after a first load, and after `syncs` that changed ten orders each, tidied now and then."""
    monkeypatch.setattr(compaction, "SMALL_BYTES", 2_000_000)
    loader = Loader(tmp_path / "shop.duckdb", tmp_path / "dlt", "shop")
    warehouse = Warehouse(tmp_path / "shop.duckdb")
    loader.load([Batch(Mark(), {"orders": [order(number) for number in range(1, orders + 1)]})])
    tidy(warehouse, NOW)
    first = size_of(tmp_path)
    for sync in range(1, syncs + 1):
        changed = [order((sync * 97 + k * 13) % orders + 1, edition=sync) for k in range(10)]
        loader.load([Batch(Mark(change_seq=sync), {"orders": changed})])
        if sync % 10 == 0:
            tidy(warehouse, NOW)
    return first, size_of(tmp_path)


def size_of(folder: Path) -> int:
    """Return the bytes of all files under `folder`."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_dlt_leaves_no_copies_of_what_it_loaded(tmp_path: Path) -> None:
    """Working files hold whole orders: names, addresses, what was bought."""
    loader = Loader(tmp_path / "shop.duckdb", tmp_path / "dlt", "shop")
    for sync in range(3):
        loader.load([Batch(Mark(change_seq=sync), {"orders": [order(7, edition=sync)]})])
    assert [file for file in (tmp_path / "dlt").rglob("*") if file.suffix in (".parquet", ".jsonl", ".gz")] == []
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        assert connection.execute("SELECT count(*) FROM raw_staging.orders").fetchall() == [(0,)]
        assert connection.execute("SELECT count(*) FROM raw.orders").fetchall() == [(1,)]


@pytest.mark.deep
def test_five_hundred_small_syncs_do_not_grow_the_folder_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shop that is changed all day would fill the disk within months: each sync leaves its dead rows behind."""
    first, last = size_after(tmp_path, 3_000, 500, monkeypatch)
    assert last < 2.2 * first + 4_000_000
