"""A records.db of an earlier version becomes one of this version; what people wrote survives, whatever happens."""

import subprocess
import sys
from pathlib import Path

import pytest

from regulars.records import migrations, store, tables
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
# What version 2 had besides, and a sync that somebody had made with it.
V2 = """
UPDATE schema_version SET version = 2;
INSERT INTO syncs VALUES ('s', 'run-1', 'pull', 'success', 1700000000000000, 1700000001000000, 5, 7, 1.25, '');
"""
# What version 3 had besides.
V3 = """
UPDATE schema_version SET version = 3;
INSERT INTO syncs VALUES ('s', 'run-2', 'pull', 'success', 1700000000000000, 1700000001000000, 5, 7, 1.25, '', NULL);
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from regulars.records import migrations
from regulars.records.sql import SqlRecords
last = max(migrations.MIGRATIONS)
step = migrations.MIGRATIONS[last]
def killed(connection):
    step(connection)
    os.kill(os.getpid(), signal.SIGKILL)
migrations.MIGRATIONS[last] = killed
SqlRecords(Path(sys.argv[1]))
"""


@pytest.fixture(params=[1, 2, 3])
def old(request, tmp_path):
    """A records.db as an existing user has it, of any earlier version."""
    path = tmp_path / "records.db"
    connection = store.sqlite.connect(path)
    connection.executescript(V1)
    # The statements of a step are frozen: they are what that version was.
    if request.param >= 2:
        connection.executescript(";".join(migrations._V2) + ";" + V2)
    if request.param >= 3:
        connection.executescript(";".join(migrations._V3) + ";" + V3)
    connection.close()
    return path


def version_of(path):
    """Return the schema version of a file."""
    connection = store.sqlite.connect(path)
    ((version,),) = connection.execute("SELECT version FROM schema_version").fetchall()
    connection.close()
    return version


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


def test_an_older_file_is_migrated_after_a_copy(old):
    """Nothing old breaks, everything new works on it, and the way back stays open."""
    version = version_of(old)
    with SqlRecords(old) as records:
        assert_as_written(records)
        assert [(sync.orders, sync.drift) for sync in records.syncs("s")] == [(7, None)] * (version - 1)
        everything(records)
        assert records.notes("s", "woo:1")[0].id > 3
        assert records.edit_segment("s", "best", name="B", rule="r = 4", author="ana", expected_version=2)
        assert [segment.version for segment in records.segment_history("s", "best")] == [2, 3]
    copy = store.sqlite.connect(old.with_name(f"records.db.v{version}"))
    assert copy.execute("SELECT schema_version.version, text FROM schema_version, notes").fetchall() == [
        (version, "Prefers phone.")
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
    version = version_of(old)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, old], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, timeout=60, check=False
    )
    assert killed.returncode == -9
    assert version_of(old) == version
    with SqlRecords(old) as records:
        assert_as_written(records)
    assert version_of(old) == tables.SCHEMA_VERSION == 4
