"""What every inbox guarantees, on every store."""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from regulars.errors import InboxError
from regulars.inbox import Inbox, rows
from regulars.inbox.answers import append_answer
from regulars.inbox.delivery import LARGEST_ID, Delivery
from regulars.models import ChangeRow
from tests.regulars.inbox.conftest import Opener
from tests.regulars.inbox.deliveries import NOON, a_delivery, of_order


def one_by_one(inbox: Inbox, *deliveries: Delivery) -> list[str]:
    """Commit each delivery alone and return what became of them."""
    return [inbox.commit([delivery])[0] for delivery in deliveries]


def everything(inbox: Inbox) -> list[object]:
    """Return what each reading call answers."""
    return [
        inbox.pending("shop", 0),
        inbox.changes_of("shop", "order", 5, 0),
        inbox.last_seq("shop"),
        inbox.last_seqs(),
        inbox.waiting("shop", 0),
        inbox.dead_letters("shop"),
        inbox.dead_letter_count("shop"),
    ]


def seqs(found: Sequence[ChangeRow]) -> list[int]:
    """Return the numbers of rows."""
    return [row.seq for row in found]


def test_an_inbox_that_never_received_anything_answers_empty(inbox: Inbox) -> None:
    """Sensors and screens run before the first delivery."""
    assert everything(inbox) == [[], [], 0, {}, 0, [], 0]


def test_a_row_comes_back_as_it_was_committed(inbox: Inbox) -> None:
    """Bytes, and the instant to the microsecond: both decide what wins in a merge."""
    body = b'{"id": 5, "name": "\\u00fc \xf0\x9f\x8e\x84"}'
    assert inbox.commit([a_delivery(body)]) == ["processed"]
    [row] = inbox.pending("shop", 0)
    assert row == ChangeRow(
        seq=row.seq,
        shop="shop",
        topic="order.updated",
        resource="order",
        resource_id=5,
        received_at=NOON,
        body=body,
    )


def test_the_largest_id_comes_back(inbox: Inbox) -> None:
    """Ids are 64 bits wide in the shop."""
    inbox.commit([of_order(LARGEST_ID)])
    assert [row.resource_id for row in inbox.changes_of("shop", "order", LARGEST_ID, 0)] == [LARGEST_ID]


def test_what_one_opening_committed_another_sees_at_once(opener: Opener) -> None:
    """The receiver writes; sensor, app and API read, each in a process of its own."""
    reading, writing = opener(), opener()
    assert reading.last_seq("shop") == 0
    writing.commit([a_delivery()])
    assert seqs(reading.pending("shop", 0)) == [writing.last_seq("shop")]


def test_rows_come_in_order_of_commit_after_the_last_one_seen(inbox: Inbox) -> None:
    """A sync goes on where it stopped: nothing twice, nothing left out."""
    inbox.commit([of_order(number) for number in (9, 3)])
    one_by_one(inbox, of_order(7), of_order(1))
    first, *others = found = inbox.pending("shop", 0)
    assert [row.resource_id for row in found] == [9, 3, 7, 1]
    assert inbox.pending("shop", first.seq) == others
    assert inbox.pending("shop", first.seq, limit=2) == others[:2]
    last = found[-1].seq
    assert (inbox.pending("shop", last), inbox.last_seq("shop")) == ([], last)
    assert (inbox.waiting("shop", first.seq), inbox.waiting("shop", last)) == (3, 0)


def test_shops_do_not_see_each_other(inbox: Inbox) -> None:
    """Each shop's sync has its own place in the one inbox."""
    inbox.commit([a_delivery(shop="a"), a_delivery(shop="b"), a_delivery(shop="a")])
    one, three = seqs(inbox.pending("a", 0))
    [two] = seqs(inbox.pending("b", 0))
    assert one < two < three
    assert (inbox.last_seq("a"), inbox.last_seq("b"), inbox.last_seq("c")) == (three, two, 0)
    assert inbox.last_seqs() == {"a": three, "b": two}


