"""The comparison of the receiver runs, and prints what others read."""

import json

import pytest

from benchmarks import receiver
from benchmarks.__main__ import main


def test_the_receiver_is_measured_beside_a_bare_server(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery that is not answered as processed would stop the run: a figure then stands for stored deliveries."""
    monkeypatch.setattr(receiver, "DELIVERIES", 64)
    main(["receiver", "--repeats", "1", "--json"])

    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["case"], line["peer"], line["unit"]) == ("receiver", "starlette", "ms")
    assert line["ours"] > line["theirs"] > 0
    assert line["memory_mb"] > 0
