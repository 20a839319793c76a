"""records.db itself: several processes, kills, versions, rights, and files that are none."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from filelock import FileLock

from regulars import sqlite
from regulars.errors import NewerSchema, RecordsUnavailable
from regulars.records import migrations, open_records, store, tables
from regulars.records.sql import SqlRecords
from regulars.settings import load_settings

WRITER = Path(__file__).parent / "writer_process.py"
ROOT = Path(__file__).parents[3]
VERSION = tables.SCHEMA_VERSION


def start_writer(path, name, count):
    """Start a writer, wait until it has opened the file, and return it with the guest key it saw."""
    process = subprocess.Popen(
        [sys.executable, WRITER, path, name, str(count)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    word, key = process.stdout.readline().split()
    assert word == "ready"
    return process, key


def go(process):
    """Let a writer begin."""
    process.stdin.write("go\n")
    process.stdin.flush()


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path):
    """App and HTTP API are two processes; both write the same file, and one of them even creates it."""
    path = tmp_path / "records.db"
    writers = [start_writer(path, name, 60) for name in ("ana", "ben")]
    for process, _ in writers:
        go(process)
    said = [process.communicate(timeout=120)[0].splitlines() for process, _ in writers]
    assert [process.returncode for process, _ in writers] == [0, 0]
    assert writers[0][1] == writers[1][1]
    with SqlRecords(path) as records:
        notes = records.notes("s", "woo:1")
        assert sorted(f"{note.id} {note.text}" for note in notes) == sorted(said[0] + said[1])
        assert len({note.id for note in notes}) == 120
        assert {key: len(tags) for key, tags in records.tags("s").items()} == {f"woo:{n}": 2 for n in range(60)}
        assert len(records.aliases("s")) == 120
        assert records.change_token() == 120


@pytest.mark.parametrize("acknowledged", [1, 25])
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path, acknowledged):
    """What a person saw saved must be there after a crash."""
    path = tmp_path / "records.db"
    process, key = start_writer(path, "ana", 0)
    go(process)
    said = [process.stdout.readline().strip() for _ in range(acknowledged)]
    process.kill()
    # Not `communicate`: with two pipes it reads past what `readline` has taken ahead, and loses those lines.
    with process.stdin, process.stdout:
        said += process.stdout.read().splitlines()
    process.wait(timeout=30)
    complete = [line for line in said if len(line.split()) == 3]
    with SqlRecords(path) as records:
        found = [f"{note.id} {note.text}" for note in reversed(records.notes("s", "woo:1"))]
        assert found[: len(complete)] == complete
        assert len(found) - len(complete) <= 1
        assert records.guest_key()[1].hex() == key
        assert records.add_note("s", "woo:1", "afterwards", "ben").id > len(found)
    assert integrity(path) == "ok"


def integrity(path):
    """Return SQLite's own verdict on the file."""
    connection = sqlite.sqlite.connect(path)
    try:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        connection.close()


