"""Which deliveries say nothing new, on every store: told by endpoint, webhook id, delivery id and body together."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.inbox import Inbox
from tests.regulars.inbox.conftest import Opener
from tests.regulars.inbox.deliveries import a_delivery, of_order
from tests.regulars.inbox.test_inbox_contract import one_by_one

NAMED = {"webhook_id": "3", "delivery_id": "d1"}
GONE = b'{"id": 5}'


def test_a_repeat_is_told_though_other_rows_came_between(inbox: Inbox) -> None:
    """A proxy that sends once more after a time-out does so seconds later, when the order has moved on."""
    first = of_order(5, **NAMED)
    assert one_by_one(inbox, first, of_order(5, "2026-11-22T09:00:00", webhook_id="3", delivery_id="d2"), first) == [
        "processed",
        "processed",
        "duplicate",
    ]
    assert inbox.commit([of_order(6, "2026-11-22T09:00:00"), first, of_order(6)]) == [
        "processed",
        "duplicate",
        "processed",
    ]


def test_a_repeat_within_one_batch_is_told(inbox: Inbox) -> None:
    """Group commits put both into one transaction."""
    gone = a_delivery(GONE, topic="order.deleted", **NAMED)
    assert inbox.commit([gone, of_order(5), gone]) == ["processed", "processed", "duplicate"]


def test_a_deletion_of_another_second_is_no_repeat(inbox: Inbox) -> None:
    """Trashed, restored in silence, trashed again: same bytes, another delivery id."""
    told = [a_delivery(GONE, topic="order.deleted", webhook_id="3", delivery_id=name) for name in ("d1", "d2", "d1")]
    assert one_by_one(inbox, *told) == ["processed", "processed", "duplicate"]


@pytest.mark.parametrize(
    "other",
    [
        {"body": b'{"id": 6}'},
        {"topic": "order.restored"},
        {"shop": "other"},
        {"webhook_id": "4"},
        {"delivery_id": "d2"},
        {"webhook_id": None},
        {"delivery_id": None},
    ],
    ids=["body", "topic", "shop", "webhook", "delivery", "no webhook id", "no delivery id"],
)
def test_all_four_must_be_the_same(inbox: Inbox, other: dict[str, Any]) -> None:
    """A delivery id alone is shared by all deliveries of a webhook in one second: orders would be lost."""
    same: dict[str, Any] = {"body": GONE, "topic": "order.deleted", **NAMED}
    assert one_by_one(inbox, a_delivery(**same), a_delivery(**{**same, **other})) == ["processed"] * 2


def test_without_ids_the_newest_row_decides_as_before(inbox: Inbox) -> None:
    """Answers to our own edits, and shops behind a proxy that strips headers, have none."""
    gone = a_delivery(GONE, topic="order.deleted", webhook_id="3")
    assert one_by_one(inbox, gone, gone, of_order(6), of_order(6)) == ["processed"] * 3 + ["duplicate"]


def test_a_repeated_dead_letter_is_kept_once(inbox: Inbox) -> None:
    """It is counted for people to look at."""
    letter = a_delivery(b'{"code": "x"}', **NAMED)
    assert one_by_one(inbox, letter, letter) == ["ignored", "duplicate"]
    [kept] = inbox.dead_letters("shop")
    assert (kept.webhook_id, kept.delivery_id, kept.topic) == ("3", "d1", "order.updated")


def test_a_repeat_is_told_by_another_opening_too(opener: Opener) -> None:
    """Two receivers over an update, or a restart between."""
    assert opener().commit([of_order(5, **NAMED), of_order(5, "2026-11-22T09:00:00")]) == ["processed"] * 2
    assert opener().commit([of_order(5, **NAMED)]) == ["duplicate"]


deliveries = st.builds(
    lambda number, minute, webhook, second: of_order(
        number, f"2026-11-22T08:0{minute}:00", webhook_id=webhook, delivery_id=second
    ),
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from([None, "1", "2"]),
    st.sampled_from([None, "a", "b"]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(deliveries, max_size=12), cut=st.integers(0, 12), name=st.integers())
def test_batches_judge_as_one_by_one(inbox: Inbox, told: list[Any], cut: int, name: int) -> None:
    """How many waited for the disk together is chance; what is a repeat must not be."""
    alone, together = f"alone{name}", f"together{name}"
    mine = [[_of(one, shop) for one in told] for shop in (alone, together)]
    expected = one_by_one(inbox, *mine[0])
    assert inbox.commit(mine[1][:cut]) + inbox.commit(mine[1][cut:]) == expected
    inbox.load([], replace=True)


def _of(delivery: Any, shop: str) -> Any:
    return a_delivery(
        delivery.body, delivery.topic, shop, webhook_id=delivery.webhook_id, delivery_id=delivery.delivery_id
    )
