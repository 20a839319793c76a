"""What each endpoint does: one small function an endpoint and method, between checked parameters and an answer."""

from typing import Any

from demo_shop import errors, query, writes
from demo_shop.answers import Answer
from demo_shop.calls import Call
from demo_shop.changes import DELETABLE_ROLES
from demo_shop.render import Body, order_body
from demo_shop.render_people import customer_body, product_body
from demo_shop.render_refunds import refund_body
from demo_shop.render_settings import currency_body, note_body, system_status_body


def _moved(call: Call, *, status: bool, listed: bool) -> dict[str, Any]:
    """Return what order and refund lists add to their links: the status always, dp and context once items were shown."""
    places = call.dp if call.dp is not None else call.shop.profile.decimals
    moved: dict[str, Any] = {"status": call.values["status"]} if status else {}
    if listed:
        moved["dp"] = places
        if status:
            moved["context"] = call.values["context"]
    return moved


def list_orders(call: Call) -> Answer:
    """Answer ``GET /orders``."""
    listing = query.list_orders(call.shop, call.values)
    _check_whole(call, "orders", listing.ids)
    found = [order_body(call.shop, call.shop.orders[i], call.request.base, call.dp) for i in listing.ids]
    return call.page(found, listing, _moved(call, status=True, listed=bool(found)))


def _check_whole(call: Call, table: str, ids: list[int]) -> None:
    """Raise :class:`errors.Fatal` where one of these records breaks every list that holds it."""
    if call.shop.broken and any(call.shop.broken.get((table, number)) for number in ids):
        raise errors.Fatal


def create_order(call: Call) -> Answer:
    """Answer ``POST /orders``."""
    order = writes.create_order(call.shop, call.request.json())
    body = order_body(call.shop, order, call.request.base)
    return call.answer(body, status=201, extra=[("Location", body["_links"]["self"][0]["href"])])


def _order(call: Call, missing: int = 404) -> Any:
    order = call.shop.orders.get(call.ids[0])
    if order is None or order.id in call.shop.unloadable:
        raise errors.order_id(missing)
    if ("orders", order.id) in call.shop.broken:
        raise errors.Fatal
    return order


def read_order(call: Call) -> Answer:
    """Answer ``GET /orders/{id}``, trashed ones too."""
    return call.answer(order_body(call.shop, _order(call), call.request.base, call.dp))


def update_order(call: Call) -> Answer:
    """Answer ``PUT /orders/{id}``."""
    order = writes.update_order(call.shop, _order(call, 400), call.request.json())
    return call.answer(order_body(call.shop, order, call.request.base))


def delete_order(call: Call) -> Answer:
    """Answer ``DELETE /orders/{id}``: to the trash, or for good with ``force``. The body shows it as it was."""
    order = _order(call)
    body = order_body(call.shop, order, call.request.base)
    if call.values["force"]:
        call.shop.delete_order(order.id)
    elif order.status == "trash":
        raise errors.ApiError(410, "woocommerce_rest_already_trashed", "The order has already been deleted.")
    else:
        call.shop.trash_order(order.id)
    return call.answer(body)


def list_notes(call: Call) -> Answer:
    """Answer ``GET /orders/{id}/notes``, the newest first."""
    notes = call.shop.notes.get(_order(call).id, [])
    return call.answer([note_body(call.shop, note, call.ids[0], call.request.base) for note in reversed(notes)])


def create_note(call: Call) -> Answer:
    """Answer ``POST /orders/{id}/notes``: the order itself does not change."""
    sent = call.request.json()
    if not sent.get("note"):
        raise errors.missing_params(["note"])
    note = call.shop.add_note(_order(call).id, str(sent["note"]))
    return call.answer(note_body(call.shop, note, call.ids[0], call.request.base), status=201)


def list_order_refunds(call: Call) -> Answer:
    """Answer ``GET /orders/{id}/refunds``."""
    order = _order(call)
    listing = query.list_refunds(call.shop, call.values, order.id)
    found = [refund_body(call.shop, call.shop.refunds[i], call.request.base, call.dp) for i in listing.ids]
    return call.page(found, listing, _moved(call, status=False, listed=bool(found)))


def list_refunds(call: Call) -> Answer:
    """Answer ``GET /refunds``, the refunds of all orders."""
    listing = query.list_refunds(call.shop, call.values)
    refunds = call.shop.refunds
    found = [refund_body(call.shop, refunds[i], call.request.base, call.dp, flat=True) for i in listing.ids]
    return call.page(found, listing, _moved(call, status=False, listed=bool(found)))


