"""What changes in the shop, which dates move, and what the REST API makes of JSON."""

import json
from typing import Any

import pytest

from demo_shop.answers import Incoming
from demo_shop.changes import Shop
from tests.demo_shop.recorded_shop import KEY, READER, Asker, basic
from tests.demo_shop.test_shop_queries import a_shop, an_order

OLD = "2026-01-01T10:00:00"
NOW = 1_782_907_200  # 2026-07-01T12:00:00Z, the shop's clock


def send(shop: Shop, method: str, path: str, body: Any = None, authorization: str = basic(KEY)) -> tuple[int, Any]:
    """Send JSON to a path below wc/v3 and return status and JSON."""
    where, _, query = path.partition("?")
    raw = b"" if body is None else json.dumps(body).encode()
    request = Incoming(method, "https", "shop.example", f"/wp-json/wc/v3/{where}", query, authorization, raw)
    answer = Asker(shop).site.handle(request)
    return answer.status, json.loads(answer.body)


def heard(shop: Shop) -> list[tuple[str, int]]:
    """Return a list that grows with the shop's events."""
    events: list[tuple[str, int]] = []
    shop.listeners.append(lambda topic, record: events.append((topic, record)))
    return events


def test_a_customer_is_created_from_json() -> None:
    """The app's form ends here; WooCommerce makes the username and answers 201 with the whole record."""
    shop = a_shop()
    events = heard(shop)
    sent = {"email": "Zoë@example.com", "first_name": "Zoë", "billing": {"city": "Köln", "unknown": "x"}}
    status, body = send(shop, "POST", "customers", sent)
    assert (status, body["email"], body["username"], body["billing"]["city"]) == (201, "Zoë@example.com", "zoë", "Köln")
    assert events == [("customer.created", body["id"]), ("customer.updated", body["id"])]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "rest_missing_callback_param"),
        ({"email": "nonsense"}, "rest_invalid_param"),
        ({"email": "TAKEN@example.com"}, "registration-error-email-exists"),
    ],
)
def test_a_customer_without_a_free_email_is_refused(body: dict[str, str], code: str) -> None:
    """E-mails are unique whatever their case."""
    shop = a_shop()
    shop.add_customer("taken@example.com")
    status, answer = send(shop, "POST", "customers", body)
    assert (status, answer["code"]) == (400, code)


def test_a_customer_is_changed_in_part() -> None:
    """A PUT keeps what it does not name, also inside an address, and moves the modification time."""
    shop = a_shop()
    customer = shop.add_customer("a@example.com", "Ada", "Alt")
    customer.modified = None
    send(shop, "PUT", f"customers/{customer.id}", {"billing": {"city": "Köln", "phone": "1"}})
    status, body = send(shop, "PUT", f"customers/{customer.id}", {"last_name": "Neu", "billing": {"phone": "2"}})
    assert (status, body["first_name"], body["last_name"]) == (200, "Ada", "Neu")
    assert (body["billing"]["city"], body["billing"]["phone"]) == ("Köln", "2")
    assert body["date_modified_gmt"] == "2026-07-01T12:00:00"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"email": "other@example.com"}, "woocommerce_rest_customer_invalid_email"),
        ({"username": "other"}, "woocommerce_rest_customer_invalid_argument"),
    ],
)
def test_a_customer_cannot_take_over_another(body: dict[str, str], code: str) -> None:
    """The app shows these sentences in its form."""
    shop = a_shop()
    shop.add_customer("other@example.com")
    customer = shop.add_customer("a@example.com")
    status, answer = send(shop, "PUT", f"customers/{customer.id}", body)
    assert (status, answer["code"]) == (400, code)


def test_deleting_a_customer_turns_their_orders_into_touched_guest_orders() -> None:
    """With HPOS the orders' dates move, so an incremental pull finds them, but no webhook tells."""
    shop = a_shop()
    customer = shop.add_customer("a@example.com")
    order = an_order(shop, OLD, customer_id=customer.id, email="a@example.com")
    events = heard(shop)
    assert send(shop, "DELETE", f"customers/{customer.id}")[1]["code"] == "woocommerce_rest_trash_not_supported"
    assert send(shop, "DELETE", f"customers/{customer.id}?force=true")[0] == 200
    kept = shop.orders[order]
    assert (kept.customer_id, kept.modified, kept.billing.email) == (0, NOW, "a@example.com")
    assert events == [("customer.deleted", customer.id)]


def test_an_order_is_placed_from_json_with_its_taxes_and_totals() -> None:
    """Line by product id; a paid order is processing and has a paid date."""
    shop = a_shop()
    sent = {
        "set_paid": True,
        "billing": {"email": "g@example.com", "country": "DE"},
        "line_items": [{"product_id": 1, "quantity": 3}],
        "shipping_lines": [{"method_title": "Post", "total": "4.90"}],
    }
    status, body = send(shop, "POST", "orders", sent)
    assert (status, body["status"], body["total"], body["created_via"]) == (201, "processing", "34.90", "rest-api")
    assert body["date_paid_gmt"] == "2026-07-01T12:00:00"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"customer_id": 99}, "woocommerce_rest_invalid_customer_id"),
        ({"line_items": [{"product_id": 99}]}, "woocommerce_rest_required_product_reference"),
        ({"status": "nope"}, "rest_invalid_param"),
    ],
)
def test_an_order_of_something_unknown_is_refused(body: dict[str, Any], code: str) -> None:
    """Nothing is half placed."""
    shop = a_shop()
    status, answer = send(shop, "POST", "orders", body)
    assert (status, answer["code"], shop.orders) == (400, code, {})


