"""`regulars reconcile` as a shell sees it, with the run itself stood in for."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from regulars import cli
from regulars.models import Drift, SyncRun
from regulars.records import open_records
from regulars.settings import load_settings

Reconciled = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def reconciled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reconciled:
    """Return a function that runs the command over a sync which finds `drift`: exit code, and the sync's options."""
    for name, value in {
        "WOOCOMMERCE_URL": "http://127.0.0.1:1",
        "WOOCOMMERCE_CONSUMER_KEY": "ck_x",
        "WOOCOMMERCE_CONSUMER_SECRET": "cs_x",
        "REGULARS_DATA": str(tmp_path / "data"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def run(*words: str, drift: tuple[Drift, ...] | None, message: str = "") -> tuple[int, list[str]]:
        asked: list[str] = []

        def sync(shop: str, file: Path, environment: Any, console: Any, options: list[str]) -> None:
            asked.extend(options)
            if drift is None:
                return
            now = datetime.now(UTC)
            with open_records(load_settings()) as records:
                for at, found in ((now - timedelta(days=1), ()), (now, drift)):
                    told = {"run_id": at.isoformat(), "kind": "reconcile", "status": "success", "drift": found}
                    records.add_sync(SyncRun(shop=shop, started_at=at, finished_at=at, message=message, **told))

        monkeypatch.setattr("regulars.sync.sync", sync)
        monkeypatch.setattr(sys, "argv", ["regulars", "reconcile", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), asked

    return run


def test_a_copy_that_is_right_says_so_in_plain_words(
    reconciled: Reconciled, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one number that somebody runs this for."""
    assert reconciled(drift=()) == (0, ["--reconcile"])
    assert capsys.readouterr().out == "0 records differ from the shop.\n"


def test_what_differed_is_printed_by_kind(reconciled: Reconciled, capsys: pytest.CaptureFixture[str]) -> None:
    """Deleted orders and missed accounts have different causes."""
    drift = (
        Drift(object="order", kind="extra", before=3, after=0),
        Drift(object="customer", kind="missing", before=1, after=0),
    )
    assert reconciled("--believe", drift=drift) == (0, ["--reconcile", "--believe"])
    said = capsys.readouterr().out.splitlines()
    assert [line.split() for line in said[1:-1]] == [
        ["Orders", "here,", "and", "gone", "from", "the", "shop", "3", "0"],
        ["Customers", "missing", "here", "1", "0"],
    ]
    assert said[-1] == "0 records differ from the shop; 4 did, and were mended."


def test_a_copy_that_still_differs_ends_with_1_for_scripts(
    reconciled: Reconciled, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script that backs up or reports must not go on as if the copy were right."""
    drift = (Drift(object="order", kind="status", before=2, after=1),)
    code, _ = reconciled("--json", drift=drift)
    told = json.loads(capsys.readouterr().out)
    assert (code, told["before"], told["after"]) == (1, 2, 1)
    assert told["kinds"] == [{"object": "order", "kind": "status", "before": 2, "after": 1}]


def test_a_shop_that_is_not_believed_ends_with_1_even_where_the_count_could_not_tell(
    reconciled: Reconciled, capsys: pytest.CaptureFixture[str]
) -> None:
    """Accounts that a page claims to be gone may be back in the next comparison's list; somebody should look."""
    code, _ = reconciled("--json", drift=(), message="The shop says that most records are gone.")
    told = json.loads(capsys.readouterr().out)
    assert (code, told["after"], told["message"]) == (1, 0, "The shop says that most records are gone.")


def test_a_comparison_that_left_no_record_is_no_zero(
    reconciled: Reconciled, capsys: pytest.CaptureFixture[str]
) -> None:
    """Records that cannot be written must not read as "nothing differs"."""
    assert reconciled(drift=None)[0] == 1
    assert "the records could not take down what was found" in capsys.readouterr().err
