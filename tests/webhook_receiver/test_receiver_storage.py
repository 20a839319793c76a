"""Never a false 200: what is acknowledged is on disk, whatever happens to the process or the disk."""

import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests

from regulars.inbox import Inbox
from regulars.sqlite import sqlite
from tests.webhook_receiver.receiver_process import Receiver, a_body, headers_for

Start = Callable[..., Receiver]


def send_all(receiver: Receiver, numbers: Iterable[int], enough: threading.Event, after: int) -> set[int]:
    """Deliver orders over eight connections; set `enough` after so many answers; return the acknowledged ids."""
    acknowledged: set[int] = set()
    local = threading.local()

    def send(number: int) -> None:
        session = local.__dict__.setdefault("session", requests.Session())
        body = a_body(number)
        try:
            answer = session.post(
                f"{receiver.url}/api/customers/webhooks", data=body, headers=headers_for(body), timeout=20
            )
        except requests.RequestException:
            session.close()
            return
        if answer.status_code == 200:
            acknowledged.add(number)
            if len(acknowledged) >= after:
                enough.set()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, numbers))
    enough.set()
    return acknowledged


def stored_ids(inbox: Inbox) -> list[int]:
    """Return the ids of all change rows, in the order of their commit."""
    return [row.resource_id for row in inbox.pending("shop", 0, limit=100_000)]


def ended_while_receiving(
    receiver: Receiver, end: Callable[[], object], numbers: Iterable[int] = range(1, 501)
) -> set[int]:
    """Send 500 deliveries, call `end` after 150 answers, return what was acknowledged."""
    enough = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send_all, receiver, numbers, enough, 150)
        assert enough.wait(60)
        end()
        return sending.result()


def test_a_killed_receiver_lost_nothing_it_acknowledged(start: Start) -> None:
    """A shop never repeats a delivery that was answered 200: one lost here is a change lost."""
    first = start()
    acknowledged = ended_while_receiving(first, first.kill)
    assert 150 <= len(acknowledged) < 500
    assert acknowledged <= set(stored_ids(first.inbox))
    second = start()
    send_all(second, range(1, 501), threading.Event(), 500)
    ids = stored_ids(second.inbox)
    assert sorted(ids) == list(range(1, 501)), "repeats were told apart from what is new"


def test_a_stopped_receiver_answers_what_it_stored_and_ends_in_time(start: Start) -> None:
    """A deployment stops the receiver with deliveries in flight."""
    receiver = start()
    began = time.monotonic()
    codes: list[int] = []
    acknowledged = ended_while_receiving(receiver, lambda: codes.append(receiver.stop()))
    assert codes == [0]
    assert time.monotonic() - began < 30
    assert acknowledged <= set(stored_ids(receiver.inbox))


