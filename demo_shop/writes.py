"""Creating and changing records from the JSON that the REST API is sent."""

from collections.abc import Mapping
from decimal import InvalidOperation
from typing import Any

from demo_shop import errors
from demo_shop.changes import Shop
from demo_shop.model import STATUSES, Address, Customer, Line, Meta, Order, Refund, Shipping
from demo_shop.money import fixed, micros, plain
from demo_shop.pricing import priced_line, totals

Sent = Mapping[str, Any]


def _address_parts(sent: Sent, name: str) -> dict[str, str]:
    """Return the known, textual parts of an address that was sent."""
    given = sent.get(name)
    if not isinstance(given, Mapping):
        return {}
    return {part: str(value) for part, value in given.items() if part in Address._fields and value is not None}


def _meta(shop: Shop, sent: Sent, old: Meta) -> Meta:
    """Merge sent meta data into what is there, by key."""
    entries = {key: (number, key, value) for number, key, value in old}
    for item in sent.get("meta_data") or ():
        key = str(item.get("key", ""))
        number = entries[key][0] if key in entries else shop.take_id("meta")
        entries[key] = (number, key, item.get("value", ""))
    return tuple(entries.values())


def create_customer(shop: Shop, sent: Sent) -> Customer:
    """Register the customer that was sent. Raises :class:`errors.ApiError` (400) without or with a taken e-mail."""
    if "email" not in sent:
        raise errors.missing_params(["email"])
    email = _email(sent["email"])
    return shop.add_customer(
        email,
        str(sent.get("first_name", "")),
        str(sent.get("last_name", "")),
        username=str(sent.get("username", "")),
        billing=Address(**_address_parts(sent, "billing")),
        shipping=Address(**_address_parts(sent, "shipping")),
        meta=_meta(shop, sent, ()),
    )


def _email(value: Any) -> str:
    local, at, domain = str(value).partition("@")
    if not (local and at and domain):
        raise errors.invalid_params([("email", "rest_invalid_email", "Invalid email address.", None)])
    return str(value)


def update_customer(shop: Shop, customer: Customer, sent: Sent) -> Customer:
    """Change a customer. Raises :class:`errors.ApiError` (400) for a foreign e-mail or a new username."""
    fields: dict[str, Any] = {
        name: str(sent[name]) for name in ("first_name", "last_name") if sent.get(name) is not None
    }
    if sent.get("email"):
        fields["email"] = _email(sent["email"])
        owner = shop.find_by_email(fields["email"])
        if owner and owner.id != customer.id:
            raise errors.ApiError(400, "woocommerce_rest_customer_invalid_email", "Email address is invalid.")
    if sent.get("username", customer.username) != customer.username:
        raise errors.ApiError(400, "woocommerce_rest_customer_invalid_argument", "Username isn't editable.")
    for name in ("billing", "shipping"):
        parts = _address_parts(sent, name)
        if parts:
            fields[name] = parts
    fields["meta"] = _meta(shop, sent, customer.meta)
    return shop.edit_customer(customer.id, **fields)


def _lines(shop: Shop, sent: Sent, country: str) -> tuple[Line, ...]:
    found = []
    for item in sent.get("line_items") or ():
        product_id = int(item.get("variation_id") or item.get("product_id") or 0)
        product = shop.products.get(product_id)
        if product is None:
            product = next((p for p in shop.products.values() if p.sku and p.sku == item.get("sku")), None)
        if product is None:
            raise errors.ApiError(400, "woocommerce_rest_required_product_reference", "Product ID or SKU is required.")
        line = priced_line(shop.profile, product, int(item.get("quantity", 1)), country)
        if item.get("total") is not None:
            line = _at_total(shop, line, _amount("line_items", item["total"]))
        found.append(line)
    return tuple(found)


def _at_total(shop: Shop, line: Line, total: int) -> Line:
    percent = shop.rate(line.rate_id).percent if line.rate_id else 0
    tax = total * percent // 100
    return line._replace(subtotal=total, total=total, subtotal_tax=tax, total_tax=tax)


def _amount(name: str, value: Any) -> int:
    try:
        return micros(str(value))
    except InvalidOperation:
        raise errors.invalid_params(
            [(name, "rest_invalid_type", f"{name} is not of type string.", {"param": name})]
        ) from None


def _order_fields(shop: Shop, sent: Sent, country: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, field in (
        ("payment_method", "payment"),
        ("transaction_id", "transaction_id"),
        ("customer_note", "note"),
        ("currency", "currency"),
    ):
        if sent.get(name) is not None:
            fields[field] = str(sent[name])
    if sent.get("line_items"):
        fields["lines"] = _lines(shop, sent, country)
    if sent.get("shipping_lines"):
        fields["shipping_lines"] = tuple(
            Shipping(str(part.get("method_title", "Flat rate")), _amount("shipping_lines", part.get("total", "0")))
            for part in sent["shipping_lines"]
        )
    status = sent.get("status")
    if status is not None and status not in STATUSES:
        known = ("auto-draft", *STATUSES)
        listed = f"{', '.join(known[:-1])}, and {known[-1]}"
        raise errors.invalid_params([("status", "rest_not_in_enum", f"status is not one of {listed}.", None)])
    if sent.get("set_paid") and status in (None, "pending"):
        status = "processing"
    if status is not None:
        fields["status"] = str(status)
    return fields


def _customer(shop: Shop, sent: Sent) -> int | None:
    if sent.get("customer_id") is None:
        return None
    customer_id = int(sent["customer_id"])
    if customer_id and customer_id not in shop.customers:
        raise errors.ApiError(400, "woocommerce_rest_invalid_customer_id", "Customer ID is invalid.")
    return customer_id


def create_order(shop: Shop, sent: Sent) -> Order:
    """Place the order that was sent; without a status it is pending, with ``set_paid`` processing."""
    customer_id = _customer(shop, sent) or 0
    billing = Address(**_address_parts(sent, "billing"))
    fields = _order_fields(shop, sent, billing.country)
    status = fields.pop("status", "pending")
    meta = _meta(shop, sent, ())
    return shop.place_order(
        customer_id,
        fields.pop("lines", ()),
        status=status,
        billing=billing,
        shipping=Address(**_address_parts(sent, "shipping")),
        meta=meta,
        payment=fields.pop("payment", ""),
        **fields,
    )


def update_order(shop: Shop, order: Order, sent: Sent) -> Order:
    """Change an order; even an empty change moves its modification time."""
    customer_id = _customer(shop, sent)
    fields = _order_fields(shop, sent, order.billing.country)
    if customer_id is not None:
        fields["customer_id"] = customer_id
    for name in ("billing", "shipping"):
        parts = _address_parts(sent, name)
        if parts:
            fields[name] = getattr(order, name)._replace(**parts)
    if sent.get("meta_data"):
        fields["meta"] = _meta(shop, sent, order.meta)
    return shop.edit_order(order.id, **fields)


def create_refund(shop: Shop, order: Order, sent: Sent) -> Refund:
    """Refund what was sent, at most what is left of the order; without an amount the rest of it."""
    left = totals(order, shop.profile.decimals).total - shop.refunded(order.id)
    amount = _amount("amount", sent["amount"]) if sent.get("amount") is not None else left
    if amount <= 0 or amount > left:
        raise errors.ApiError(
            500, "woocommerce_rest_cannot_create_order_refund", f"Invalid refund amount: {fixed(amount, 2)}."
        )
    return shop.add_refund(order.id, plain(amount), str(sent.get("reason", "")))
