"""Whether a body that a webhook brought is the whole record, as a read by id would show it.

A body replaces the row that is held, so one that lacks fields (a plugin that filters payloads, a sender of somebody's
own) would take them away, and one whose amounts cannot be read would hold back every publish of the shop.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pipelines.woocommerce.rows import gmt
from regulars.shop.port import Item

# WooCommerce writes amounts as decimal text, without a sign for plus, an exponent or separators.
AMOUNT: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
AMOUNTS: Final = ("total", "total_tax", "discount_total", "shipping_total")
# What staging reads of each; WooCommerce has sent all of them since 5.8 and before.
SHAPES: Final[Mapping[str, Mapping[str, type]]] = {
    "orders": {
        "status": str,
        "currency": str,
        "customer_id": int,
        "date_created_gmt": str,
        "billing": dict,
        "line_items": list,
        "coupon_lines": list,
        "refunds": list,
        **dict.fromkeys(AMOUNTS, str),
    },
    "customers": {
        "email": str,
        "first_name": str,
        "last_name": str,
        "role": str,
        "username": str,
        "billing": dict,
        "shipping": dict,
    },
}


def is_whole(table: str, item: Item) -> bool:
    """Return whether an item of `orders` or `customers` has every field that is read of it, each of its kind.

    >>> is_whole("customers", {"id": 5, "email": "ann@example.com"})
    False
    """
    if not all(type(item.get(name)) is kind for name, kind in SHAPES[table].items()):
        return False
    if table != "orders":
        return True
    dated = gmt(item["date_created_gmt"]) is not None
    return bool(item["currency"]) and dated and all(_is_amount(amount) for amount in _amounts(item))


def _amounts(order: Item) -> Iterator[Any]:
    yield from (order[name] for name in AMOUNTS)
    for parts, names in (("line_items", ("subtotal", "total", "total_tax")), ("refunds", ("total",))):
        for part in order[parts]:
            yield from (part.get(name) for name in names) if isinstance(part, dict) else (None,)


def _is_amount(text: Any) -> bool:
    return isinstance(text, str) and AMOUNT.fullmatch(text) is not None
