"""Loads into the raw tables: each record stands once, whatever order it comes in."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from pipelines.woocommerce.progress import Batch, Mark
from pipelines.woocommerce.rows import PULL, Row
from pipelines.woocommerce.source import Loader

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def orders(low: int, high: int) -> Batch:
    """Return a batch of orders with the ids from `low` to `high`."""
    return Batch(Mark(), {"orders": [Row(n, None, None, None, None, NOON, PULL, "{}") for n in range(low, high + 1)]})


def test_a_load_that_overlaps_with_a_merged_one_is_merged_too(tmp_path: Path) -> None:
    """After a kill a journal is replayed over rows that are in, and the walk begins with a page of it: once doubled."""
    Loader(tmp_path / "shop.duckdb", tmp_path / "dlt", "shop").load([orders(1, 3)])
    loader = Loader(tmp_path / "shop.duckdb", tmp_path / "dlt", "shop")
    loader.load([orders(2, 5)])
    loader.load([orders(5, 6)])
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        assert connection.execute("SELECT list(id ORDER BY id) FROM raw.orders").fetchall() == [([1, 2, 3, 4, 5, 6],)]
