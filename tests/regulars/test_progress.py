"""The progress file: what a sync says of itself, whole or not at all, and how its end becomes a sentence."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regulars.progress import ProgressFile, read_progress
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
