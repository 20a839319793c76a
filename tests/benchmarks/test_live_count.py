"""The counts by hand say what the product says; else there would be nothing to compare."""

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main


def test_live_counts_agree_with_sql_and_are_told_for_each_kind_of_rule(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Ten terms on the person, orders, what was bought: each is asked, and an answer that differs would stop the run."""
    main(["live_count", "--people", "400", "--orders", "3000", "--repeats", "1", "--json", "--folder", str(tmp_path)])

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["what"].split()[0], line["peer"]) for line in lines] == [
        ("ten", "duckdb"),
        ("ten", "duckdb_stored"),
        ("orders(…):", "duckdb"),
        ("bought(…):", "duckdb"),
    ]
    assert all(line["ours"] > 0 and line["theirs"] > 0 for line in lines)
