"""The JSON bodies of refunds."""

from demo_shop.model import Refund
from demo_shop.money import fixed, rounded
from demo_shop.render import Body, both, goods_line, links, shipping_line, tax_line
from demo_shop.store import Records


def refund_body(shop: Records, refund: Refund, base: str, dp: int | None = None, *, flat: bool = False) -> Body:
    """Write a refund's body; ``flat`` is the shop-wide list, which adds ``parent_id``. No currency, no change date."""
    decimals = shop.profile.decimals
    places = decimals if dp is None else dp
    item = refund.first_item
    lines = [
        goods_line(shop, line, item + place, places, _origin(refund, place, item + place))
        for place, line in enumerate(refund.lines)
    ]
    after = len(lines)
    shipping = [
        shipping_line(part, item + place, places, decimals, _origin(refund, place, item + place))
        for place, part in enumerate(refund.shipping_lines, start=after)
    ]
    path = f"orders/{refund.order_id}/refunds"
    up = [{"href": f"{base}/wp-json/wc/v3/orders/{refund.order_id}"}]
    return {
        "id": refund.id,
        **({"parent_id": refund.order_id} if flat else {}),
        **both("date_created", refund.created, shop.profile.time_zone),
        "amount": fixed(refund.amount, places),
        "reason": refund.reason,
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [],
        "line_items": lines,
        "shipping_lines": shipping,
        "tax_lines": _tax_lines(shop, refund, item + after + len(shipping), places),
        "fee_lines": [],
        "_links": {**links(base, f"{path}/{refund.id}", ["GET", "DELETE"], path), "up": up},
    }


def _origin(refund: Refund, place: int, item_id: int) -> list[Body]:
    """Name the item of the order that a refund's item takes back."""
    value = str(refund.refunded_items[place])
    entry = {"id": 10 * item_id, "key": "_refunded_item_id", "value": value}
    return [{**entry, "display_key": "_refunded_item_id", "display_value": value}]


def _tax_lines(shop: Records, refund: Refund, item: int, places: int) -> list[Body]:
    decimals = shop.profile.decimals
    found = []
    for place, rate_id in enumerate(dict.fromkeys(line.rate_id for line in refund.lines if line.rate_id)):
        goods = sum(rounded(x.total_tax, decimals) for x in refund.lines if x.rate_id == rate_id)
        shipping = sum(rounded(x.tax, decimals) for x in refund.shipping_lines if x.rate_id == rate_id)
        found.append(tax_line(shop, rate_id, item + place, fixed(goods, places), fixed(shipping, places)))
    return found