def create_refund(call: Call) -> Answer:
    """Answer ``POST /orders/{id}/refunds``."""
    refund = writes.create_refund(call.shop, _order(call), call.request.json())
    body = refund_body(call.shop, refund, call.request.base)
    return call.answer(body, status=201, extra=[("Location", body["_links"]["self"][0]["href"])])


def _refund(call: Call) -> Any:
    refund = call.shop.refunds.get(call.ids[1])
    if refund is None or refund.order_id != call.ids[0]:
        raise errors.ApiError(404, "woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.")
    return refund


def read_refund(call: Call) -> Answer:
    """Answer ``GET /orders/{id}/refunds/{id}``."""
    return call.answer(refund_body(call.shop, _refund(call), call.request.base, call.dp))


def delete_refund(call: Call) -> Answer:
    """Answer ``DELETE /orders/{id}/refunds/{id}``, which needs ``force``."""
    refund = _refund(call)
    _needs_force(call, "order_refunds")
    body = refund_body(call.shop, refund, call.request.base)
    call.shop.delete_refund(refund.id)
    return call.answer(body)


def _needs_force(call: Call, plural: str) -> None:
    if not call.values["force"]:
        raise errors.ApiError(
            501, "woocommerce_rest_trash_not_supported", f"{plural.capitalize()} do not support trashing."
        )


def list_customers(call: Call) -> Answer:
    """Answer ``GET /customers``."""
    listing = query.list_customers(call.shop, call.values)
    _check_whole(call, "customers", listing.ids)
    found = [_customer_body(call, call.shop.customers[i]) for i in listing.ids]
    return call.page(found, listing, {})


def _customer_body(call: Call, customer: Any) -> Body:
    return customer_body(call.shop, customer, call.request.base, call.viewer)


def create_customer(call: Call) -> Answer:
    """Answer ``POST /customers``."""
    body = _customer_body(call, writes.create_customer(call.shop, call.request.json()))
    return call.answer(body, status=201, extra=[("Location", body["_links"]["self"][0]["href"])])


def _customer(call: Call, missing: int = 404) -> Any:
    customer = call.shop.customers.get(call.ids[0])
    if customer is None:
        raise errors.customer_id(missing)
    if ("customers", customer.id) in call.shop.broken:
        raise errors.Fatal
    return customer


def read_customer(call: Call) -> Answer:
    """Answer ``GET /customers/{id}``."""
    return call.answer(_customer_body(call, _customer(call)))


def update_customer(call: Call) -> Answer:
    """Answer ``PUT /customers/{id}``."""
    customer = writes.update_customer(call.shop, _customer(call, 400), call.request.json())
    return call.answer(_customer_body(call, customer))


def delete_customer(call: Call) -> Answer:
    """Answer ``DELETE /customers/{id}``, which needs ``force`` and spares staff."""
    customer = _customer(call)
    if customer.role not in DELETABLE_ROLES:
        error = errors.ApiError(
            403,
            "woocommerce_rest_cannot_delete",
            f"Sorry, users with {customer.role} role cannot be deleted via this endpoint. "
            f"Allowed roles: {', '.join(DELETABLE_ROLES)}",
        )
        call.allow = "GET, POST, PUT, PATCH"
        raise error
    _needs_force(call, "customers")
    body = _customer_body(call, customer)
    call.shop.delete_customer(customer.id)
    return call.answer(body)


def list_products(call: Call) -> Answer:
    """Answer ``GET /products``."""
    listing = query.list_products(call.shop, call.values)
    found = [product_body(call.shop, call.shop.products[i], call.request.base) for i in listing.ids]
    return call.page(found, listing, {})


def read_product(call: Call) -> Answer:
    """Answer ``GET /products/{id}``."""
    product = call.shop.products.get(call.ids[0])
    if product is None:
        raise errors.ApiError(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
    return call.answer(product_body(call.shop, product, call.request.base))


def read_status(call: Call) -> Answer:
    """Answer ``GET /system_status``."""
    return call.answer(system_status_body(call.shop, call.request.base))


def read_currency(call: Call) -> Answer:
    """Answer ``GET /data/currencies/current``."""
    return call.answer(currency_body(call.shop, call.request.base))
