"""From pages in memory to merged raw and staged tables, beside dlt's own REST source and a script written by hand.

Each side runs in a process of its own (`benchmarks.extract_sides`), so that neither memory nor imports mix. All of them
parse the same bytes and end with the same orders, lines and refunds, which is checked.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.comparison import Comparison
from benchmarks.files import agree
from benchmarks.ground import Ground

PEERS = {
    "dlt rest_api": ("rest_api", "plain dlt rest_api over a transport from memory, nested tables, Parquet, merge"),
    "by hand": ("by_hand", "orjson, Polars and DuckDB by hand, delete and insert"),
}
MOST_REPEATS = 3  # a turn takes a minute
# How many times `pulled` the two sizes are whose memory is compared: 50,000 and 200,000 where nothing is said.
SMALLER, LARGER = 2.5, 10


def cases(ground: Ground) -> Iterator[Comparison]:
    """Yield our speed beside each peer's, then our peak memory at four times the orders beside that at a quarter."""
    repeats = min(ground.repeats, MOST_REPEATS)
    told: dict[str, list[dict[str, Any]]] = {side: [] for side in ("ours", *(side for side, _ in PEERS.values()))}
    for _ in range(repeats):
        for side, runs in told.items():
            runs.append(ran(side, ground.pulled))
    agree(told["ours"][0]["found"], {side: runs[0]["found"] for side, runs in told.items()})
    seconds = {side: median(run["seconds"] for run in runs) for side, runs in told.items()}
    memory = median(run["peak_mb"] for run in told["ours"])
    for peer, (side, what) in PEERS.items():
        yield Comparison(
            "extract",
            f"{ground.pulled:,} orders, pages to raw and staging; {what}",
            peer,
            seconds["ours"],
            seconds[side],
            memory,
            "s",
        )
    yield peak_memory(int(ground.pulled * SMALLER), int(ground.pulled * LARGER))


def peak_memory(few: int, many: int) -> Comparison:
    """Return the peak memory of our process at `many` orders (ours) and at `few` (theirs)."""
    theirs, ours = (ran("ours", orders)["peak_mb"] for orders in (few, many))
    return Comparison(
        "extract", f"peak memory at {many:,} orders, beside {few:,}", f"at {few:,}", ours, theirs, ours, "MB"
    )


def ran(side: str, orders: int) -> dict[str, Any]:
    """Run one side in a process of its own and return what it tells: seconds, peak_mb, found."""
    with TemporaryDirectory(prefix="regulars-bench-extract-") as folder:
        command = [sys.executable, "-m", "benchmarks.extract_sides", side, str(orders), folder]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=3_600
        )
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told
