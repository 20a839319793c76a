"""From staging to all marts, beside the core tables by hand in SQL; and what changed, beside everything.

Each side runs in a process of its own on two threads, from the same staged tables, and writes into DuckDB. Ours derives
every mart with its reasons and reviews; by hand there are customers with the same figures, RFM and segments alone.
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
from benchmarks.ground import Ground
from benchmarks.staged import SHOP, stage_made_up_shop
from regulars.settings import process_environment

MOST_REPEATS = 3  # a turn takes minutes
BY_HAND = "DuckDB SQL"
TIMES_ORDERS = 2  # of `--orders`: ten million where nothing is said


def marts_cases(ground: Ground) -> Iterator[Comparison]:
    """Yield our speed from staging to all marts beside hand-written SQL for the core tables, with our peak memory."""
    sides: dict[str, list[dict[str, Any]]] = {"ours": [], "by_hand": []}
    with TemporaryDirectory(prefix="regulars-bench-marts-") as folder:
        orders = TIMES_ORDERS * ground.orders
        staged = _staged(Path(folder), ground.people, orders)
        for _ in range(min(ground.repeats, MOST_REPEATS)):
            for side, runs in sides.items():
                runs.append(ran(side, staged, Path(folder)))
    ours, theirs = (median(run["seconds"] for run in runs) for runs in sides.values())
    same_figures(sides["ours"][0]["found"], sides["by_hand"][0]["found"])
    what = f"{orders:,} orders, {ground.people:,} people: all marts, beside customers, RFM and segments by hand"
    yield Comparison("marts", what, BY_HAND, ours, theirs, max(run["peak_mb"] for run in sides["ours"]), "s")


def incremental_cases(ground: Ground) -> Iterator[Comparison]:
    """Yield the speed of a run after a hundred changed orders beside one that derives everything; publishing apart."""
    with TemporaryDirectory(prefix="regulars-bench-marts-") as folder:
        staged = _staged(Path(folder), ground.people, ground.orders)
        runs = [ran("changes", staged, Path(folder)) for _ in range(min(ground.repeats, MOST_REPEATS))]
    ours, theirs = (median(run[name] for run in runs) for name in ("changes", "seconds"))
    what = f"100 changed orders of {ground.orders:,}, {ground.people:,} people, staging to marts"
    yield Comparison("incremental", what, "all of it", ours, theirs, max(run["peak_mb"] for run in runs), "s")


def same_figures(ours: list[str], theirs: list[str]) -> None:
    """Hold the sums over all customers against each other. Raises AssertionError where a side computed something else."""
    for one, other in zip(ours, theirs, strict=True):
        assert one == other or abs(float(one) - float(other)) < 1e-6 * abs(float(other)), f"{ours}\n{theirs}"


def ran(side: str, staged: Path, folder: Path) -> dict[str, Any]:
    """Run one side in a process of its own and return what it tells: seconds, peak_mb, found."""
    with TemporaryDirectory(dir=folder) as place:
        command = [sys.executable, "-m", "benchmarks.marts_sides", side, str(staged), f"{place}/made.duckdb"]
        environment = process_environment(
            POLARS_MAX_THREADS="2",
            REGULARS_DATA=place,
            REGULARS_SHOP=SHOP,
            WOOCOMMERCE_URL="http://127.0.0.1:9",
            WOOCOMMERCE_CONSUMER_KEY="ck_bench",
            WOOCOMMERCE_CONSUMER_SECRET="cs_bench",
        )
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[1],
            env=environment,
            timeout=7_200,
        )
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told


def _staged(folder: Path, people: int, orders: int) -> Path:
    file = folder / "staged.duckdb"
    stage_made_up_shop(file, people=people, orders=orders)
    return file
