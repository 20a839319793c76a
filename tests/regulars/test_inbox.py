"""Reading change rows, over files that the receiver's own writer made."""

import asyncio
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars import inbox as reading
from regulars.errors import InboxUnavailable, NewerSchema
from regulars.inbox import changes_of, dead_letters, last_seq, pending, sqlite, to_microseconds, waiting
from regulars.models import ChangeRow
from webhook_receiver.delivery import read_content
from webhook_receiver.inbox import Delivery, Inbox

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


def a_delivery(
    body: bytes = b'{"id": 5}', topic: str = "order.updated", shop: str = "shop", at: datetime = NOON
) -> Delivery:
    """Return a verified delivery."""
    return Delivery(shop=shop, topic=topic, content=read_content(topic, body), body=body, received_at=at)


def an_inbox(path: Path, *deliveries: Delivery) -> Path:
    """Write the deliveries one after the other and return the inbox's path."""

    async def append() -> None:
        for delivery in deliveries:
            await inbox.append(delivery)

    inbox = Inbox(path)
    inbox.start()
    try:
        asyncio.run(append())
    finally:
        inbox.close()
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where an inbox may be, in a folder that does not exist yet."""
    return tmp_path / "data" / "inbox.db"


def everything(path: Path) -> list[object]:
    """Return what each function answers."""
    return [
        pending(path, "shop", 0),
        changes_of(path, "shop", "order", 5, 0),
        last_seq(path, "shop"),
        last_seq(path),
        waiting(path, "shop", 0),
        dead_letters(path, "shop"),
    ]


def test_no_file_is_an_empty_inbox_and_is_not_made(path: Path) -> None:
    """Sensors and screens run before the receiver's first start, and must not become its writers."""
    assert everything(path) == [[], [], 0, {}, 0, 0]
    assert not path.parent.exists()


def test_a_file_without_its_table_is_an_empty_inbox(path: Path) -> None:
    """The receiver makes the file a moment before the table."""
    path.parent.mkdir()
    path.touch()
    assert everything(path) == [[], [], 0, {}, 0, 0]


def test_a_row_comes_back_as_it_was_committed(path: Path) -> None:
    """Bytes, and the instant to the microsecond: both decide what wins in a merge."""
    body = b'{"id": 5, "name": "\\u00fc \xf0\x9f\x8e\x84"}'
    assert pending(an_inbox(path, a_delivery(body)), "shop", 0) == [
        ChangeRow(
            seq=1,
            shop="shop",
            topic="order.updated",
            resource="order",
            resource_id=5,
            received_at=NOON,
            body=body,
        )
    ]


def test_rows_come_in_order_of_commit_after_the_last_one_seen(path: Path) -> None:
    """A sync goes on where it stopped: nothing twice, nothing left out."""
    an_inbox(path, *(a_delivery(b'{"id": %d}' % number) for number in (9, 3, 7, 1)))
    assert [row.resource_id for row in pending(path, "shop", 1)] == [3, 7, 1]
    assert [row.seq for row in pending(path, "shop", 1, limit=2)] == [2, 3]
    assert pending(path, "shop", 4) == []
    assert (waiting(path, "shop", 1), waiting(path, "shop", 4)) == (3, 0)


def test_shops_do_not_see_each_other(path: Path) -> None:
    """Each shop's sync has its own place in the one file."""
    an_inbox(path, a_delivery(shop="a"), a_delivery(shop="b"), a_delivery(shop="a"))
    assert [row.seq for row in pending(path, "a", 0)] == [1, 3]
    assert [row.seq for row in pending(path, "b", 0)] == [2]
    assert (last_seq(path, "a"), last_seq(path, "b"), last_seq(path, "c")) == (3, 2, 0)
    assert last_seq(path) == {"a": 3, "b": 2}