def test_dead_letters_are_kept_apart(inbox: Inbox) -> None:
    """A sync that got one would stop on it; a sensor that saw its number would start runs for nothing."""
    assert inbox.commit([a_delivery(), a_delivery(b"null"), a_delivery(b'{"id": 0}')]) == [
        "processed",
        "ignored",
        "ignored",
    ]
    [row] = inbox.pending("shop", 0)
    assert (inbox.last_seq("shop"), inbox.last_seqs(), inbox.waiting("shop", 0)) == (row.seq, {"shop": row.seq}, 1)
    assert inbox.changes_of("shop", "order", 0, 0) == []
    letters = inbox.dead_letters("shop")
    assert [(letter.body, letter.reason) for letter in letters] == [
        (b'{"id": 0}', "the id is not a positive integer"),
        (b"null", "the body is not a JSON object"),
    ]
    assert inbox.dead_letters("shop", limit=1) == letters[:1]
    assert (inbox.dead_letter_count("shop"), inbox.dead_letter_count("other")) == (2, 0)


def test_the_changes_of_one_object_are_its_own(inbox: Inbox) -> None:
    """Order 5 and customer 5 are strangers."""
    inbox.commit([a_delivery(), a_delivery(topic="customer.updated"), a_delivery(topic="order.deleted")])
    orders = inbox.changes_of("shop", "order", 5, 0)
    assert [row.topic for row in orders] == ["order.updated", "order.deleted"]
    assert [row.topic for row in inbox.changes_of("shop", "customer", 5, 0)] == ["customer.updated"]
    assert inbox.changes_of("shop", "order", 5, orders[-1].seq) == []
    assert inbox.changes_of("other", "order", 5, 0) == []


