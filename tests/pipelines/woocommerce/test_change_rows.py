"""Change rows: a body applies only where it is certainly newer; in every doubt the shop is asked."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines.woocommerce.changes import Plan, plan
from pipelines.woocommerce.known import Known
from regulars.models import ChangeRow
from tests.pipelines.woocommerce.synced_shop import Synced

INDEX = ("GET", "")


def merged(shared: Synced, *changes: ChangeRow) -> list[str]:
    """Merge change rows alone; return the paths that were asked, the index left out."""
    asked = shared.asked(lambda: shared.sync(changes, pull=False))
    assert asked.count(INDEX) == 1
    return [path for method, path in asked if path]


def planned(shared: Synced, *changes: ChangeRow) -> Plan:
    """Return what would become of change rows."""
    return plan(changes, Known(shared.warehouse), datetime.now(UTC))


def shown(shared: Synced, number: int) -> dict[str, Any]:
    """Return what the shop shows of an order now."""
    return shared.client.get(f"orders/{number}").items[0]


def with_time(body: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Return `body` as if modified at `at`."""
    return {**body, "date_modified_gmt": at.strftime("%Y-%m-%dT%H:%M:%S")}


def test_a_strictly_newer_body_applies_without_asking(shared: Synced) -> None:
    """The loop from checkout to screen is short because nothing more is asked."""
    order = shared.fresh_order()
    shared.shop.edit_order(order.id, status="completed")
    assert merged(shared, shared.told("order.updated", order.id)) == []
    assert shared.stored(order.id) == shown(shared, order.id)
    assert shared.rows(f"SELECT observed_by FROM raw.orders WHERE id = {order.id}") == [("webhook",)]


def test_a_new_order_brings_its_account(shared: Synced) -> None:
    """The first completed order turns an account into a paying one, without any sign on the account."""
    owner = shared.fresh_order(owned=True).customer_id
    order = shared.shop.place_order(owner)
    assert merged(shared, shared.told("order.created", order.id)) == [f"customers/{owner}"]
    assert shared.stored(order.id) == shown(shared, order.id)


def test_an_order_of_an_unknown_account_brings_that_account(shared: Synced) -> None:
    """A person who registers at checkout must not be an order without a customer."""
    person = shared.shop.add_customer("checkout@example.com")
    order = shared.shop.place_order(person.id)
    merged(shared, shared.told("order.created", order.id))
    assert shared.stored(person.id, "customers") is not None


def _older(body: dict[str, Any]) -> Any:
    return with_time({**body, "status": "failed"}, datetime(2020, 1, 1, tzinfo=UTC))


def _same_time(body: dict[str, Any]) -> Any:
    return {**body, "status": "failed"}


def _future(body: dict[str, Any]) -> Any:
    return with_time({**body, "status": "failed"}, datetime.now(UTC) + timedelta(days=2))


def _no_time(body: dict[str, Any]) -> Any:
    return {**body, "status": "failed", "date_modified_gmt": None}


def _other_id(body: dict[str, Any]) -> Any:
    return with_time({**body, "id": body["id"] + 1, "status": "failed"}, datetime.now(UTC))


def _error(_: dict[str, Any]) -> Any:
    return {"code": "woocommerce_rest_cannot_view", "message": "Sorry", "data": {"status": 403}}


@pytest.mark.parametrize(
    "spoil",
    [
        _older,
        _same_time,
        _future,
        _no_time,
        _other_id,
        _error,
        lambda _: b"\xff{",
        lambda _: [],
        lambda _: {"id": "12"},
    ],
    ids=["older", "same time", "future", "no time", "other id", "error object", "no JSON", "a list", "text id"],
)
def test_a_doubtful_body_is_not_believed(shared: Synced, spoil: Callable[[dict[str, Any]], Any]) -> None:
    """The shop's own answer is never older than the question; a webhook's may be anything."""
    order = shared.fresh_order()
    decided = planned(shared, shared.told("order.updated", order.id, spoil(shared.stored(order.id) or {})))
    assert (decided.rows, decided.fetch) == ({}, {"orders": {order.id}})


NEWER = {"status": "completed"}


@pytest.mark.parametrize(
    "lacking",
    [
        {"total": "1e309"},
        {"total": "1,00"},
        {"total": 5},
        {"currency": ""},
        {"line_items": None},
        {"line_items": [{"id": 1}]},
        {"refunds": [{"id": 1, "total": "much"}]},
        {"billing": []},
        {"customer_id": True},
        {"date_created_gmt": "soon"},
    ],
    ids=str,
)
def test_a_body_that_is_not_the_whole_order_is_read_again(shared: Synced, lacking: dict[str, Any]) -> None:
    """It would replace the row that is held: an amount that cannot be read holds back every publish of the shop."""
    order = shared.fresh_order()
    newer = with_time({**shown(shared, order.id), **NEWER}, datetime.now(UTC) - timedelta(seconds=2))
    assert planned(shared, shared.told("order.updated", order.id, newer)).fetch == {}
    spoilt = shared.told("order.updated", order.id, {**newer, **lacking})
    assert planned(shared, spoilt).fetch == {"orders": {order.id}}