def test_dead_letters_are_counted_and_never_handed_out(path: Path) -> None:
    """A sync that got one would stop on it; a sensor that saw its number would start runs for nothing."""
    an_inbox(path, a_delivery(), a_delivery(b"null"), a_delivery(b'{"id": 0}'))
    assert everything(path)[2:] == [1, {"shop": 1}, 1, 2]
    assert [row.seq for row in pending(path, "shop", 0)] == [1]
    assert changes_of(path, "shop", "order", 0, 0) == []


def test_the_changes_of_one_object_are_its_own(path: Path) -> None:
    """Order 5 and customer 5 are strangers."""
    an_inbox(path, a_delivery(), a_delivery(topic="customer.updated"), a_delivery(topic="order.deleted"))
    assert [row.topic for row in changes_of(path, "shop", "order", 5, 0)] == ["order.updated", "order.deleted"]
    assert [row.topic for row in changes_of(path, "shop", "customer", 5, 0)] == ["customer.updated"]
    assert changes_of(path, "shop", "order", 5, 3) == []


def test_a_list_of_large_bodies_ends_early_but_gets_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five thousand bodies of the largest size would not fit into memory."""
    monkeypatch.setattr(reading, "PENDING_BYTES", 10)
    an_inbox(path, *(a_delivery(b'{"id": %d}' % number) for number in range(1, 4)))
    assert [row.seq for row in pending(path, "shop", 0)] == [1, 2]
    monkeypatch.setattr(reading, "PENDING_BYTES", 1)
    assert [row.seq for row in pending(path, "shop", 2)] == [3]


def test_reading_goes_on_beside_an_open_writer(path: Path) -> None:
    """The receiver has its file open all the time."""
    inbox = Inbox(path)
    inbox.start()
    try:
        assert asyncio.run(inbox.append(a_delivery())) == "processed"
        assert last_seq(path, "shop") == 1
    finally:
        inbox.close()


def test_readers_cannot_write(path: Path) -> None:
    """One process writes; a slip in a reader must not be able to."""
    an_inbox(path)
    with reading._reader(path) as connection, pytest.raises(sqlite.OperationalError, match="readonly"):
        connection.execute("DELETE FROM change_rows")


def test_a_newer_schema_is_refused(path: Path) -> None:
    """We would read its columns wrongly."""
    an_inbox(path, a_delivery())
    with closing(sqlite.connect(str(path))) as connection:
        connection.execute("PRAGMA user_version=2")
    with pytest.raises(NewerSchema, match="install that version"):
        pending(path, "shop", 0)


def test_a_file_that_is_no_database_is_unavailable(path: Path) -> None:
    """A caller can tell people, and try again later."""
    path.parent.mkdir()
    path.write_bytes(b"something else" * 1000)
    with pytest.raises(InboxUnavailable, match="cannot be read"):
        last_seq(path, "shop")


def test_rows_of_a_month_ago_are_dropped_at_the_next_start(path: Path) -> None:
    """Disk use is bounded, and personal data does not lie about for ever."""
    now = datetime.now(UTC)
    ages = (60, 31, 29, 0)
    an_inbox(path, *(a_delivery(b'{"id": %d}' % (days + 1), at=now - timedelta(days=days)) for days in ages))
    inbox = Inbox(path)
    inbox.start()
    try:
        deadline = time.monotonic() + 10
        while waiting(path, "shop", 0) > 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        inbox.close()
    assert [row.resource_id for row in pending(path, "shop", 0)] == [30, 1]


def test_a_clock_that_jumped_ahead_drops_nothing(path: Path) -> None:
    """Age is told against the newest row: here all rows are a year old, and one day apart."""
    then = datetime.now(UTC) - timedelta(days=365)
    an_inbox(path, a_delivery(at=then), a_delivery(at=then + timedelta(days=1)))
    an_inbox(path)
    assert waiting(path, "shop", 0) == 2


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_keep_their_microseconds(instant: datetime) -> None:
    """Floats would lose some: a delivery could seem to be older than the read it came after."""
    assert reading.EPOCH + timedelta(microseconds=to_microseconds(instant)) == instant
