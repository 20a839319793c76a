"""Webhooks as the real shop sends them: signed bytes, pings, order, collapse, failures."""

import base64
import hashlib
import hmac
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demo_shop.answers import Incoming
from demo_shop.changes import Shop
from demo_shop.routes import Site
from demo_shop.webhooks import HOOKS, Delivery, Webhooks, escaped, signature, start_courier
from tests.demo_shop.recorded_shop import KEY, basic, recording, shape
from tests.demo_shop.test_shop_queries import a_shop
from tests.demo_shop.test_shop_writes import send
from tests.demo_shop.webhook_listener import Listener, listening

SECRET = "whsec & <raw> \"as it is\" 'ü'"


@contextmanager
def connected(*topics: str, pause: float = 0.05) -> Iterator[tuple[Shop, Webhooks, Listener]]:
    """Run a shop whose courier delivers these topics to a listener; its pings have been answered."""
    shop = a_shop()
    webhooks = Webhooks(shop, timeout=5, pause=pause)
    with listening() as listener:
        stop = start_courier(webhooks)
        try:
            for topic in topics or HOOKS:
                webhooks.create(topic, listener.url, secret=SECRET)
            assert webhooks.settle()
            listener.arrived.clear()
            yield shop, webhooks, listener
        finally:
            stop()


def test_a_delivery_is_signed_over_its_raw_bytes_and_carries_the_recorded_headers() -> None:
    """The receiver trusts nothing but this signature; its scheme and header names are the contract."""
    with connected("customer.created") as (shop, webhooks, listener):
        shop.add_customer("a@example.com", "Zoë")
        assert webhooks.settle()
    delivery = listener.told()[0]
    made = hmac.new(SECRET.encode(), delivery.body, hashlib.sha256).digest()
    assert delivery.headers["x-wc-webhook-signature"] == base64.b64encode(made).decode()
    recorded = {name.lower() for name, _ in recording("webhooks/02_customer_created_01_customer.created")["headers"]}
    assert set(delivery.headers) == recorded


def test_our_signature_is_the_recorded_one_for_the_recorded_bytes() -> None:
    """A golden vector from the real shop."""
    found = recording("webhooks/05_order_created_01_order.created")
    raw = base64.b64decode(found["body_base64"])
    assert signature("whsec_lab_1234567890", raw) == dict(found["headers"])["X-WC-Webhook-Signature"]


def test_bodies_are_escaped_as_php_escapes_them() -> None:
    """ASCII only and slashes escaped: a receiver that verifies re-serialised JSON must fail here too."""
    found = recording("webhooks/02_customer_created_01_customer.created")
    assert escaped(json.loads(found["body_text"])) == base64.b64decode(found["body_base64"])


def test_an_order_is_told_as_created_and_then_updated_with_the_rest_body() -> None:
    """Both carry the same body, that of GET."""
    with connected() as (shop, webhooks, listener):
        order = shop.place_order(email="g@example.com")
        assert webhooks.settle()
    assert listener.topics() == ["order.created", "order.updated"]
    bodies = [json.loads(delivery.body) for delivery in listener.told()]
    assert bodies[0] == bodies[1]
    assert bodies[0] == send(shop, "GET", f"orders/{order.id}")[1] | {
        "_links": bodies[0]["_links"],
        "payment_url": bodies[0]["payment_url"],
    }
    real = json.loads(recording("webhooks/05_order_created_01_order.created")["body_text"])
    assert list(bodies[0]) == list(real)
    assert shape(bodies[0]["billing"]) == shape(real["billing"])


def test_several_updates_before_delivery_become_one_with_the_last_state() -> None:
    """The body is the state at delivery, so three saves are one message."""
    with connected("order.updated", pause=0.5) as (shop, webhooks, listener):
        order = shop.place_order()
        for status in ("on-hold", "processing", "completed"):
            shop.edit_order(order.id, status=status)
        assert webhooks.settle()
    assert [json.loads(delivery.body)["status"] for delivery in listener.told()] == ["completed"]


def test_an_order_that_is_gone_at_delivery_is_told_as_an_error_with_a_valid_signature() -> None:
    """Such a body has no id: a receiver must not store it."""
    with connected("order.created", pause=0.5) as (shop, webhooks, listener):
        shop.delete_order(shop.place_order().id)
        assert webhooks.settle()
    delivery = listener.told()[0]
    assert delivery.body == base64.b64decode(
        recording("webhooks/20_created_then_deleted_01_order.created")["body_base64"]
    )
    assert delivery.headers["x-wc-webhook-signature"] == signature(SECRET, delivery.body)


