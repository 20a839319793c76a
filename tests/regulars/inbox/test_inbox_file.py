"""The embedded inbox's file: what readers may not do to it, and what it refuses."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.errors import InboxUnavailable, NewerSchema
from regulars.inbox.rows import EPOCH, to_microseconds
from regulars.inbox.sqlite import SqliteInbox, repeated
from regulars.inbox.sqlite_file import reader
from regulars.sqlite import sqlite
from tests.regulars.inbox.deliveries import a_delivery


def answers(inbox: SqliteInbox) -> list[object]:
    """Return what reading calls of each kind answer."""
    return [inbox.pending("shop", 0), inbox.last_seqs(), inbox.waiting("shop", 0), list(inbox.dump())]


NOTHING = [[], {}, 0, [{"table": "inbox", "last_seq": 0}]]


def test_no_file_is_an_empty_inbox_and_is_not_made(path: Path) -> None:
    """Sensors and screens run before the receiver's first start, and must not make its file."""
    assert answers(SqliteInbox(path)) == NOTHING
    assert not path.parent.exists()


def test_a_file_without_its_table_is_an_empty_inbox(path: Path) -> None:
    """The receiver makes the file a moment before the table."""
    path.parent.mkdir()
    path.touch()
    assert answers(SqliteInbox(path)) == NOTHING


def test_readers_cannot_write(path: Path) -> None:
    """A slip in a reader must not be able to."""
    SqliteInbox(path).commit([a_delivery()])
    with reader(path) as connection, pytest.raises(sqlite.OperationalError, match="readonly"):
        connection.execute("DELETE FROM change_rows")


def test_a_newer_schema_is_refused_to_readers_and_writers(path: Path) -> None:
    """We would read its columns wrongly, and spoil them."""
    inbox = SqliteInbox(path)
    inbox.commit([a_delivery()])
    inbox.close()
    with closing(sqlite.connect(str(path))) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(NewerSchema, match="install that version"):
        inbox.pending("shop", 0)
    with pytest.raises(NewerSchema, match="install that version"):
        inbox.commit([a_delivery()])


def of_version_1(path: Path) -> None:
    """Make an inbox of version 1 with a row, as that version wrote it."""
    with SqliteInbox(path) as inbox:
        inbox.commit([a_delivery(delivery_id="d1", webhook_id="3")])
    with closing(sqlite.connect(str(path), isolation_level=None)) as connection:
        connection.execute("DROP INDEX change_rows_delivery")
        connection.execute("PRAGMA user_version=1")


def test_an_older_file_is_read_as_it_is_and_migrated_after_a_copy(path: Path) -> None:
    """Nobody should lose change rows to an update, nor the way back."""
    of_version_1(path)
    with SqliteInbox(path) as inbox:
        [row] = inbox.pending("shop", 0)
        assert not path.with_name("inbox.db.v1").exists(), "reading changes nothing"
        assert inbox.commit([a_delivery(delivery_id="d1", webhook_id="3"), a_delivery(b'{"id": 6}')]) == [
            "duplicate",
            "processed",
        ]
        assert inbox.pending("shop", row.seq - 1)[0] == row
    copy = path.with_name("inbox.db.v1")
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite.connect(str(copy))) as connection:
        assert connection.execute("SELECT count(*) FROM change_rows").fetchall() == [(1,)]
        assert connection.execute("PRAGMA user_version").fetchall() == [(1,)]
    with closing(sqlite.connect(str(path))) as connection:
        indexes = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
        assert "change_rows_delivery" in indexes


def test_several_that_find_an_older_file_at_once_all_get_on(path: Path) -> None:
    """Receiver and app start together after an update."""
    of_version_1(path)
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda n: SqliteInbox(path).commit([a_delivery(b'{"id": %d}' % (n + 10))]), range(4)))
    assert told == [["processed"]] * 4
    assert SqliteInbox(path).waiting("shop", 0) == 5


def test_repeats_are_found_by_an_index(path: Path) -> None:
    """Each delivery asks; a month of rows may lie there."""
    with SqliteInbox(path) as inbox:
        inbox.commit([a_delivery(delivery_id="d1", webhook_id="3")])
    with closing(sqlite.connect(str(path))) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {repeated([(1, 2), (3, 4)])}", ("d1", b"", "d2", b"")).fetchall()
    assert "USING INDEX change_rows_delivery" in str(plan)


def test_a_file_that_is_no_database_is_unavailable(path: Path) -> None:
    """A caller can tell people, and try again later."""
    path.parent.mkdir()
    path.write_bytes(b"something else" * 1000)
    with pytest.raises(InboxUnavailable, match="cannot be read"):
        SqliteInbox(path).last_seq("shop")
    with pytest.raises(InboxUnavailable, match="cannot be written"):
        SqliteInbox(path).commit([a_delivery()])


def test_a_failed_batch_leaves_nothing_and_the_next_one_works(path: Path) -> None:
    """All or nothing: the shop was told that none was stored."""
    inbox = SqliteInbox(path)
    inbox.commit([a_delivery()])
    with closing(sqlite.connect(str(path), isolation_level=None)) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON change_rows WHEN NEW.resource_id = 9 "
            "BEGIN SELECT raise(ABORT, 'disk is full'); END"
        )
        with pytest.raises(InboxUnavailable, match="disk is full"):
            inbox.commit([a_delivery(b'{"id": 8}'), a_delivery(b'{"id": 9}')])
        connection.execute("DROP TRIGGER full")
    assert inbox.waiting("shop", 0) == 1
    assert inbox.commit([a_delivery(b'{"id": 9}')]) == ["processed"]


def test_pruned_bytes_are_gone_from_the_file(path: Path) -> None:
    """They held names and addresses."""
    now = datetime.now(UTC)
    inbox = SqliteInbox(path)
    inbox.commit([a_delivery(b'{"id": 5, "name": "Gwendolyn"}', at=now - timedelta(days=40)), a_delivery(at=now)])
    assert inbox.prune(now) == 1
    assert all(b"Gwendolyn" not in file.read_bytes() for file in path.parent.iterdir())


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_keep_their_microseconds(instant: datetime) -> None:
    """Floats would lose some: a delivery could seem to be older than the read it came after."""
    assert EPOCH + timedelta(microseconds=to_microseconds(instant)) == instant