def test_threads_share_one_store(tmp_path):
    """Streamlit runs every session in a thread of its own."""
    with SqlRecords(tmp_path / "records.db") as records:
        threads = [
            threading.Thread(target=lambda: [records.add_note("s", "woo:1", "x", "ana") for _ in range(20)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(records.notes("s", "woo:1")) == 160


def test_of_two_editors_of_one_version_exactly_one_wins(tmp_path):
    """The check of the version and the write must be one step, also between two stores on one file."""
    with SqlRecords(tmp_path / "records.db") as first, SqlRecords(tmp_path / "records.db") as second:
        note = first.add_note("s", "woo:1", "x", "ana")
        outcomes = []

        def edit(records, name):
            try:
                outcomes.append(records.edit_note(note.id, name, name, 1).author)
            except Exception as error:  # noqa: BLE001 - whatever it is, the assertion below shows it
                outcomes.append(type(error).__name__)

        threads = [threading.Thread(target=edit, args=args) for args in ((first, "a"), (second, "b"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winner = first.notes("s", "woo:1")[0].author
        assert sorted(outcomes) == sorted([winner, "StaleVersion"])


def test_the_file_is_for_its_owner_alone(tmp_path):
    """It holds names, notes and a key; nobody else on the machine may read it."""
    path = tmp_path / "deep" / "records.db"
    with SqlRecords(path) as records:
        records.add_note("s", "woo:1", "x", "ana")
        rights = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert rights
    assert set(rights.values()) == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700, "the folder is new, and everything else will lie in it"


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path):
    """A restored backup often comes with wider rights."""
    path = tmp_path / "records.db"
    path.touch(mode=0o644)
    SqlRecords(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_is_kept_durably(tmp_path):
    """FULL is what makes an acknowledged note survive a power cut; WAL only where SQLite does it safely."""
    with SqlRecords(tmp_path / "records.db") as records, records._reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "secure_delete", "foreign_keys", "busy_timeout", "journal_mode")
        }
    wal = "wal" if sqlite.sqlite.sqlite_version_info >= sqlite.WAL_SAFE else "delete"
    assert pragmas == {
        "synchronous": 2,
        "secure_delete": 1,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
        "journal_mode": wal,
    }


def test_an_old_sqlite_does_without_wal(tmp_path, monkeypatch):
    """Up to 3.51.2 a race can corrupt WAL files; a slower journal is better than a broken one."""
    monkeypatch.setattr(sqlite, "WAL_SAFE", (99, 0, 0))
    with SqlRecords(tmp_path / "records.db") as records:
        records.add_note("s", "woo:1", "x", "ana")
        with records._reading() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"


def test_deleted_text_is_not_left_in_the_file(tmp_path):
    """Somebody who asks to be forgotten must not stay in free pages."""
    path = tmp_path / "records.db"
    with SqlRecords(path) as records:
        note = records.add_note("s", "woo:1", "Unforgettable", "ana")
        records.delete_note(note.id, 1)
    assert b"Unforgettable" not in path.read_bytes()


def test_a_file_of_a_newer_version_is_refused_untouched(tmp_path):
    """An older Regulars must not write into what it does not understand."""
    path = tmp_path / "records.db"
    with SqlRecords(path) as records, records._writing() as connection:
        connection.execute(sa.update(tables.schema_version).values(version=99))
    before = path.read_bytes()
    with pytest.raises(NewerSchema, match="newer Regulars"):
        SqlRecords(path)
    assert path.read_bytes() == before


def test_an_older_file_is_migrated_after_a_copy(tmp_path, monkeypatch):
    """Nothing old breaks, and the way back stays open."""
    path = tmp_path / "records.db"
    with SqlRecords(path) as records:
        records.add_note("s", "woo:1", "old", "ana")
    monkeypatch.setattr(tables, "SCHEMA_VERSION", VERSION + 1)
    step = {VERSION: lambda connection: connection.exec_driver_sql("UPDATE notes SET text = 'new'")}
    monkeypatch.setattr(migrations, "MIGRATIONS", step)
    with SqlRecords(path) as records:
        assert records.notes("s", "woo:1")[0].text == "new"
    copy = tmp_path / f"records.db.v{VERSION}"
    assert copy.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(tables, "SCHEMA_VERSION", VERSION)
    with SqlRecords(copy) as records:
        assert records.notes("s", "woo:1")[0].text == "old"


def test_a_migration_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    """The next start, or the older Regulars, goes on from where it was."""
    path = tmp_path / "records.db"
    with SqlRecords(path) as records:
        records.add_note("s", "woo:1", "old", "ana")

    def fails(connection):
        connection.exec_driver_sql("UPDATE notes SET text = 'half'")
        connection.exec_driver_sql("UPDATE no_such_table SET x = 1")

    with monkeypatch.context() as patch:
        patch.setattr(tables, "SCHEMA_VERSION", VERSION + 1)
        patch.setattr(migrations, "MIGRATIONS", {VERSION: fails})
        for _ in range(2):
            with pytest.raises(RecordsUnavailable):
                SqlRecords(path)
    with SqlRecords(path) as records:
        assert records.notes("s", "woo:1")[0].text == "old"


def test_a_file_that_is_no_store_is_named_as_such(tmp_path):
    """The sentence names the file and the way out, not a driver's error."""
    path = tmp_path / "records.db"
    path.write_bytes(b"this is no database, it only looks like a file of some length" * 20)
    with pytest.raises(RecordsUnavailable, match=r"records\.db cannot be read: .*restore a backup"):
        SqlRecords(path)


def test_a_folder_in_the_way_is_named_as_such(tmp_path):
    """Wrong mounts happen."""
    (tmp_path / "records.db").mkdir()
    with pytest.raises(RecordsUnavailable, match=r"records\.db cannot be opened"):
        SqlRecords(tmp_path / "records.db")


def test_a_locked_file_ends_in_a_sentence(tmp_path, monkeypatch):
    """Another process may hang in a transaction; a person waits for a bounded time and may try again."""
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.05)
    path = tmp_path / "records.db"
    with SqlRecords(path) as records, SqlRecords(path) as other, other._writing():
        with pytest.raises(RecordsUnavailable, match="locked") as caught:
            records.add_note("s", "woo:1", "secret words", "ana")
        assert caught.value.retry
        assert "secret words" not in f"{caught.value}{caught.value.__cause__}"
        assert records.notes("s", "woo:1") == []
    with FileLock(f"{path}.lock"), pytest.raises(RecordsUnavailable, match="another process"):
        SqlRecords(path)


@pytest.mark.parametrize(
    ("pragma", "says"), [("max_page_count = 1", "the disk is full"), ("query_only = ON", "read-only")]
)
def test_a_write_that_cannot_be_is_said_and_undone(tmp_path, pragma, says):
    """A full or read-only disk must never look like a saved note; what is there stays readable."""
    path = tmp_path / "records.db"
    with SqlRecords(path) as records:
        kept = records.add_note("s", "woo:1", "kept", "ana")
        records.close()
        sa.event.listen(records._engine, "connect", lambda connection, _: connection.execute(f"PRAGMA {pragma}"))
        with pytest.raises(RecordsUnavailable, match=says) as caught:
            records.add_note("s", "woo:1", "x" * 9_000, "ana")
        assert caught.value.retry
        assert records.notes("s", "woo:1")[-1] == kept


def test_errors_hold_nothing_of_what_was_written(tmp_path):
    """The driver's errors carry the values of the statement; they end in logs."""
    with SqlRecords(tmp_path / "records.db") as records:
        with records._writing() as connection:
            connection.exec_driver_sql("DROP TABLE notes")
        with pytest.raises(RecordsUnavailable) as caught:
            records.add_note("s", "woo:1", "secret words", "ana")
    assert "secret words" not in f"{caught.value}{caught.value.__cause__}"


def test_readers_see_one_state_while_somebody_writes(tmp_path):
    """A page is drawn from one moment, and never waits for a writer."""
    path = tmp_path / "records.db"
    with SqlRecords(path) as records, SqlRecords(path) as other:
        with other._writing() as connection:
            connection.execute(sa.update(tables.change_token).values(token=7))
            assert records.change_token() == 0
        assert records.change_token() == 7


def test_the_factory_opens_the_file_of_the_settings(tmp_path):
    """Every process finds the same file from the same setting."""
    settings = load_settings(data_dir=tmp_path / "data", _env_file=None)
    with open_records(settings) as records:
        records.add_note("s", "woo:1", "x", "ana")
    connection = sqlite3.connect(f"file:{tmp_path}/data/records.db?mode=ro", uri=True)
    assert connection.execute("SELECT count(*) FROM notes").fetchone() == (1,)
    connection.close()
