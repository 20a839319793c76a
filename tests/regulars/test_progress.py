"""The progress file: what a sync says of itself, whole or not at all, and how its end becomes a sentence."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.models import SyncProgress
from regulars.progress import Pace, ProgressFile, read_progress, told
from regulars.sync import sentence_of

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


class Clock:
    """A clock that moves by a second each time it is asked."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Return the next second."""
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the place of a progress file in a folder that is not there yet."""
    return tmp_path / "progress" / "shop.json"


def test_stages_follow_each_other_from_one_start(file: Path) -> None:
    """The app shows how far it is, and since when."""
    progress = ProgressFile(file, "shop", "run-1", Clock())

    progress.stage("orders", 300, 1_000)
    first = read_progress(file)
    progress.stage("marts")
    second = read_progress(file)

    assert first is not None
    assert second is not None
    assert (first.state, first.stage, first.done, first.total) == ("running", "orders", 300, 1_000)
    assert (second.stage, second.done, second.total, second.run_id) == ("marts", 0, None, "run-1")
    assert first.started_at == second.started_at < first.updated_at < second.updated_at


def test_a_run_that_ended_well_may_warn(file: Path) -> None:
    """A shop that was not believed fails nothing, and the command line still has to say so; the next run does not."""
    ProgressFile(file, "shop", "run-1").finish("The shop was not believed.")
    warned = read_progress(file)
    ProgressFile(file, "shop", "run-2").finish()
    well = read_progress(file)

    assert warned is not None
    assert well is not None
    assert (warned.state, warned.message) == ("done", "The shop was not believed.")
    assert well.message == ""


def test_an_end_says_how_it_was(file: Path) -> None:
    """Done, or failed with the sentence that a person can act on, at the stage where it happened."""
    progress = ProgressFile(file, "shop")
    progress.finish()
    done = read_progress(file)
    progress.stage("orders", 5, 10)
    progress.fail("The shop refused.")
    failed = read_progress(file)

    assert done is not None
    assert failed is not None
    assert (done.state, done.message) == ("done", "")
    assert (failed.state, failed.stage, failed.message) == ("failed", "orders", "The shop refused.")


@pytest.mark.parametrize("text", [None, "", "{", '{"shop": "shop"}', '{"state": "asleep"}', "\x00" * 50])
def test_a_file_that_is_not_there_or_broken_says_nothing(file: Path, text: str | None) -> None:
    """An older version's file, or a disk that was full, must not take the app down."""
    if text is not None:
        file.parent.mkdir()
        file.write_text(text)

    assert read_progress(file) is None


def test_nothing_half_written_is_left_beside_it(file: Path) -> None:
    """Readers poll it several times a second: it is replaced in one step."""
    ProgressFile(file, "shop").stage("orders")

    assert [each.name for each in file.parent.iterdir()] == ["shop.json"]


@pytest.mark.parametrize(
    ("said", "code", "sentence"),
    [
        ("a warning\n\nThe shop refused.\n", 1, "The shop refused."),
        ("", 1, "The sync ended with code 1 and said nothing."),
        ("half a line", -9, "The sync was ended by SIGKILL. Run it again: it goes on from what is committed."),
    ],
)
def test_a_sync_that_ended_has_one_sentence(said: str, code: int, sentence: str) -> None:
    """Libraries warn on standard error, and a killed process says nothing at all."""
    assert sentence_of(said, code) == sentence


def at(seconds: float) -> datetime:
    """Return an instant after the start."""
    return START + timedelta(seconds=seconds)


def test_rate_and_time_left_follow_from_the_last_minute() -> None:
    """Somebody who watches a first import wants to know whether to wait or to go home."""
    pace = Pace()

    assert pace.at(at(0), "orders", 100, 10_000) == (None, None)
    assert pace.at(at(1), "orders", 200, 10_000) == (None, None)
    assert pace.at(at(10), "orders", 1_100, 10_000) == (6_000.0, 89.0)
    for second in range(11, 141):
        slower = pace.at(at(second), "orders", 1_100 + 10 * (second - 10), 10_000)
    assert slower == (pytest.approx(600.0), pytest.approx(760.0))


def test_a_resumed_stage_is_not_taken_for_a_fast_one() -> None:
    """A sync that goes on at row 50,000 has not read those just now."""
    pace = Pace()
    pace.at(at(0), "orders", 50_000, 100_000)

    assert pace.at(at(6), "orders", 51_000, 100_000) == (10_000.0, 294.0)


def test_another_stage_begins_without_a_rate() -> None:
    """Customers are read at another pace than orders."""
    pace = Pace()
    pace.at(at(0), "orders", 0, 1_000)
    pace.at(at(9), "orders", 900, 1_000)

    assert pace.at(at(10), "customers", 100, 1_000) == (None, None)


@given(st.lists(st.tuples(st.floats(0.0, 100.0), st.integers(0, 10_000)), max_size=30), st.integers(0, 10_000))
def test_a_rate_is_never_negative_or_endless(steps: list[tuple[float, int]], total: int) -> None:
    """Listings shrink and walks step back; a screen must show no nonsense."""
    pace, now = Pace(), 0.0
    for seconds, done in steps:
        now += seconds
        rate, left = pace.at(at(now), "orders", done, total)
        assert rate is None or rate > 0.0
        assert left is None or 0.0 <= left < 1e12


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "orders"),
        ({"done": 12_300, "total": 100_000}, "orders 12,300 of 100,000"),
        (
            {"done": 12_300, "total": 100_000, "per_minute": 4_100.4, "seconds_left": 1_283.0},
            "orders 12,300 of 100,000, 4,100 a minute, 21 min left",
        ),
        ({"done": 5, "per_minute": 60.0}, "orders 5, 60 a minute"),
        ({"seconds_left": 0.2}, "orders, 1 s left"),
        ({"seconds_left": 11_100.0}, "orders, 3 h 5 min left"),
    ],
)
def test_where_a_sync_stands_is_told_in_words(changes: dict[str, float], words: str) -> None:
    """The same words stand on the terminal and in the log of the run."""
    stands = SyncProgress(shop="shop", state="running", stage="orders", started_at=START, updated_at=START)

    assert told(stands.model_copy(update=changes)) == words


def test_a_long_stage_is_logged_now_and_then(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log of a run that takes an hour must tell more than that it began; a line a page would drown the rest."""
    progress = ProgressFile(file, "shop", "run-1", Clock())

    with caplog.at_level("INFO", logger="regulars"):
        for page in range(1, 66):
            progress.stage("orders", 100 * page, 10_000)

    assert caplog.messages == [
        "orders 3,000 of 10,000, 6,000 a minute, 1 min left",
        "orders 6,000 of 10,000, 6,000 a minute, 40 s left",
    ]
    last = read_progress(file)
    assert last is not None
    assert (last.per_minute, last.seconds_left) == (6_000.0, 35.0)
