"""First syncs of several shops: side by side, bounded, none holding up another."""

import re
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from regulars import first_syncs
from regulars.first_syncs import FirstSyncs
from regulars.paths import DataPaths
from regulars.settings import process_environment
from regulars.sync import SyncFailed

HANGS = "import time; time.sleep(600)"
FAILS = "import sys; print('a warning', file=sys.stderr); sys.exit('The shop [b]cannot[/b] be reached.')"


def syncs_of(folder: Path, **scripts: str) -> tuple[FirstSyncs, StringIO]:
    """Return first syncs that run these scripts in place of a sync, and what they print."""
    said = StringIO()
    console = Console(file=said, width=200)
    paths = DataPaths(folder)
    syncs = FirstSyncs(list(scripts), paths, process_environment(), console, command=lambda shop: ["-c", scripts[shop]])
    return syncs, said


def step_until(syncs: FirstSyncs, done: Callable[[], bool], seconds: float = 20.0) -> None:
    """Step until something is so."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "not in time"
        syncs.step()
        time.sleep(0.05)


def test_a_shop_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    """Its sync may wait for minutes; the others are told meanwhile."""
    syncs, said = syncs_of(tmp_path, hanging=HANGS, failing=FAILS, other=FAILS)
    with syncs:
        step_until(syncs, lambda: set(syncs.failed) == {"failing", "other"})
        assert not syncs.over
        assert not syncs.first_published(), "nothing is there to serve, and one may yet bring it"
    assert "failing: The shop [b]cannot[/b] be reached. Nothing is served of it yet." in said.getvalue()


def test_leaving_kills_what_still_runs(tmp_path: Path) -> None:
    """Ctrl-C must end everything; a sync that is killed goes on from what is committed."""
    syncs, _ = syncs_of(tmp_path, a=HANGS, b=HANGS)
    with syncs:
        syncs.step()
        running = [each for each in psutil.Process().children() if HANGS in each.cmdline()]
        assert len(running) == 2
    assert not [each for each in running if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def test_only_some_run_at_a_time_and_one_that_hangs_takes_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten shops at once would take a small machine's memory; three that hang must not keep the fourth waiting."""
    shops = {f"hanging{number}": HANGS for number in range(3)}
    syncs, said = syncs_of(tmp_path, **shops, well=FAILS)
    with syncs:
        syncs.step()
        assert len(re.findall("syncing", said.getvalue())) == 3
        monkeypatch.setattr(first_syncs, "IDLE_SECONDS", 0.0)
        step_until(syncs, lambda: "well" in syncs.failed)


def test_where_no_shop_can_be_served_each_one_s_reason_is_told(tmp_path: Path) -> None:
    """An empty app would leave people guessing."""
    syncs, _ = syncs_of(tmp_path, a=FAILS, b=FAILS)
    with syncs:
        step_until(syncs, lambda: syncs.over)
        with pytest.raises(SyncFailed, match=r"a: The shop .* b: The shop"):
            syncs.first_published()
