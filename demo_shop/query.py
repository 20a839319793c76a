"""Lists: which records, in which order, on which page. Ids only; bodies are written elsewhere."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from demo_shop import dates
from demo_shop.model import Customer, Order, Product, Refund
from demo_shop.store import Records

MODIFIED = "modified"
_PRESENTATION = ("page", "per_page", "offset", "dp", "context")


class Listing(NamedTuple):
    """One page of ids and the totals its headers tell."""

    ids: list[int]
    total: int
    pages: int


def _page(ids: list[int], values: Mapping[str, Any], *, forgets_total: bool) -> Listing:
    """Cut a page. ``forgets_total``: beyond the end the shop reports 0/0 (orders and refunds with HPOS, not legacy)."""
    size, page = values["per_page"], values["page"]
    start = values["offset"] if values.get("offset") is not None else (page - 1) * size
    found = ids[start : start + size]
    if not found and forgets_total:
        return Listing([], 0, 0)
    return Listing(found, len(ids), -(-len(ids) // size))


def _cache_key(kind: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        kind,
        *sorted((k, v) for k, v in values.items() if k not in _PRESENTATION and v is not None),
        # Only the order of ties hangs on the page.
        *(values[k] for k in ("page", "per_page") if values["orderby"] == MODIFIED),
    )


def _window(shop: Records, values: Mapping[str, Any]) -> Callable[[int, int], bool]:
    """Return a test of (created, modified) against the date parameters; limits are exclusive."""
    limits: dict[str, int] = {
        name: dates.threshold(values[name], shop.profile.time_zone, dates_are_gmt=values["dates_are_gmt"])
        for name in ("after", "before", "modified_after", "modified_before")
        if values.get(name)
    }
    after, before = limits.get("after"), limits.get("before")
    m_after, m_before = limits.get("modified_after"), limits.get("modified_before")

    def inside(created: int, modified: int) -> bool:
        return (
            (after is None or created > after)
            and (before is None or created < before)
            and (m_after is None or modified > m_after)
            and (m_before is None or modified < m_before)
        )

    return inside


def _arrange(
    items: Iterable[Order | Refund | Product], values: Mapping[str, Any], modified: Callable[[Any], int]
) -> list[int]:
    """Sort posts. Titles and slugs of orders are all alike, so those orders fall back to ascending ids.

    ``modified`` has no second key in the real shop, whose database may break ties anew for every page: here they come by
    ascending id on a list of one page, and in another order on each page of a longer one.
    """
    orderby, backwards = values["orderby"], values["order"] == "desc"
    if orderby == "include" and values["include"]:
        wanted = {record_id: place for place, record_id in enumerate(values["include"])}
        return [item.id for item in sorted(items, key=lambda item: wanted[item.id])]
    rows = sorted(items, key=lambda item: item.id)
    if orderby == "id":
        rows.sort(key=lambda item: item.id, reverse=backwards)
    elif orderby == "date":
        rows.sort(key=lambda item: (item.created, item.id), reverse=backwards)
    elif orderby == MODIFIED:
        if len(rows) > values["per_page"]:
            rows.sort(key=lambda item: (item.id * 2_654_435_761 + values["page"] * 40_503) % 65_521)
        rows.sort(key=lambda item: -modified(item) if backwards else modified(item))
    return [item.id for item in rows]


def list_orders(shop: Records, values: Mapping[str, Any]) -> Listing:
    """List orders. ``any`` means all but the trash, also beside other statuses (``any,trash`` is ``any``)."""

    def build() -> list[int]:
        inside = _window(shop, values)
        statuses = set(values["status"])
        anything = "any" in statuses
        include, exclude = set(values["include"]), set(values["exclude"])
        wanted = (shop.orders[i] for i in include if i in shop.orders) if include else shop.orders.values()
        found = [
            order
            for order in wanted
            if (order.status != "trash" if anything else order.status in statuses)
            and order.id not in exclude
            and inside(order.created, order.modified)
            and (values["customer"] is None or order.customer_id == values["customer"])
            and (values["product"] is None or any(x.product_id == values["product"] for x in order.lines))
            and (not values["search"] or _order_matches(order, values["search"]))
        ]
        return _arrange(found, values, lambda order: int(order.modified))

    found = _page(shop.cached(_cache_key("orders", values), build), values, forgets_total=not shop.legacy)
    if shop.unloadable:
        # An order whose object cannot be loaded is counted and takes its place, but is not shown.
        return found._replace(ids=[number for number in found.ids if number not in shop.unloadable])
    return found


def _order_matches(order: Order, search: str) -> bool:
    text = search.casefold()
    address = order.billing
    return text == str(order.id) or any(
        text in part.casefold() for part in (address.email, address.first_name, address.last_name, address.phone)
    )


def list_refunds(shop: Records, values: Mapping[str, Any], order_id: int | None = None) -> Listing:
    """List refunds of one order or of the shop. A refund's modification time is its creation."""

    def build() -> list[int]:
        inside = _window(shop, values)
        include, exclude = set(values["include"]), set(values["exclude"])
        found = [
            refund
            for refund in shop.refunds.values()
            if (order_id is None or refund.order_id == order_id)
            and (not include or refund.id in include)
            and refund.id not in exclude
            and inside(refund.created, refund.created)
        ]
        return _arrange(found, values, lambda refund: int(refund.created))

    return _page(shop.cached((order_id, *_cache_key("refunds", values)), build), values, forgets_total=not shop.legacy)