def test_a_body_that_is_not_the_whole_account_is_read_again(shared: Synced) -> None:
    """A plugin that filters payloads must not take names and addresses away."""
    owner = shared.fresh_order(owned=True).customer_id
    part = with_time({"id": owner, "email": "ann@example.com"}, datetime.now(UTC) - timedelta(seconds=2))
    assert planned(shared, shared.told("customer.updated", owner, part)).fetch == {"customers": {owner}}


def test_what_is_not_believed_is_asked_for(shared: Synced) -> None:
    """The copy ends with what the shop shows, not with what the delivery said."""
    order = shared.fresh_order()
    shared.shop.edit_order(order.id, status="on-hold")
    assert merged(shared, shared.told("order.updated", order.id, _error({}))) == [f"orders/{order.id}"]
    assert shared.stored(order.id) == shown(shared, order.id)


def test_a_body_from_before_our_last_read_is_not_believed(shared: Synced) -> None:
    """A read supersedes everything observed before it started, whatever date a late delivery carries."""
    order = shared.fresh_order()
    body = with_time(shared.stored(order.id) or {}, datetime.now(UTC) - timedelta(seconds=1))
    late = shared.told("order.updated", order.id, body, received_at=datetime.now(UTC) - timedelta(days=1))
    assert planned(shared, late).fetch == {"orders": {order.id}}
    assert planned(shared, late.model_copy(update={"received_at": datetime.now(UTC)})).fetch == {}


def test_deliveries_out_of_order_end_with_the_newest(shared: Synced) -> None:
    """With several runners the shop sends the created body after the updated one."""
    order = shared.fresh_order()
    newer = with_time({**shown(shared, order.id), "status": "completed"}, datetime.now(UTC) - timedelta(seconds=5))
    older = with_time({**shown(shared, order.id), "status": "on-hold"}, datetime.now(UTC) - timedelta(seconds=9))
    rows = [shared.told("order.updated", order.id, newer), shared.told("order.created", order.id, older)]
    (row,) = planned(shared, *rows).rows["orders"]
    assert json.loads(row.body) == newer


def test_two_bodies_of_one_second_are_settled_by_the_shop(shared: Synced) -> None:
    """Times have whole seconds: which of two bodies is last cannot be told from them; two copies of one can."""
    order = shared.fresh_order()
    now = datetime.now(UTC) - timedelta(seconds=2)
    bodies = [with_time({**shown(shared, order.id), "status": status}, now) for status in ("failed", "completed")]
    one, other = (shared.told("order.updated", order.id, body) for body in bodies)
    assert planned(shared, one, other).fetch == {"orders": {order.id}}
    assert planned(shared, one, one).fetch == {}


def test_a_deleted_order_that_lies_in_the_trash_is_kept_as_trash(shared: Synced) -> None:
    """`order.deleted` means trashed, and trash can be restored."""
    order = shared.fresh_order()
    shared.shop.trash_order(order.id)
    assert merged(shared, shared.told("order.deleted", order.id, {"id": order.id})) == [f"orders/{order.id}"]
    stored = shared.stored(order.id)
    assert stored is not None
    assert stored["status"] == "trash"


def test_a_record_that_is_gone_gets_a_tombstone_and_may_come_back(shared: Synced) -> None:
    """The deletion is believed because the shop says so; the row stays for those who ask who it was."""
    person = shared.shop.add_customer("leaves@example.com")
    merged(shared, shared.told("customer.created", person.id))
    shared.shop.delete_customer(person.id)
    merged(shared, shared.told("customer.deleted", person.id, {"id": person.id}))
    assert shared.stored(person.id, "customers") is None
    assert shared.rows(f"SELECT count(*) FROM raw.customers WHERE id = {person.id}") == [(1,)]
    shared.shop.keep_customer(person)
    shared.shop.touch()
    assert merged(shared, shared.told("customer.updated", person.id)) == [f"customers/{person.id}"]
    assert shared.stored(person.id, "customers") is not None


def test_a_deletion_is_asked_back_though_an_older_body_arrives_after_it(shared: Synced) -> None:
    """With several runners the shop sends a body that it made before the deletion after the word of it."""
    person = shared.shop.add_customer("crossed@example.com")
    before = shared.client.get(f"customers/{person.id}").items[0]
    shared.shop.delete_customer(person.id)
    gone = shared.told("customer.deleted", person.id, {"id": person.id})
    assert merged(shared, gone, shared.told("customer.updated", person.id, before)) == [f"customers/{person.id}"]
    assert shared.stored(person.id, "customers") is None


