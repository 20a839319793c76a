"""Loading raw rows: each record once, whichever way its rows come."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from pipelines.woocommerce.progress import Batch, Mark
from pipelines.woocommerce.rows import Row
from pipelines.woocommerce.source import Loader

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def orders(first: int, last: int, at: datetime) -> Batch:
    """Return a batch of orders `first` to `last`, observed then."""
    rows = [Row(number, None, "completed", NOW, NOW, at, "pull", "{}") for number in range(first, last + 1)]
    return Batch(Mark(orders=at), {"orders": rows})


def test_pages_that_overlap_the_last_load_add_nothing_twice(tmp_path: Path) -> None:
    """A walk that goes on after a kill begins with the page it had; so does the load after one that merged."""
    warehouse = tmp_path / "warehouse" / "shop.duckdb"
    loader = Loader(warehouse, tmp_path / "dlt", "shop")
    for turn, (first, last) in enumerate([(1, 10), (10, 20), (20, 25), (24, 24), (26, 30)]):
        loader.load([orders(first, last, NOW + timedelta(minutes=turn))])

    with duckdb.connect(str(warehouse)) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT id) FROM raw.orders").fetchall() == [(30, 30)]
        seen = connection.execute("SELECT id, minute(observed_at) FROM raw.orders WHERE id IN (10, 20, 24) ORDER BY id")
        assert seen.fetchall() == [(10, 1), (20, 2), (24, 3)]
