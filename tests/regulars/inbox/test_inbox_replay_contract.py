"""Dead letters that are read again, and rows that are queued again, on every store."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from regulars.inbox import Inbox, delivery
from regulars.inbox.delivery import UNKNOWN_TOPIC
from regulars.inbox.port import ReadAgain
from tests.regulars.inbox.conftest import Opener
from tests.regulars.inbox.deliveries import NOON, a_delivery, of_order
from tests.regulars.inbox.test_inbox_contract import one_by_one, seqs

ERROR = "the shop sent an error in place of the object"


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Teach this version a topic that the version which received the deliveries did not know."""
    monkeypatch.setattr(delivery, "TOPICS", (*delivery.TOPICS, "order.archived"))


def test_a_letter_that_is_understood_now_becomes_a_change_row(inbox: Inbox, request: pytest.FixtureRequest) -> None:
    """An update teaches a topic: what came before it is not lost."""
    letter = a_delivery(b'{"id": 5}', topic="order.archived", webhook_id="3", delivery_id="d1")
    assert one_by_one(inbox, letter, of_order(9)) == ["ignored", "processed"]
    [dead] = inbox.dead_letters("shop")
    assert (dead.topic, dead.reason, dead.resource_id) == ("order.archived", UNKNOWN_TOPIC, 0)
    request.getfixturevalue("learnt")
    before = inbox.last_seq("shop")
    assert inbox.read_again("shop") == ReadAgain(1, {})
    [row] = inbox.pending("shop", before)
    assert row == dead.model_copy(update={"seq": row.seq, "reason": None, "resource": "order", "resource_id": 5})
    assert (inbox.dead_letter_count("shop"), row.received_at) == (0, NOON)
    assert inbox.commit([letter]) == ["duplicate"]
    assert inbox.read_again("shop") == ReadAgain(0, {})


def test_the_others_stay_and_are_counted_by_reason(inbox: Inbox, learnt: None) -> None:
    """Error objects name no object: nothing safe can be made of them, today or later."""
    bodies = [b'{"code": "x"}', b'{"code": "y"}', b"null"]
    inbox.commit([a_delivery(body) for body in bodies])
    letters = inbox.dead_letters("shop")
    assert inbox.read_again("shop") == ReadAgain(0, {ERROR: 2, "the body is not a JSON object": 1})
    assert inbox.dead_letters("shop") == letters
    assert inbox.waiting("shop", 0) == 0


def test_only_the_shop_that_is_named_is_read_again(inbox: Inbox) -> None:
    """Each shop is repaired by itself."""
    inbox.commit([a_delivery(b"null"), a_delivery(b"null", shop="other")])
    assert inbox.read_again("shop").left == {"the body is not a JSON object": 1}
    assert inbox.read_again("nobody") == ReadAgain(0, {})


def test_hundreds_of_letters_are_read_again(inbox: Inbox, request: pytest.FixtureRequest) -> None:
    """A webhook with a topic that we did not know was busy for a month."""
    inbox.commit([a_delivery(b'{"id": %d}' % number, topic="order.archived") for number in range(1, 451)])
    request.getfixturevalue("learnt")
    assert inbox.read_again("shop") == ReadAgain(450, {})
    found = inbox.pending("shop", 0)
    assert [row.resource_id for row in found] == list(range(1, 451))
    assert len(set(seqs(found))) == 450


def test_the_newest_row_of_each_object_is_queued_once_more(inbox: Inbox) -> None:
    """A warehouse was set back: its next sync asks for each object, once."""
    one_by_one(
        inbox,
        of_order(5),
        a_delivery(b'{"id": 5}', topic="customer.updated"),
        of_order(5, "2026-11-22T09:00:00", webhook_id="3", delivery_id="d1"),
        a_delivery(b"null"),
        of_order(6),
        of_order(5, shop="other"),
    )
    before, last = inbox.pending("shop", 0), inbox.last_seqs()
    assert inbox.queue_again("shop") == 3
    again = inbox.pending("shop", max(last.values()))
    assert [row.model_copy(update={"seq": 0}) for row in again] == [
        row.model_copy(update={"seq": 0}) for row in before[1:]
    ]
    assert inbox.pending("shop", 0) == before + again
    assert (inbox.last_seq("other"), inbox.dead_letter_count("shop")) == (last["other"], 1)
    assert inbox.queue_again("shop") == 3


def test_nothing_is_queued_where_nothing_was_received(inbox: Inbox) -> None:
    """The command may come before the first delivery."""
    assert (inbox.queue_again("shop"), inbox.read_again("shop")) == (0, ReadAgain(0, {}))


def test_rows_that_come_meanwhile_are_neither_lost_nor_passed_by_older_ones(opener: Opener) -> None:
    """The receiver goes on while somebody replays: the last word about an order must stay the last."""
    receiving, replaying, reading = opener(), opener(), opener()
    receiving.commit([of_order(number) for number in range(1, 301)])
    done = threading.Event()

    def receive() -> None:
        for number in range(1, 301, 3):
            receiving.commit([of_order(number, "2026-11-23T00:00:00")])
        done.set()

    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(receive)
        while not done.is_set():
            replaying.queue_again("shop")
        running.result()
    for number in range(1, 301, 3):
        rows = reading.changes_of("shop", "order", number, 0)
        assert b"2026-11-23" in rows[-1].body
    assert {row.resource_id for row in reading.pending("shop", 0, limit=100_000)} == set(range(1, 301))
