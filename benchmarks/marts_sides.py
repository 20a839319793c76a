"""One side of `marts` or `incremental`, in a process of its own: `python -m benchmarks.marts_sides SIDE STAGED MADE`.

SIDE is `ours`, `by_hand` or `changes`; STAGED a warehouse of `benchmarks.staged`; MADE where the marts go (`by_hand`) or a
copy of the warehouse to derive in. Prints one JSON object: seconds of each run, the peak memory in megabytes, and sums
of the tables by which the sides are held against each other. Imports and copies are not counted.
"""

import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.marts_sql import derive_by_hand
from benchmarks.staged import SHOP, TIMEZONE
from pipelines.derive import derive_marts
from pipelines.resources.deployment import Deployment
from pipelines.warehouse import Warehouse
from transforms.days import as_of_for_day

DAY = date(2026, 11, 12)
CHANGED = 100
SUMS = (
    "count(*), sum(orders_count), sum(net), sum(refunded), sum(recency_days), sum(median_days_between), "
    "sum(days_to_second), sum(active_months), sum(products_count), sum(len(categories)), sum(len(coupons)), sum(r), "
    "sum(f), sum(m), sum(len(segments))"
)


def found(file: Path, customers: str) -> list[str]:
    """Return sums over the customers, as text."""
    with duckdb.connect(str(file), read_only=True) as connection:
        return [str(value) for value in connection.sql(f"SELECT {SUMS} FROM {customers}").fetchall()[0]]


def timed(run: Callable[[], object]) -> float:
    """Return how many seconds it took."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def whole(warehouse: Path) -> None:
    """Derive everything from the staged tables of this warehouse, as a run does."""
    done = derive_marts(Deployment(), Warehouse(warehouse), SHOP, DAY, whole=True)
    assert done.whole


def changes(warehouse: Path) -> None:
    """Derive what `touch` changed."""
    done = derive_marts(Deployment(), Warehouse(warehouse), SHOP, DAY)
    assert not done.whole
    assert done.written["customers"]


def touch(warehouse: Path, turn: int) -> None:
    """Change a hundred orders, far from each other, as a sync's staging does."""
    with Warehouse(warehouse).connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS staging.touched (object TEXT, id BIGINT)")
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE picked AS SELECT order_id AS id FROM staging.orders "
            "ORDER BY hash(order_id, $turn) LIMIT $most",
            {"turn": turn, "most": CHANGED},
        )
        connection.execute("UPDATE staging.orders SET total = total + 1 WHERE order_id IN (SELECT id FROM picked)")
        connection.execute("INSERT INTO staging.touched SELECT 'orders', id FROM picked")


def main(side: str, staged: Path, made: Path) -> None:
    """Run one side and print what it took."""
    told: dict[str, Any] = {}
    if side == "by_hand":
        as_of = as_of_for_day(DAY, TIMEZONE).isoformat()
        told["seconds"] = timed(lambda: derive_by_hand(staged, made, as_of=as_of, timezone=TIMEZONE))
        told["found"] = found(made, "customers")
    else:
        shutil.copyfile(staged, made)
        told["seconds"] = timed(lambda: whole(made))
        if side == "changes":
            touch(made, 0)
            changes(made)  # the first turn is not counted
            touch(made, 1)
            told["changes"] = timed(lambda: changes(made))
        told["found"] = found(made, "marts.customers")
    told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1_000_000
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