def test_trash_and_deletion_tell_the_id_alone() -> None:
    """``order.deleted`` means trashed; a permanent deletion is silent."""
    with connected() as (shop, webhooks, listener):
        order, customer = shop.place_order().id, shop.add_customer("a@example.com").id
        assert webhooks.settle()
        listener.arrived.clear()
        shop.trash_order(order)
        shop.delete_order(order)
        shop.delete_customer(customer)
        assert webhooks.settle()
    assert [(d.topic, d.body) for d in listener.told()] == [
        ("order.deleted", b'{"id":%d}' % order),
        ("customer.deleted", b'{"id":%d}' % customer),
    ]


def test_delivery_ids_repeat_within_a_second() -> None:
    """The shop's clock stands still here: a receiver that deduplicates on the id loses orders."""
    with connected("order.created") as (shop, webhooks, listener):
        for _ in range(3):
            shop.place_order()
        assert webhooks.settle()
    assert len(listener.told()) == 3
    assert len({delivery.headers["x-wc-webhook-delivery-id"] for delivery in listener.told()}) == 1


def test_a_ping_is_unsigned_and_comes_again_after_each_delivery_until_it_gets_200() -> None:
    """204 is not enough: the shop then sends two requests an event."""
    with connected("order.created") as (shop, webhooks, listener):
        listener.statuses[:] = [204, 204, 204, 200]
        hook = webhooks.create("order.created", listener.url, secret=SECRET)
        assert webhooks.settle()
        shop.place_order()
        assert webhooks.settle()
        shop.place_order()
        assert webhooks.settle()
    pings = [delivery for delivery in listener.arrived if delivery.topic == "ping"]
    assert [ping.body for ping in pings] == [f"webhook_id={hook.id}".encode()] * len(pings)
    assert pings[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert not any(name.startswith("x-wc-") for name in pings[0].headers)
    assert len(pings) == 2
    assert hook.pending is False


def test_seven_failures_in_a_row_disable_a_webhook_and_nothing_is_sent_again() -> None:
    """Events are never retried, and those while it is disabled are lost."""
    with connected("order.created") as (shop, webhooks, listener):
        listener.statuses[:] = [500]
        for _ in range(9):
            shop.place_order()
            assert webhooks.settle()
        hook = next(iter(webhooks.hooks.values()))
        assert (len(listener.told()), hook.status) == (7, "disabled")
        status, body = send_with(shop, webhooks, "GET", f"webhooks/{hook.id}")
        assert (status, body["status"]) == (200, "disabled")


@pytest.mark.parametrize(("statuses", "failures"), [([302], 0), ([303], 1), ([410], 1), ([500, 200], 0)])
def test_what_counts_as_delivered(statuses: list[int], failures: int) -> None:
    """200 to 302 are successes though a redirect is not followed; one success starts the count again."""
    with connected("order.created") as (shop, webhooks, listener):
        count = len(statuses)
        listener.statuses[:] = statuses
        for _ in range(count):
            shop.place_order()
            assert webhooks.settle()
        assert next(iter(webhooks.hooks.values())).failures == failures


def test_a_receiver_that_is_down_counts_as_a_failure_and_blocks_nothing_else() -> None:
    """A refused connection must not stop the courier."""
    with connected("order.created") as (shop, webhooks, listener):
        broken = webhooks.create("order.created", "http://127.0.0.1:9/")
        shop.place_order()
        assert webhooks.settle()
        assert broken.failures == 1
        assert listener.topics() == ["order.created"]


def send_with(
    shop: Shop, webhooks: Webhooks, method: str, path: str, body: object = None
) -> tuple[int, dict[str, object]]:
    """Send JSON to a site with these webhooks."""
    where, _, query = path.partition("?")
    raw = b"" if body is None else json.dumps(body).encode()
    request = Incoming(method, "https", "127.0.0.1:8449", f"/wp-json/wc/v3/{where}", query, basic(KEY), raw)
    answer = Site(shop, webhooks).handle(request)
    return answer.status, json.loads(answer.body)


def test_webhooks_are_managed_over_rest_without_showing_their_secret() -> None:
    """What `webhooks install` does: create, list, change, repair, delete."""
    shop = a_shop()
    webhooks = Webhooks(shop)
    found = recording("webhooks/api_create_response")
    status, body = send_with(shop, webhooks, "POST", "webhooks", found["request"]["body"])
    expected = found["body"] | {name: body[name] for name in ("date_created", "date_created_gmt")}
    assert (status, body) == (201, expected)
    assert send_with(shop, webhooks, "GET", "webhooks")[1] == [body]
    assert send_with(shop, webhooks, "PUT", "webhooks/1", {"status": "paused"})[1]["status"] == "paused"
    assert send_with(shop, webhooks, "DELETE", "webhooks/1")[0] == 501
    assert send_with(shop, webhooks, "DELETE", "webhooks/1?force=true")[0] == 200
    assert send_with(shop, webhooks, "GET", "webhooks/1")[0] == 404
    assert webhooks.hooks == {}


def test_an_event_while_paused_is_lost_but_one_queued_before_is_still_sent() -> None:
    """Pausing does not recall what already waits."""
    with connected("order.created", pause=0.5) as (shop, webhooks, listener):
        hook = next(iter(webhooks.hooks.values()))
        shop.place_order()
        webhooks.update(hook, {"status": "paused"})
        shop.place_order()
        assert webhooks.settle()
    assert len(listener.told()) == 1


def by_hand(*topics: str) -> tuple[Shop, Webhooks]:
    """Return a shop whose deliveries a test makes itself; nothing answers, and no ping waits."""
    shop = a_shop()
    webhooks = Webhooks(shop, timeout=5, manual=True)
    for topic in topics:
        webhooks.create(topic, "http://127.0.0.1:9/", secret=SECRET)
        webhooks.drop_next()
    return shop, webhooks


def test_by_hand_deliveries_are_lost_doubled_and_shuffled() -> None:
    """What networks and background queues do to them, one step at a time."""
    shop, webhooks = by_hand("order.created")
    orders = [shop.place_order().id for _ in range(4)]
    webhooks.duplicate_next()
    assert [item.record_id for item in webhooks.waiting] == [*orders, orders[0]]
    assert webhooks.drop_next()
    assert [item.record_id for item in webhooks.waiting] == [*orders[1:], orders[0]]
    webhooks.shuffle(random.Random(3))
    assert sorted(item.record_id or 0 for item in webhooks.waiting) == orders
    assert webhooks.delivered == 0


def test_a_sealed_delivery_says_what_was_true_when_it_was_made() -> None:
    """One that hangs on the way arrives with an old body after a newer one."""
    shop, webhooks = by_hand("order.updated")
    order = shop.place_order().id
    early = webhooks.seal_next()
    shop.edit_order(order, status="completed")
    late = webhooks.seal_next()
    assert early is not None
    assert late is not None
    assert [json.loads(each.body)["status"] for each in (early, late)] == ["processing", "completed"]
    assert webhooks.seal_next() is None


def test_reactivation_keeps_the_count_so_that_one_more_failure_disables_again() -> None:
    """A repaired webhook hangs by a thread until its first success."""
    with connected("order.created") as (shop, webhooks, listener):
        hook = next(iter(webhooks.hooks.values()))
        listener.statuses[:] = [500]
        for _ in range(7):
            assert hook.status == "active"
            shop.place_order()
            assert webhooks.settle()
        assert (hook.status, hook.failures) == ("disabled", 6)
        send_with(shop, webhooks, "PUT", f"webhooks/{hook.id}", {"status": "active"})
        assert webhooks.settle()
        shop.place_order()
        assert webhooks.settle()
        assert (hook.status, hook.failures, hook.pending) == ("disabled", 6, True)


def test_several_runners_deliver_side_by_side() -> None:
    """So an update may overtake its creation: with one runner, the first of two that wait for each other waits for ever."""
    together = threading.Barrier(2, timeout=10)
    sent: list[int] = []

    def post(delivery: Delivery, timeout: float) -> int:
        together.wait()
        sent.append(json.loads(delivery.body)["id"])
        return 200

    shop = a_shop()
    webhooks = Webhooks(shop, pause=0.01, runners=2, post=post)
    hook = webhooks.create("order.created", "http://127.0.0.1:9/", secret=SECRET, status="paused")
    hook.status, hook.pending = "active", False
    stop = start_courier(webhooks)
    try:
        orders = [shop.place_order().id for _ in range(4)]
        assert webhooks.settle()
    finally:
        stop()
    assert sorted(sent) == orders
    assert hook.failures == 0


def test_a_webhook_without_a_secret_gets_the_shops_or_a_random_one() -> None:
    """The API never shows it: who lets the shop choose can verify nothing."""
    shop = a_shop()
    assert Webhooks(shop, secret="given").create("order.created", "http://127.0.0.1:9/").secret == "given"
    made = [Webhooks(shop).create("order.created", "http://127.0.0.1:9/").secret for _ in range(2)]
    assert len(set(made)) == 2
    assert {len(secret) for secret in made} == {50}