@pytest.mark.parametrize(
    ("change", "moves", "events"),
    [
        (lambda shop, order: shop.edit_order(order), True, ["order.updated"]),
        (lambda shop, order: shop.edit_order(order, status="completed"), True, ["order.updated"]),
        (lambda shop, order: shop.add_refund(order, "1.00"), True, ["order.updated"]),
        (lambda shop, order: shop.trash_order(order), True, ["order.deleted"]),
        (lambda shop, order: shop.delete_refund(shop.add_refund(order, "1").id), True, ["order.updated"]),
        (lambda shop, order: shop.delete_order(order), False, []),
    ],
)
def test_each_change_moves_dates_and_tells_as_the_real_shop_does(change: Any, moves: bool, events: list[str]) -> None:
    """Hard deletes and refund deletions tell nobody: only a sweep sees them."""
    shop = a_shop()
    order = an_order(shop, OLD)
    before = shop.orders[order]
    told = heard(shop)
    change(shop, order)
    assert [topic for topic, _ in told] == events
    assert (before.modified == NOW) is moves


def test_deleting_a_refund_leaves_the_order_untouched() -> None:
    """No date, no webhook: the net of an order changes in silence."""
    shop = a_shop()
    order = an_order(shop, OLD)
    refund = shop.add_refund(order, "4.00")
    shop.orders[order].modified = 5
    told = heard(shop)
    status, _ = send(shop, "DELETE", f"orders/{order}/refunds/{refund.id}?force=true")
    assert (status, shop.orders[order].modified, told, shop.refunded(order)) == (200, 5, [], 0)


def test_a_status_set_on_a_trashed_order_tells_nobody_but_restoring_does() -> None:
    """With HPOS a PUT brings the order back without any event."""
    shop = a_shop()
    order = an_order(shop, OLD)
    shop.trash_order(order)
    told = heard(shop)
    send(shop, "PUT", f"orders/{order}", {"status": "completed"})
    assert told == []
    shop.trash_order(order)
    shop.restore_order(order)
    assert [topic for topic, _ in told] == ["order.deleted", "order.restored", "order.updated"]
    assert shop.orders[order].status == "completed"


def test_a_block_checkout_announces_its_draft_first() -> None:
    """A receiver must take updates of orders it never heard of."""
    shop = a_shop()
    told = heard(shop)
    order = shop.start_checkout(email="g@example.com")
    shop.finish_checkout(order.id)
    assert [topic for topic, _ in told] == ["order.updated", "order.updated", "order.created"]


def test_the_first_completed_order_makes_a_paying_customer() -> None:
    """That also announces the customer."""
    shop = a_shop()
    customer = shop.add_customer("a@example.com")
    told = heard(shop)
    for _ in range(2):
        shop.place_order(customer.id, status="completed")
    assert [topic for topic, _ in told].count("customer.updated") == 1
    assert customer.is_paying


def test_refunds_over_rest_stop_at_the_total_but_imports_go_above() -> None:
    """Shops hold refunds above the total; net then becomes negative."""
    shop = a_shop()
    order = an_order(shop, OLD, status="completed")
    assert send(shop, "POST", f"orders/{order}/refunds", {"amount": "10.01"})[0] == 500
    status, body = send(shop, "POST", f"orders/{order}/refunds", {"amount": "10.00", "reason": "all of it"})
    assert (status, body["amount"], shop.orders[order].status) == (201, "10.00", "refunded")
    shop.add_refund(order, "5.00")
    assert shop.refunded(order) > shop.order_total(order)


def test_trashing_twice_is_refused_and_the_answer_shows_the_order_as_it_was() -> None:
    """The body of a deletion is the state before it."""
    shop = a_shop()
    order = an_order(shop, OLD, status="completed")
    assert send(shop, "DELETE", f"orders/{order}")[1]["status"] == "completed"
    assert send(shop, "DELETE", f"orders/{order}")[0] == 410
    assert send(shop, "DELETE", f"orders/{order}?force=true")[0] == 200
    assert shop.orders == {}


@pytest.mark.parametrize(("method", "path"), [("POST", "orders"), ("PUT", "customers/1"), ("DELETE", "webhooks/1")])
def test_a_read_key_writes_nothing(method: str, path: str) -> None:
    """The app must be able to show a clear refusal."""
    status, body = send(a_shop(), method, path, {}, basic(READER))
    assert (status, body["message"]) == (401, "The API key provided does not have write permissions.")
