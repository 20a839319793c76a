"""A records.db of an earlier version becomes one of this version; what people wrote survives, whatever happens."""

import subprocess
import sys
from pathlib import Path

import pytest

from regulars.records import store, tables
from regulars.records.sql import SqlRecords
from tests.regulars.records.builders import everything

ROOT = Path(__file__).parents[3]

# As version 1 made it, and what somebody had written into it.
V1 = """
CREATE TABLE aliases (
    shop TEXT NOT NULL, alias_key TEXT NOT NULL, customer_key TEXT NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (shop, alias_key)
);
CREATE TABLE change_token (id INTEGER NOT NULL CHECK (id = 1), token INTEGER NOT NULL, PRIMARY KEY (id));
CREATE TABLE keys (
    name TEXT NOT NULL, key_id TEXT NOT NULL, secret BLOB NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (name)
);
CREATE TABLE notes (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, shop TEXT NOT NULL, customer_key TEXT NOT NULL, text TEXT NOT NULL,
    author TEXT NOT NULL, created_at INTEGER NOT NULL, edited_at INTEGER, version INTEGER NOT NULL
);
CREATE INDEX notes_of_person ON notes (shop, customer_key, id);
CREATE TABLE schema_version (id INTEGER NOT NULL CHECK (id = 1), version INTEGER NOT NULL, PRIMARY KEY (id));
CREATE TABLE segments (
    seq INTEGER NOT NULL, shop TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, rule TEXT NOT NULL,
    description TEXT NOT NULL, author TEXT NOT NULL, created_at INTEGER NOT NULL, edited_at INTEGER,
    deleted_at INTEGER, version INTEGER NOT NULL, PRIMARY KEY (seq), UNIQUE (shop, id)
);
CREATE TABLE shops (shop TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (shop));
CREATE TABLE tags (shop TEXT NOT NULL, folded TEXT NOT NULL, shown TEXT NOT NULL, PRIMARY KEY (shop, folded));
CREATE TABLE note_versions (
    note_id INTEGER NOT NULL, version INTEGER NOT NULL, text TEXT NOT NULL, author TEXT NOT NULL, edited_at INTEGER,
    PRIMARY KEY (note_id, version), FOREIGN KEY(note_id) REFERENCES notes (id) ON DELETE CASCADE
);
CREATE TABLE person_tags (
    shop TEXT NOT NULL, customer_key TEXT NOT NULL, folded TEXT NOT NULL, author TEXT NOT NULL,
    created_at INTEGER NOT NULL, PRIMARY KEY (shop, customer_key, folded),
    FOREIGN KEY(shop, folded) REFERENCES tags (shop, folded)
);
CREATE INDEX people_of_tag ON person_tags (shop, folded);
INSERT INTO schema_version VALUES (1, 1);
INSERT INTO change_token VALUES (1, 7);
INSERT INTO notes VALUES (3, 's', 'woo:1', 'Prefers phone.', 'ben', 1700000000000000, 1700000001000000, 2);
INSERT INTO note_versions VALUES (3, 1, 'Prefers mail.', 'ana', NULL);
INSERT INTO tags VALUES ('s', 'vip', 'VIP');
INSERT INTO person_tags VALUES ('s', 'woo:1', 'vip', 'ana', 1700000000000000);
INSERT INTO shops VALUES ('s', 1700000000000000);
INSERT INTO segments VALUES (1, 's', 'best', 'Best', 'r = 5', '', 'ana', 1700000000000000, 1700000001000000, NULL, 2);
INSERT INTO keys VALUES ('guest', 'abc', x'00ff', 1700000000000000);
INSERT INTO aliases VALUES ('s', 'guest:a', 'woo:1', 1700000000000000);
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from regulars.records import migrations
from regulars.records.sql import SqlRecords
step = migrations.MIGRATIONS[1]
def killed(connection):
    step(connection)
    os.kill(os.getpid(), signal.SIGKILL)
migrations.MIGRATIONS[1] = killed
SqlRecords(Path(sys.argv[1]))
"""


@pytest.fixture
def old(tmp_path):
    """A records.db as an existing user has it."""
    path = tmp_path / "records.db"
    connection = store.sqlite.connect(path)
    connection.executescript(V1)
    connection.close()
    return path


def assert_as_written(records):
    """What somebody had written is there, and ids go on."""
    (note,) = records.notes("s", "woo:1")
    assert [version.text for version in records.note_history(3)] == ["Prefers mail.", "Prefers phone."]
    assert (note.id, note.author, note.version) == (3, "ben", 2)
    assert records.tags("s") == {"woo:1": ("VIP",)}
    assert [segment.id for segment in records.segments("s")] == ["best"]
    assert records.segment_history("s", "best") == records.segments("s")
    assert records.guest_key() == ("abc", b"\x00\xff")
    assert records.aliases("s") == {"guest:a": "woo:1"}
    assert records.change_token() == 7


def test_a_file_of_version_1_is_migrated_after_a_copy(old):
    """Nothing old breaks, everything new works on it, and the way back stays open."""
    with SqlRecords(old) as records:
        assert_as_written(records)
        everything(records)
        assert records.notes("s", "woo:1")[0].id > 3
        assert records.edit_segment("s", "best", name="B", rule="r = 4", author="ana", expected_version=2)
        assert [segment.version for segment in records.segment_history("s", "best")] == [2, 3]
    copy = store.sqlite.connect(old.with_name("records.db.v1"))
    assert copy.execute("SELECT schema_version.version, text FROM schema_version, notes").fetchall() == [
        (1, "Prefers phone.")
    ]
    copy.close()


def shape(path):
    """Return the columns, indexes and references of every table, however their statements were worded."""
    connection = store.sqlite.connect(path)

    def ask(pragma, name):
        return connection.execute(f"PRAGMA {pragma}({name})").fetchall()

    query = (
        "SELECT name, sql LIKE '%AUTOINCREMENT%', sql LIKE '%WITHOUT ROWID%' FROM sqlite_master WHERE type = 'table'"
    )
    found = {}
    for name, *words in connection.execute(query).fetchall():
        indexes = sorted((ask("index_info", index[1]), index[2:]) for index in ask("index_list", name))
        found[name] = (words, ask("table_info", name), ask("foreign_key_list", name), indexes)
    connection.close()
    return found


def test_a_migrated_file_has_the_shape_of_a_new_one(old, tmp_path):
    """What the next version changes must not depend on how a file came to this one."""
    SqlRecords(old).close()
    SqlRecords(tmp_path / "new.db").close()
    assert shape(old) == shape(tmp_path / "new.db")


def test_a_kill_in_the_migration_leaves_the_old_file(old):
    """The next start does it again, from the beginning."""
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, old], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, timeout=60, check=False
    )
    assert killed.returncode == -9
    connection = store.sqlite.connect(old)
    assert connection.execute("SELECT version FROM schema_version").fetchall() == [(1,)]
    connection.close()
    with SqlRecords(old) as records:
        assert_as_written(records)
    assert tables.SCHEMA_VERSION == 2
