"""A process that dies in the middle of a decision leaves all of it or nothing."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from regulars.mongo.records import MongoRecords
from regulars.records.sql import SqlRecords

ROOT = Path(__file__).parents[3]
# Merges two people and is killed once the decision and the first of its events are written.
MERGES = """
import os, signal, sys
from pathlib import Path
from pydantic import SecretStr
import regulars.mongo.decisions as on_mongo
import regulars.records.sql_decisions as on_sqlite
from regulars.mongo.records import MongoRecords
from regulars.records.sql import SqlRecords
adapter, where = sys.argv[1:]
module = on_mongo if adapter == "mongo" else on_sqlite
values, calls = module.event_values, []
def killed(*given):
    calls.append(given)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return values(*given)
module.event_values = killed
records = MongoRecords(SecretStr(where)) if adapter == "mongo" else SqlRecords(Path(where))
records.merge_people("s", "woo:1", "woo:2", "ana")
"""


def merge_and_die(adapter, where):
    """Run the process to its end."""
    command = [sys.executable, "-c", MERGES, adapter, str(where)]
    ended = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL


def assert_nothing_happened_and_work_goes_on(records):
    """Neither decision nor event is there, and the same decision can be made now."""
    assert (records.aliases("s"), records.identity_decisions("s"), records.events("s", "woo:1")) == ({}, [], [])
    records.merge_people("s", "woo:1", "woo:2", "ana")
    assert len(records.events("s", "woo:1")) == len(records.events("s", "woo:2")) == 1


def test_a_killed_decision_never_was(tmp_path):
    """A merge without its events could be seen by nobody who looks at the person."""
    path = tmp_path / "records.db"
    merge_and_die("sqlite", path)
    with SqlRecords(path) as records:
        assert_nothing_happened_and_work_goes_on(records)


@pytest.mark.deep
def test_a_killed_decision_never_was_on_the_server(mongo_uri):
    """The server ends what a dead process had begun, and lets the next one write."""
    merge_and_die("mongo", mongo_uri)
    with MongoRecords(SecretStr(mongo_uri)) as records:
        assert_nothing_happened_and_work_goes_on(records)