def list_products(shop: Records, values: Mapping[str, Any]) -> Listing:
    """List products without their variations."""

    def build() -> list[int]:
        inside = _window(shop, values)
        include, exclude = set(values["include"]), set(values["exclude"])
        text = (values["search"] or "").casefold()
        found = [
            product
            for product in shop.products.values()
            if not product.parent_id
            and (not include or product.id in include)
            and product.id not in exclude
            and (not values["sku"] or product.sku == values["sku"])
            and text in product.name.casefold()
            and inside(product.created, product.created)
        ]
        return _arrange(found, values, lambda product: int(product.created))

    return _page(shop.cached(_cache_key("products", values), build), values, forgets_total=False)


def list_customers(shop: Records, values: Mapping[str, Any]) -> Listing:
    """List customers. Dates are not among their filters; the default role hides paying users of other roles."""

    def build() -> list[int]:
        include, exclude = set(values["include"]), set(values["exclude"])
        email = values["email"].casefold() if values["email"] else None
        found = [
            customer
            for customer in shop.customers.values()
            if (values["role"] == "all" or customer.role == values["role"])
            and (not include or customer.id in include)
            and customer.id not in exclude
            and (email is None or customer.email.casefold() == email)
            and (not values["search"] or _customer_matches(customer, values["search"]))
        ]
        return [customer.id for customer in _arrange_customers(found, values)]

    return _page(shop.cached(_cache_key("customers", values), build), values, forgets_total=False)


def _arrange_customers(found: list[Customer], values: Mapping[str, Any]) -> list[Customer]:
    orderby, backwards = values["orderby"], values["order"] == "desc"
    keys: dict[str, Callable[[Customer], Any]] = {
        "id": lambda customer: customer.id,
        "registered_date": lambda customer: customer.created,
        "name": lambda customer: collation(display_name(customer)),
        "include": lambda customer: customer.username,
    }
    if orderby == "include" and values["include"]:
        wanted = {record_id: place for place, record_id in enumerate(values["include"])}
        return sorted(found, key=lambda customer: wanted[customer.id])
    rows = sorted(found, key=lambda customer: customer.id)
    rows.sort(key=keys[orderby], reverse=backwards)
    return rows


def display_name(customer: Customer) -> str:
    """Return the name WordPress shows: first and last name, or the username."""
    return f"{customer.first_name} {customer.last_name}".strip() or customer.username


def collation(text: str) -> str:
    """Return a sort key that ignores case and accents, as the shop's database does."""
    return "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))


def _customer_matches(customer: Customer, search: str) -> bool:
    text = collation(search)
    parts = (
        customer.email,
        customer.username,
        customer.first_name,
        customer.last_name,
        display_name(customer),
    )
    return any(text in collation(part) for part in parts)
