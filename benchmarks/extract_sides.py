"""One side of `extract`, in a process of its own: `python -m benchmarks.extract_sides SIDE ORDERS FOLDER`.

Prints one JSON object: seconds from the first page to the last table (imports not counted), the process's peak memory,
and what the tables hold, by which the sides are held against each other.
"""

import json
import resource
import sys
import time
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

FOUND = {
    "ours": ("raw.orders", "staging.orders", "staging.order_lines", "staging.refunds"),
    "rest_api": ("raw.orders", "raw.orders", "raw.orders__line_items", "raw.refunds"),
    "by_hand": ("raw_orders", "orders", "lines", "refunds"),
}


def found(side: str, warehouse: Path) -> dict[str, str | int]:
    """Return what is in the tables: rows of each, the sum of totals, and how many orders are completed."""
    raw, orders, lines, refunds = FOUND[side]
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        names = ("raw", "orders", "lines", "refunds", "total", "completed")
        values = connection.sql(
            f"SELECT (SELECT count(*) FROM {raw}), (SELECT count(*) FROM {orders}), (SELECT count(*) FROM {lines}),"
            f" (SELECT count(*) FROM {refunds}), (SELECT sum(total::DECIMAL(18, 2))::TEXT FROM {orders}),"
            f" (SELECT count(*) FROM {orders} WHERE status = 'completed')"
        ).fetchall()[0]
    return dict(zip(names, values, strict=True))


def main(side: str, orders: int, folder: Path) -> None:
    """Run one side and print what it took: after a run of two pages elsewhere, which brings in what is imported late."""
    prepared = import_module(f"benchmarks.extract_{side}").prepared
    with TemporaryDirectory(dir=folder) as elsewhere:
        prepared(Path(elsewhere), 200)()
    run = prepared(folder, orders)
    started, used = time.perf_counter(), time.process_time()
    run()
    told = {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - used,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1_000_000,
        "found": found(side, folder / "shop.duckdb"),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
