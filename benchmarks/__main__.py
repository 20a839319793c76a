"""Measure: `python -m benchmarks [CASE …] [--json] [--people N] [--orders N] [--served PEOPLE ORDERS] [--pulled N] [--repeats N] [--folder DIR]`."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks import extract, files, freshness, limiter, live_count, marts, receiver, screens, server
from benchmarks.comparison import Comparison
from benchmarks.ground import SERVED, Ground

Case = Callable[[Ground], Iterator[Comparison]]

CASES: Mapping[str, Sequence[Case]] = {
    "store_list": (files.list_cases, server.list_cases),
    "store_profile": (files.profile_cases, server.profile_cases),
    "app_list": (screens.list_cases,),
    "app_rule": (screens.rule_cases,),
    "live_count": (live_count.cases,),
    "marts": (marts.marts_cases,),
    "incremental": (marts.incremental_cases,),
    "limiter": (limiter.cases,),
    "extract": (extract.cases,),
    "receiver": (receiver.cases,),
    "freshness": (freshness.cases,),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cases that were named, or all, and print each comparison as soon as it is there."""
    given = _parser().parse_args(arguments)
    with Ground(
        people=given.people,
        orders=given.orders,
        repeats=given.repeats,
        folder=given.folder,
        served=tuple(given.served),
        pulled=given.pulled,
    ) as ground:
        for name in given.cases or CASES:
            for case in CASES[name]:
                for comparison in case(ground):
                    told = comparison.as_json()
                    sys.stdout.write(f"{json.dumps(told) if given.json else _line(told)}\n")
                    sys.stdout.flush()


def _line(told: Mapping[str, str | float]) -> str:
    return (
        f"{told['case']:14} {told['what']:72} {told['ours']:>9} {told['unit']}   {told['peer']:8} "
        f"{told['theirs']:>9} {told['unit']}   x {told['ratio']:<8} {told['memory_mb']} MB"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"any of: {', '.join(CASES)}; all where none is named")
    parser.add_argument("--json", action="store_true", help="one JSON object a comparison")
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--orders", type=int, default=5_000_000)
    parser.add_argument(
        "--served",
        type=int,
        nargs=2,
        default=SERVED,
        metavar=("PEOPLE", "ORDERS"),
        help="the most that is loaded into MongoDB, 100000 500000 where nothing is said: a million people take minutes",
    )
    parser.add_argument("--pulled", type=int, default=20_000, help="orders of the cases that read from a shop")
    parser.add_argument("--repeats", type=int, default=9, help="turns that count; the figure is their median")
    parser.add_argument("--folder", type=Path, help="keep the made-up shop here for the next run")
    return parser


if __name__ == "__main__":
    main()
