"""Kill -9 of writers and of the server itself: what was acknowledged is there, and nothing is there by half."""

import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from pymongo.errors import OperationFailure

from regulars.mongo.records import MongoRecords
from regulars.mongo.rows import Writing

WRITER = Path(__file__).parent / "writer_process.py"
ROOT = Path(__file__).parents[3]


class Writer:
    """A writer in a process of its own; `said` are its complete lines."""

    def __init__(self, uri, name):
        self.name, self.said = name, []
        self.process = subprocess.Popen(
            [sys.executable, WRITER, uri, name],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self):
        for line in self.process.stdout:
            if line.endswith("\n"):
                self.said.append(line.split())

    def wait_for(self, word, times):
        """Wait until it said lines that begin with `word` so often."""
        deadline = time.monotonic() + 60
        while sum(words[0] == word for words in list(self.said)) < times:
            assert self.process.poll() is None, "the writer ended"
            assert time.monotonic() < deadline, f"{times} times {word!r}: not within a minute"
            time.sleep(0.005)

    def count(self, word):
        """Return how many lines that begin with `word` it said so far."""
        return sum(words[0] == word for words in list(self.said))

    def kill(self):
        """End it as a power cut does, and hear what it had said."""
        self.process.kill()
        self.process.wait(30)
        self.thread.join(30)
        self.process.stdout.close()


@contextmanager
def writing(uri, name):
    """Run a writer that has begun to write."""
    writer = Writer(uri, name)
    try:
        writer.wait_for("tag", 1)
        yield writer
    finally:
        writer.kill()


def check(uri, writers):
    """Fail unless all that the writers were told is there, at most one write each more, and each with its event."""
    with MongoRecords(SecretStr(uri)) as records:
        notes, tags = records.notes("s", "woo:1"), records.tags("s")
        events = {key for key in tags if [event.kind for event in records.events("s", key)] == ["tag_added"]}
    assert len({note.id for note in notes}) == len(notes)
    found = {(str(note.id), *note.text.split()) for note in notes}
    told = {tuple(words[1:]) for writer in writers for words in writer.said if words[0] == "note"}
    assert told <= found
    assert {words[1] for writer in writers for words in writer.said if words[0] == "tag"} <= tags.keys()
    away = sum(writer.count("away") for writer in writers)
    assert len(found - told) <= away + len(writers), "only a write that was under way may be there untold"
    assert events == tags.keys(), "a tag and its event are one write"


def kill_writers(uri, times):
    """Kill one writer after the other, each after another number of writes, while a second one goes on."""
    dead = []
    with writing(uri, "steady") as steady:
        for number in range(times):
            with writing(uri, f"w{number}") as writer:
                writer.wait_for("note", 2 + number % 7)
            dead.append(writer)
    check(uri, [steady, *dead])


def kill_server(mongod, times):
    """Kill the server again and again under a writer that is never started anew."""
    uri = mongod.uri("kills")
    with writing(uri, "ana") as writer:
        for _ in range(times):
            mongod.kill()
            mongod.start()
            writer.wait_for("tag", writer.count("tag") + 3)
    check(uri, [writer])


@pytest.mark.deep
def test_killed_writers_lose_nothing_that_was_acknowledged(own_mongod):
    """What a person saw saved must be there after a crash; a half-written tag must not."""
    kill_writers(own_mongod.uri("kills"), 3)


def test_a_killed_server_loses_nothing_that_was_acknowledged(own_mongod):
    """With the driver's defaults one acknowledged write in forty was gone; and nobody starts the writer anew."""
    kill_server(own_mongod, 3)


def test_a_writer_that_died_in_a_transaction_holds_up_the_others_for_seconds_only(own_mongod):
    """The server keeps a dead client's transaction for a minute, and with it every note that others want to write."""
    uri = SecretStr(own_mongod.uri("x"))
    with MongoRecords(uri) as records, MongoRecords(uri) as other:
        with other._connection.client.start_session() as session:
            session.start_transaction()
            Writing(other._database, session)  # as far as a process gets that is killed, or stopped, then
            begun = time.monotonic()
            note = records.add_note("s", "woo:1", "x", "ana")
            assert time.monotonic() - begun < 15
            with pytest.raises(OperationFailure):
                session.commit_transaction()
        assert records.notes("s", "woo:1") == [note]


@pytest.mark.deep
def test_twenty_killed_writers_lose_nothing(own_mongod):
    """The rare moment between write and answer needs many tries to be hit."""
    kill_writers(own_mongod.uri("kills"), 20)


@pytest.mark.deep
def test_a_server_killed_twenty_times_loses_nothing(own_mongod):
    """The same for the moment between commit and journal."""
    kill_server(own_mongod, 20)
