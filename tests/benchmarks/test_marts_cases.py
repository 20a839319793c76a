"""Deriving the marts is measured against the same figures by hand."""

import json

import pytest

from benchmarks.__main__ import main


@pytest.mark.deep
def test_both_sides_of_marts_and_incremental_agree_and_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A side that computed something else would be quick for nothing; sums over all customers are compared."""
    main(["marts", "incremental", "--people", "500", "--orders", "3000", "--repeats", "1", "--json"])

    told = {line["case"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert told.keys() == {"marts", "incremental"}
    assert all(line["ours"] > 0 and line["theirs"] > 0 and line["memory_mb"] > 0 for line in told.values())
