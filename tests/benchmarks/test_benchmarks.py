"""The benchmarks run, agree with what is typed by hand, and print what others read."""

import json
from pathlib import Path

import polars as pl
import pytest

from benchmarks.__main__ import main
from benchmarks.comparison import Comparison, medians
from benchmarks.people import SHOP, publish_shop
from regulars.directory.published import Directory
from regulars.directory.query import PeopleQuery
from transforms.schemas import PUBLISHED

KEYS = {"case", "what", "peer", "ours", "theirs", "unit", "ratio", "memory_mb"}
TINY = ("--people", "300", "--orders", "1500", "--repeats", "1", "--json")


def test_each_comparison_is_one_line_of_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Figures are collected by scripts; an answer by hand that is not ours would stop the run."""
    main(["store_list", "store_profile", *TINY, "--folder", str(tmp_path)])

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["case"] for line in lines} == {"store_list", "store_profile"}
    assert {"polars", "duckdb"} <= {line["peer"] for line in lines}
    assert all(line.keys() == KEYS for line in lines)
    assert all(line["ours"] > 0 and line["theirs"] > 0 and line["memory_mb"] > 0 for line in lines)


@pytest.mark.browser
@pytest.mark.deep
def test_the_screens_are_measured_in_a_browser(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The screens change; whoever changes a label must hear that the measurement no longer finds it."""
    main(["app_list", "app_rule", *TINY, "--folder", str(tmp_path)])

    whats = [json.loads(line)["what"] for line in capsys.readouterr().out.splitlines()]
    assert whats == ["browser: search, a key", "browser: next page", "browser: open a person", "browser: edit a rule"]


def test_the_ratio_is_our_speed_over_the_peers() -> None:
    """Higher is better: half the time is twice the speed."""
    told = Comparison("case", "what", "peer", ours=2.0, theirs=4.0, memory_mb=1.4).as_json()

    assert (told["ratio"], told["memory_mb"]) == (2.0, 1)


def test_runs_take_turns_and_the_first_turn_does_not_count() -> None:
    """A noisy minute must not meet one side alone, and what is warmed up first is not what is measured."""
    seen: list[tuple[str, int]] = []
    medians(2, {name: (lambda turn, name=name: seen.append((name, turn))) for name in "ab"})

    assert seen == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]


def test_the_made_up_shop_is_the_same_each_time_and_agrees_with_itself(tmp_path: Path) -> None:
    """Two runs are compared only where they measure the same; totals are those of the orders."""
    versions = [publish_shop(tmp_path / name, people=300, orders=1500) for name in ("one", "two")]

    one, two = (tmp_path / name / version for name, version in zip(("one", "two"), versions, strict=True))
    for table in PUBLISHED:
        assert pl.read_parquet(one / f"{table}.parquet").equals(pl.read_parquet(two / f"{table}.parquet")), table
    directory = Directory(tmp_path / "one", shop=SHOP)
    everybody, overview = directory.people(PeopleQuery()), directory.overview(None)
    assert everybody.total == 300
    assert overview.now.net == everybody.net[overview.currency]
    assert pl.read_parquet(one / "orders.parquet").height == 1500