def test_a_list_of_large_bodies_ends_early_but_gets_on(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five thousand bodies of the largest size would not fit into memory."""
    inbox.commit([a_delivery(b'{"id": %d}' % number) for number in range(1, 4)])
    one, two, three = seqs(inbox.pending("shop", 0))
    monkeypatch.setattr(rows, "LIST_BYTES", 10)
    assert seqs(inbox.pending("shop", 0)) == [one, two]
    monkeypatch.setattr(rows, "LIST_BYTES", 1)
    assert seqs(inbox.pending("shop", two)) == [three]


def test_the_same_dated_body_again_is_a_duplicate(inbox: Inbox) -> None:
    """Shops deliver one state several times; each would start a run."""
    assert one_by_one(inbox, of_order(5), of_order(5)) == ["processed", "duplicate"]
    assert inbox.commit([of_order(6), of_order(6), of_order(5)]) == ["processed", "duplicate", "duplicate"]
    assert inbox.waiting("shop", 0) == 2


def test_a_state_that_comes_back_is_no_duplicate(inbox: Inbox) -> None:
    """An order may be set to a status, to another one, and back: only the newest row tells a repeat."""
    first, second = of_order(5), of_order(5, "2026-11-22T08:11:00")
    assert one_by_one(inbox, first, second, first) == ["processed"] * 3
    assert inbox.commit([second, first, first]) == ["processed", "processed", "duplicate"]


def test_bare_deletions_are_never_duplicates(inbox: Inbox) -> None:
    """An order can be trashed, restored in silence, and trashed again."""
    gone = a_delivery(b'{"id": 5}', topic="order.deleted")
    assert one_by_one(inbox, gone, gone) == ["processed"] * 2
    assert inbox.commit([gone, gone]) == ["processed"] * 2


def test_another_topic_or_shop_is_no_duplicate(inbox: Inbox) -> None:
    """`order.created` and the first `order.updated` have the same body; so may two shops."""
    created = of_order(5, topic="order.created")
    assert one_by_one(inbox, created, of_order(5), of_order(5, shop="other")) == ["processed"] * 3


def test_an_empty_batch_is_nothing(inbox: Inbox) -> None:
    """The writer's thread may have been woken for a probe alone."""
    assert inbox.commit([]) == []


def test_a_probe_leaves_no_row_and_no_gap_that_a_sync_could_see(inbox: Inbox) -> None:
    """Health is asked every few seconds."""
    inbox.probe()
    inbox.probe()
    assert everything(inbox) == [[], [], 0, {}, 0, [], 0]


def test_a_batch_of_many_is_stored_in_its_order(inbox: Inbox) -> None:
    """Hundreds wait when the store was away for a moment."""
    assert inbox.commit([of_order(number) for number in range(500, 0, -1)]) == ["processed"] * 500
    found = inbox.pending("shop", 0)
    assert [row.resource_id for row in found] == list(range(500, 0, -1))
    assert seqs(found) == sorted(set(seqs(found)))


def test_several_writers_lose_and_double_nothing(opener: Opener) -> None:
    """The receiver and the app write at once, and a careless restart overlaps with the old process."""
    inboxes = [opener() for _ in range(3)]

    def write(inbox: Inbox) -> list[str]:
        outcomes: list[str] = []
        for start in range(1, 61, 5):
            outcomes += inbox.commit([of_order(number) for number in range(start, start + 5)])
        return outcomes

    with ThreadPoolExecutor(3) as pool:
        outcomes = [outcome for told in pool.map(write, inboxes) for outcome in told]
    assert sorted(row.resource_id for row in inboxes[0].pending("shop", 0)) == list(range(1, 61))
    assert (outcomes.count("processed"), outcomes.count("duplicate")) == (60, 120)


def test_a_reader_that_follows_the_numbers_misses_nothing(opener: Opener) -> None:
    """A row that appeared under a number below the last one seen would never be merged."""
    writers, reading = [opener(), opener()], opener()
    done = threading.Event()
    seen: list[int] = []

    def follow() -> None:
        last = 0
        while True:
            ended = done.is_set()
            found = reading.pending("shop", last)
            seen.extend(row.resource_id for row in found)
            last = found[-1].seq if found else last
            if ended and not found:
                return

    def write(part: int) -> None:
        for number in range(part, 160, 2):
            writers[part].commit([of_order(number + 1)])

    with ThreadPoolExecutor(3) as pool:
        following = pool.submit(follow)
        try:
            list(pool.map(write, (0, 1)))
        finally:
            done.set()
        following.result()
    assert sorted(seen) == list(range(1, 161))


def test_rows_of_more_than_a_month_ago_are_pruned(inbox: Inbox) -> None:
    """Disk use is bounded, and personal data does not lie about for ever."""
    now = datetime.now(UTC)
    inbox.commit([a_delivery(b'{"id": %d}' % (days + 1), at=now - timedelta(days=days)) for days in (60, 31, 29, 0)])
    assert (inbox.prune(now), inbox.prune(now)) == (2, 0)
    assert [row.resource_id for row in inbox.pending("shop", 0)] == [30, 1]


def test_a_clock_that_jumped_ahead_prunes_nothing(inbox: Inbox) -> None:
    """Age is told against the newest row: here all rows are a year old, and one day apart."""
    then = datetime.now(UTC) - timedelta(days=365)
    inbox.commit([a_delivery(at=then), a_delivery(at=then + timedelta(days=1))])
    assert inbox.prune(datetime.now(UTC)) == 0
    assert inbox.waiting("shop", 0) == 2


def test_pruning_an_empty_inbox_is_nothing(inbox: Inbox) -> None:
    """The receiver prunes after its first start."""
    assert inbox.prune(datetime.now(UTC)) == 0


def test_numbers_go_on_after_everything_was_pruned(inbox: Inbox) -> None:
    """The sync remembers the last number it merged: a reused one would be skipped."""
    long_ago = datetime.now(UTC) - timedelta(days=400)
    inbox.commit([a_delivery(at=long_ago), a_delivery(at=long_ago)])
    before = inbox.last_seq("shop")
    inbox.commit([a_delivery(b"null", at=datetime.now(UTC))])
    assert inbox.prune(datetime.now(UTC)) == 2
    inbox.commit([a_delivery()])
    assert inbox.last_seq("shop") > before + 1


def test_a_dump_is_json_and_loads_into_an_empty_inbox(opener: Opener, inbox: Inbox, tmp_path: Any) -> None:
    """A backup, or a deployment that moves to another store, takes the rows along under their numbers."""
    from regulars.inbox.sqlite import SqliteInbox

    inbox.commit([a_delivery(b"\x00\xff", shop="b"), of_order(7), a_delivery(b'{"id": 5}', topic="order.deleted")])
    written = [json.loads(json.dumps(row)) for row in inbox.dump()]
    with SqliteInbox(tmp_path / "other.db") as other:
        assert other.load(written) == 3
        assert other.pending("shop", 0) == inbox.pending("shop", 0)
        assert other.dead_letters("b") == inbox.dead_letters("b")
        assert list(other.dump()) == written
        assert other.commit([of_order(7), of_order(8)]) == ["duplicate", "processed"]
        assert other.last_seq("shop") > inbox.last_seq("shop")


def test_a_loaded_inbox_is_as_the_one_it_came_from(opener: Opener, tmp_path: Any) -> None:
    """The other way round: from the embedded default to the store under test."""
    from regulars.inbox.sqlite import SqliteInbox

    with SqliteInbox(tmp_path / "other.db") as other:
        other.commit([of_order(number) for number in range(1, 8)])
        written = list(other.dump())
    inbox = opener()
    assert inbox.load(written) == 7
    assert list(inbox.dump()) == written
    inbox.commit([of_order(100)])
    assert inbox.last_seq("shop") == 8


def test_the_numbers_used_are_carried_though_all_rows_were_pruned(inbox: Inbox) -> None:
    """Else a restored inbox would give out numbers that the sync has merged long ago."""
    assert inbox.load([{"table": "inbox", "last_seq": 700}]) == 0
    inbox.commit([of_order(1)])
    assert inbox.last_seq("shop") == 701


def test_loading_into_an_inbox_with_rows_changes_nothing(inbox: Inbox) -> None:
    """Two shops' numbers would mix."""
    inbox.commit([of_order(1)])
    before = list(inbox.dump())
    with pytest.raises(InboxError, match="into an empty one"):
        inbox.load(before)
    assert list(inbox.dump()) == before


@pytest.mark.parametrize("others", [[], [of_order(5), of_order(6)]])
def test_a_replaced_inbox_holds_the_loaded_rows_alone(
    opener: Opener, inbox: Inbox, tmp_path: Any, others: list[Any]
) -> None:
    """A restore over an inbox in use must not mix two histories, nor give out a number twice."""
    from regulars.inbox.sqlite import SqliteInbox

    inbox.commit([of_order(number) for number in range(1, 8)])
    with SqliteInbox(tmp_path / "other.db") as other:
        if others:
            other.commit(others)
        written = list(other.dump())
    assert inbox.load(written, replace=True) == len(others)
    assert [row for row in opener().dump() if row["table"] == "change_rows"] == written[1:]
    inbox.commit([of_order(100)])
    assert inbox.last_seq("shop") == 8


GOOD = {
    "table": "change_rows",
    "seq": 1,
    "shop": "shop",
    "topic": "order.updated",
    "resource": "order",
    "resource_id": 5,
    "received_at": 0,
    "body": "e30=",
    "body_sha256": "",
    "webhook_id": None,
    "delivery_id": None,
    "reason": None,
}


@pytest.mark.parametrize(
    "spoilt",
    [
        {},
        {"table": "notes"},
        {"table": "inbox", "last_seq": "7"},
        {"table": "inbox", "last_seq": -1},
        GOOD | {"seq": 0},
        GOOD | {"seq": 2**63},
        GOOD | {"body": "anna@example.com"},
        GOOD | {"body": None},
        GOOD | {"shop": {"$ne": None}},
        GOOD | {"more": 1},
    ],
    ids=str,
)
def test_a_spoilt_backup_loads_not_at_all(inbox: Inbox, spoilt: dict[str, Any]) -> None:
    """Half a backup would look like a whole one; and the error repeats nothing out of a row."""
    with pytest.raises(InboxError, match="not a backup") as caught:
        inbox.load([GOOD, spoilt])
    assert "anna" not in str(caught.value)
    assert everything(inbox) == [[], [], 0, {}, 0, [], 0]


def test_a_closed_inbox_opens_again(inbox: Inbox) -> None:
    """The writer's thread closes it while a screen may still ask."""
    inbox.commit([of_order(1)])
    inbox.close()
    inbox.close()
    assert inbox.commit([of_order(2)]) == ["processed"]
    assert inbox.waiting("shop", 0) == 2


def test_the_shops_answer_to_an_edit_comes_in_as_a_change_row(inbox: Inbox) -> None:
    """There is one way in: the profile shows the edit before the shop's own webhook is there."""
    item = {"id": 7, "email": "ü@example.com", "is_paying_customer": False, "date_modified_gmt": "2026-11-22T08:10:25"}
    assert append_answer(inbox, "shop", "customer.updated", item, NOON) == "processed"
    [row] = inbox.changes_of("shop", "customer", 7, 0)
    assert (row.topic, row.received_at, json.loads(row.body)) == ("customer.updated", NOON, item)
    assert append_answer(inbox, "shop", "customer.updated", item, NOON + timedelta(seconds=1)) == "duplicate"


def test_an_answer_that_is_no_customer_is_set_aside(inbox: Inbox) -> None:
    """A proxy's error page as JSON, or text that no database takes, must not stop a sync."""
    assert append_answer(inbox, "shop", "customer.updated", {"code": "x"}, NOON) == "ignored"
    assert append_answer(inbox, "shop", "customer.updated", {"id": 7, "name": "\ud800"}, NOON) == "ignored"
    assert (inbox.waiting("shop", 0), inbox.dead_letter_count("shop")) == (0, 2)