def test_a_forged_deletion_deletes_nobody(shared: Synced) -> None:
    """A body of one id proves nothing."""
    owner = shared.fresh_order(owned=True).customer_id
    merged(shared, shared.told("customer.deleted", owner, {"id": owner}))
    assert shared.stored(owner, "customers") is not None


def test_a_refund_comes_with_its_order_and_goes_with_it(shared: Synced) -> None:
    """Refunds have no webhook of their own, and a deleted one leaves no date."""
    order = shared.fresh_order()
    refund = shared.shop.add_refund(order.id, "2.00")
    assert merged(shared, shared.told("order.updated", order.id)) == [f"orders/{order.id}/refunds"]
    assert shared.stored(refund.id, "refunds") is not None
    shared.shop.delete_refund(refund.id)
    merged(shared, shared.told("order.updated", order.id))
    assert shared.stored(refund.id, "refunds") is None


def test_many_doubtful_rows_are_asked_for_together(shared: Synced) -> None:
    """The fast path stays gentle: one question for a hundred ids, one more for what is in the trash."""
    orders = [shared.fresh_order() for _ in range(6)]
    shared.shop.trash_order(orders[0].id)
    shared.shop.delete_order(orders[1].id)
    rows = [shared.told("order.deleted", order.id, {"id": order.id}) for order in orders]
    assert merged(shared, *rows) == ["orders", "orders"]
    states = [stored["status"] if (stored := shared.stored(order.id)) else None for order in orders]
    assert states[:2] == ["trash", None]
    assert None not in states[2:]


def test_a_poisoned_row_stops_no_other(shared: Synced) -> None:
    """Ids that cannot be, bodies that are none, topics nobody knows: the good ones still arrive."""
    order = shared.fresh_order()
    shared.shop.edit_order(order.id, status="completed")
    good = shared.told("order.updated", order.id)
    bad = [
        shared.told("order.updated", 2**63 + 5, b"\x00"),
        shared.told("order.updated", 0, b"[]"),
        shared.told("order.created", 987_654_321, b'{"id": 987654321}'),
        shared.told("customer.updated", 987_654_321, b"null"),
        shared.told("product.updated", 12, b"{}"),
        shared.told("order.exploded", order.id, b"NaN"),
    ]
    merged(shared, *bad[:3], good, *bad[3:])
    assert shared.stored(order.id) == shown(shared, order.id)


def test_what_was_applied_is_not_applied_again(shared: Synced) -> None:
    """A run that dies after the commit leaves the inbox unmarked: its rows come again."""
    order = shared.fresh_order()
    shared.shop.edit_order(order.id, status="completed")
    row = shared.told("order.updated", order.id)
    merged(shared, row)
    before = shared.rows("SELECT id, observed_at, body FROM raw.orders ORDER BY id")
    outcome = shared.sync([row], pull=False)
    assert (outcome.rows, outcome.last_change_seq) == ({}, row.seq)
    assert shared.rows("SELECT id, observed_at, body FROM raw.orders ORDER BY id") == before


def test_text_of_every_kind_arrives_letter_for_letter(shared: Synced) -> None:
    """Names hold emoji, right-to-left marks, NUL escapes and quotes; none of it is ours to change."""
    order = shared.fresh_order()
    hostile = "Žofie \U0001f600 \u202e\u0000 \"'; DROP TABLE raw.orders; -- \u0130 ﷽ \ud83d"
    body = with_time({**shown(shared, order.id), "customer_note": hostile}, datetime.now(UTC) - timedelta(seconds=1))
    raw = json.dumps(body).encode()
    merged(shared, shared.told("order.updated", order.id, raw))
    stored = shared.stored(order.id)
    assert stored is not None
    # Half an emoji is no text: such a body is not believed, and the shop is asked.
    assert stored["customer_note"] in (hostile[:-1], shown(shared, order.id)["customer_note"])
    whole = {**body, "customer_note": hostile[:-1]}
    merged(shared, shared.told("order.updated", order.id, with_time(whole, datetime.now(UTC))))


def test_change_rows_before_the_first_pull_are_merged_and_the_pull_still_copies_all(synced: Synced) -> None:
    """Webhooks may be set up before the first sync ever ran."""
    order = next(iter(synced.shop.orders.values()))
    merged(synced, synced.told("order.updated", order.id))
    assert synced.rows("SELECT count(*) FROM raw.orders") == [(1,)]
    synced.sync()
    assert synced.rows("SELECT count(*) FROM raw.orders") == [(len(synced.shop.orders),)]