def test_two_receivers_on_one_inbox_lose_and_double_nothing(start: Start) -> None:
    """A careless restart overlaps with the old process."""
    both = [start(), start()]
    with ThreadPoolExecutor(2) as pool:
        acknowledged = list(pool.map(lambda one: send_all(one, range(1, 151), threading.Event(), 150), both))
    assert acknowledged[0] | acknowledged[1] == set(range(1, 151))
    assert sorted(stored_ids(both[0].inbox)) == list(range(1, 151))
    with closing(sqlite.connect(str(both[0].file))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_locked_inbox_is_503_and_recovers(start: Start) -> None:
    """Somebody copies the file with a lock held; the shop gets an honest answer well before its minute is over."""
    receiver = start()
    with closing(sqlite.connect(str(receiver.file), isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert receiver.deliver(a_body(1)) == (503, {"error": "The delivery could not be stored. Try again."})
        assert time.monotonic() - began < 15
    assert receiver.deliver(a_body(1)) == (200, {"status": "processed"})
    assert stored_ids(receiver.inbox) == [1]


def test_a_full_disk_is_503_and_recovers(start: Start) -> None:
    """The kernel refuses every further byte: nothing may be acknowledged until it takes them again."""
    receiver = start()
    assert receiver.deliver(a_body(1))[0] == 200
    limits = resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, (4096, limits[1]))
    assert [receiver.deliver(a_body(number, note="x" * 200_000))[0] for number in (2, 3)] == [503, 503]
    assert requests.get(f"{receiver.url}/healthz", timeout=20).status_code == 503
    resource.prlimit(receiver.process.pid, resource.RLIMIT_FSIZE, limits)
    assert receiver.deliver(a_body(2))[0] == 200
    assert stored_ids(receiver.inbox) == [1, 2]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return where a disk of 4 MB is mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("a disk can only be mounted by root, and not in every container")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_real_disk_that_fills_up_never_gives_a_false_200(small_disk: Path, start: Start) -> None:
    """A file system turns away some writes and not others: a log that fits, a page that does not."""
    (small_disk / "filler").write_bytes(b"x" * 1_000_000)
    receiver = start(data=small_disk / "data")
    answers = {number: receiver.deliver(a_body(number, note="x" * 40_000))[0] for number in range(1, 101)}
    assert set(answers.values()) == {200, 503}
    acknowledged = [number for number, status in answers.items() if status == 200]
    assert stored_ids(receiver.inbox) == acknowledged
    (small_disk / "filler").unlink()
    assert receiver.deliver(a_body(101))[0] == 200
    receiver.kill()
    assert stored_ids(start(data=small_disk / "data").inbox) == [*acknowledged, 101]


def test_a_folder_that_cannot_be_written_is_503_from_the_start(start: Start) -> None:
    """The receiver comes up and says so, rather than end in a loop of restarts."""
    receiver = start(data=Path("/proc/regulars"))
    assert receiver.deliver(a_body(1))[0] == 503
    assert requests.get(f"{receiver.url}/healthz", timeout=20).json()["status"] == "unavailable"
    assert "cannot be written" in receiver.log.read_text()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_503(start: Start, tmp_path: Path) -> None:
    """A restore as another user leaves such files."""
    start().stop()
    (tmp_path / "data" / "inbox.db").chmod(0o400)
    assert start().deliver(a_body(1))[0] == 503


def test_a_file_that_is_no_database_is_503_and_left_alone(start: Start, tmp_path: Path) -> None:
    """Whatever it is, it is not ours to overwrite."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "inbox.db").write_bytes(b"not a database, for sure" * 100)
    assert start().deliver(a_body(1))[0] == 503
    assert (tmp_path / "data" / "inbox.db").read_bytes().startswith(b"not a database")


def test_a_file_taken_away_is_made_anew_before_anything_is_acknowledged(start: Start) -> None:
    """On Linux one can write to a removed file for ever, and keep nothing."""
    receiver = start()
    assert receiver.deliver(a_body(1))[0] == 200
    for path in receiver.file.parent.glob("inbox.db*"):
        path.unlink()
    assert receiver.deliver(a_body(2)) == (200, {"status": "processed"})
    assert [row.resource_id for row in receiver.inbox.changes_of("shop", "order", 2, 0)] == [2]


def test_only_the_owner_may_read_the_inbox(start: Start) -> None:
    """Bodies hold names and addresses."""
    receiver = start()
    receiver.deliver(a_body(1))
    assert {path.name: path.stat().st_mode & 0o777 for path in receiver.file.parent.glob("inbox.db*")} == {
        "inbox.db": 0o600,
        "inbox.db-wal": 0o600,
        "inbox.db-shm": 0o600,
    }
    assert receiver.file.parent.stat().st_mode & 0o777 == 0o700


def test_an_inbox_of_a_newer_version_is_refused_in_one_sentence(start: Start) -> None:
    """Writing into tables we do not know would spoil them."""
    old = start()
    old.stop()
    with closing(sqlite.connect(str(old.file))) as connection:
        connection.execute("PRAGMA user_version=99")
    old.log.unlink()
    newer = start(wait=False)
    assert newer.process.wait(20) == 1
    assert newer.log.read_text().count("\n") == 1
    assert "written by a newer version" in newer.log.read_text()


def test_numbers_are_never_used_again(start: Start) -> None:
    """The sync remembers the last number it merged: a reused one would be skipped."""
    receiver = start()
    receiver.deliver(a_body(1))
    receiver.stop()
    with closing(sqlite.connect(str(receiver.file), isolation_level=None)) as connection:
        connection.execute("DELETE FROM change_rows")
    again = start()
    again.deliver(a_body(2))
    assert again.inbox.last_seq("shop") == 2
