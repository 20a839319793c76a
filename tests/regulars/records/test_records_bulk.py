"""Bulk changes of records.db at the size of a large shop: quick, whole, and nobody else starves."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from regulars.records.sql import SqlRecords

ROOT = Path(__file__).parents[3]
KEYS = [f"woo:{number}" for number in range(200_000)]
TAGS = """
import sys
from pathlib import Path
from regulars.records.sql import SqlRecords
records = SqlRecords(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
change = records.tag_people("s", [f"woo:{number}" for number in range(200_000)], "bulk", "ana")
print(change.people, flush=True)
"""


def test_a_bulk_change_of_200_000_lets_others_write(tmp_path):
    """One transaction over everybody must not lock out who saves a note meanwhile for longer than a few seconds."""
    waits, done = [], threading.Event()
    with SqlRecords(tmp_path / "records.db") as records, SqlRecords(tmp_path / "records.db") as other:

        def write_notes():
            while not done.is_set():
                before = time.monotonic()
                other.add_note("s", "woo:1", "meanwhile", "ben")
                waits.append(time.monotonic() - before)
                done.wait(0.05)

        writer = threading.Thread(target=write_notes)
        writer.start()
        change = records.tag_people("s", KEYS, "bulk", "ana")
        undone = records.undo_tag_change("s", change.id, "ana")
        done.set()
        writer.join()
        assert (change.people, undone.people, records.tag_counts("s")) == (200_000, 200_000, {})
        assert len(records.notes("s", "woo:1")) == len(waits) >= 2
    assert max(waits) < 15, "seconds; on a quiet machine it is one"


def test_a_killed_bulk_change_is_whole_or_nothing(tmp_path):
    """Half of a bulk change could neither be seen nor undone."""
    path = tmp_path / "records.db"
    outcomes = set()
    for moment in (0.25, 0.5, 0.75):
        process = subprocess.Popen(
            [sys.executable, "-c", TAGS, path],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        timer = threading.Timer(moment, process.send_signal, [signal.SIGKILL])
        timer.start()
        process.communicate(timeout=60)
        timer.cancel()
        with SqlRecords(path) as records:
            changes, tagged = records.tag_changes("s"), len(records.tags("s"))
            assert (len(changes), tagged) in ((0, 0), (1, 200_000))
            outcomes.add(tagged)
            if changes:
                records.undo_tag_change("s", changes[0].id, "ana")
                assert records.tags("s") == {}
                break
    assert outcomes
