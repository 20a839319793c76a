"""The JSON bodies of orders, key by key in the order of the real ones."""

import base64
import hashlib
from typing import Any

from demo_shop.dates import gmt_text, local_text
from demo_shop.model import Address, Line, Meta, Order, Product, Refund, Shipping
from demo_shop.money import as_number, fixed, plain, rounded
from demo_shop.pricing import Totals, rates_of, totals
from demo_shop.store import Records

Body = dict[str, Any]

ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "CHF": "CHF", "JPY": "¥"}
PAYMENTS = {
    "": "",
    "bacs": "Banküberweisung",
    "cod": "Nachnahme",
    "paypal": "PayPal",
    "stripe": "Kreditkarte (Stripe)",
}
NEEDS_PAYMENT = ("pending", "failed", "checkout-draft")
EDITABLE = ("pending", "on-hold", "auto-draft")


def both(name: str, instant: int | None, zone: str) -> Body:
    """Return a date twice, as ``name`` in shop time and ``name_gmt`` in UTC."""
    return {name: local_text(instant, zone), f"{name}_gmt": gmt_text(instant)}


def links(base: str, path: str, allow: list[str], collection: str) -> Body:
    """Return the ``_links`` every record carries."""
    return {
        "self": [{"href": f"{base}/wp-json/wc/v3/{path}", "targetHints": {"allow": list(allow)}}],
        "collection": [{"href": f"{base}/wp-json/wc/v3/{collection}"}],
    }


def meta_data(meta: Meta) -> list[Body]:
    """Return meta data entries."""
    return [{"id": number, "key": key, "value": value} for number, key, value in meta]


def order_body(shop: Records, order: Order, base: str, dp: int | None = None) -> Body:
    """Write an order's body as ``GET /orders/{id}`` answers it; ``base`` is the shop's address without a slash."""
    places = shop.profile.decimals if dp is None else dp
    sums = totals(order, shop.profile.decimals)
    key = order_key(order.id)
    return {
        **_head(shop, order, sums, places),
        "customer_id": order.customer_id,
        "order_key": key,
        "billing": order.billing._asdict(),
        "shipping": _order_shipping(order.shipping),
        **_payment(shop, order),
        "meta_data": meta_data(order.meta),
        **_items(shop, order, places),
        "refunds": [_refund_summary(shop.refunds[number], places) for number in order.refunds],
        "payment_url": f"{base}/checkout/order-pay/{order.id}/?pay_for_order=true&key={key}",
        "is_editable": order.status in EDITABLE,
        "needs_payment": order.status in NEEDS_PAYMENT and sums.total > 0,
        "needs_processing": not all(_is_virtual(shop, line) for line in order.lines),
        "date_created_gmt": gmt_text(order.created),
        "date_modified_gmt": gmt_text(order.modified),
        "date_completed_gmt": gmt_text(order.completed),
        "date_paid_gmt": gmt_text(order.paid),
        "currency_symbol": SYMBOLS.get(order.currency, order.currency),
        "_links": _order_links(order, base),
    }


def _head(shop: Records, order: Order, sums: Totals, places: int) -> Body:
    zone = shop.profile.time_zone
    return {
        "id": order.id,
        "parent_id": 0,
        "status": order.status,
        "currency": order.currency,
        "version": shop.profile.version,
        "prices_include_tax": shop.profile.prices_include_tax,
        "date_created": local_text(order.created, zone),
        "date_modified": local_text(order.modified, zone),
        "discount_total": fixed(sums.discount, places),
        "discount_tax": fixed(sums.discount_tax, places),
        "shipping_total": fixed(sums.shipping, places),
        "shipping_tax": fixed(sums.shipping_tax, places),
        "cart_tax": fixed(sums.cart_tax, places),
        "total": fixed(sums.total, places),
        "total_tax": fixed(sums.total_tax, places),
    }


def _payment(shop: Records, order: Order) -> Body:
    zone = shop.profile.time_zone
    return {
        "payment_method": order.payment,
        "payment_method_title": PAYMENTS.get(order.payment, order.payment),
        "transaction_id": order.transaction_id,
        "customer_ip_address": order.ip,
        "customer_user_agent": "Mozilla/5.0" if order.ip else "",
        "created_via": order.created_via,
        "customer_note": order.note,
        "date_completed": local_text(order.completed, zone),
        "date_paid": local_text(order.paid, zone),
        "cart_hash": "",
        "number": str(order.id),
    }


def _items(shop: Records, order: Order, places: int) -> Body:
    """Write all items; their ids count on from the order's first in the order lines, shipping, fees, taxes, coupons."""
    decimals, first = shop.profile.decimals, order.first_item
    lines = [goods_line(shop, line, number, places) for number, line in enumerate(order.lines, first)]
    first += len(lines)
    shipping = [
        shipping_line(part, number, places, decimals, []) for number, part in enumerate(order.shipping_lines, first)
    ]
    first += len(shipping)
    fees = _fee_lines(order, first, places)
    first += len(fees)
    taxes = _tax_lines(shop, order, first, places)
    return {
        "line_items": lines,
        "tax_lines": taxes,
        "shipping_lines": shipping,
        "fee_lines": fees,
        "coupon_lines": _coupon_lines(order, first + len(taxes)),
    }


def order_key(order_id: int) -> str:
    """Return an order's key: stable, and shaped like the real random one."""
    digest = hashlib.blake2b(str(order_id).encode(), digest_size=15, person=b"order key").digest()
    return "wc_order_" + base64.b64encode(digest, altchars=b"xY").decode()[:13]


def _order_links(order: Order, base: str) -> Body:
    found = links(base, f"orders/{order.id}", ALL_METHODS, "orders")
    found["email_templates"] = [
        {"embeddable": True, "href": f"{base}/wp-json/wc/v3/orders/{order.id}/actions/email_templates"}
    ]
    if order.customer_id:
        found["customer"] = [{"href": f"{base}/wp-json/wc/v3/customers/{order.customer_id}"}]
    return found


def _order_shipping(address: Address) -> Body:
    body = address._asdict()
    del body["email"]
    return body


def _is_virtual(shop: Records, line: Line) -> bool:
    product = shop.products.get(line.product_id)
    return bool(product and product.virtual)


def _product(shop: Records, line: Line) -> Product | None:
    return shop.products.get(line.variation_id or line.product_id)


def _taxes(rate_id: int, total: int, subtotal: str) -> list[Body]:
    return [{"id": rate_id, "total": plain(total), "subtotal": subtotal}] if rate_id else []


def goods_line(shop: Records, line: Line, item_id: int, places: int, meta: list[Body] | None = None) -> Body:
    """Write one line of an order, or of a refund with its own ``meta``."""
    decimals = shop.profile.decimals
    product = _product(shop, line)
    sized = product is not None and product.size != ""
    if meta is None:
        meta = []
        if product is not None and sized:
            size = {"value": product.size, "display_key": "Size", "display_value": product.size}
            meta = [{"id": 10 * item_id, "key": "size", **size}]
    return {
        "id": item_id,
        "name": product.name if product else "",
        "product_id": line.product_id,
        "variation_id": line.variation_id,
        "quantity": line.quantity,
        "tax_class": "reduced-rate" if product and product.reduced else "",
        "subtotal": fixed(line.subtotal, places),
        "subtotal_tax": fixed(rounded(line.subtotal_tax, decimals), places),
        "total": fixed(line.total, places),
        "total_tax": fixed(rounded(line.total_tax, decimals), places),
        "taxes": _taxes(line.rate_id, line.total_tax, plain(line.subtotal_tax)),
        "meta_data": meta,
        "sku": product.sku if product else "",
        "price": as_number(line.total, line.quantity),
        "image": {"id": 0 if sized else "", "src": ""},
        "parent_name": shop.products[product.parent_id].name if product and sized else None,
    }


def shipping_line(part: Shipping, item_id: int, places: int, decimals: int, meta: list[Body]) -> Body:
    """Write one shipping line of an order or a refund."""
    return {
        "id": item_id,
        "method_title": part.title,
        "method_id": "flat_rate",
        "instance_id": "1",
        "total": fixed(part.total, places),
        "total_tax": fixed(rounded(part.tax, decimals), places),
        "taxes": _taxes(part.rate_id, part.tax, ""),
        "tax_status": "taxable",
        "meta_data": meta,
    }


def _fee_lines(order: Order, item: int, places: int) -> list[Body]:
    return [
        {
            "id": item + place,
            "name": fee.name,
            "tax_class": "",
            "tax_status": "none",
            "amount": "",
            "total": fixed(fee.total, places),
            "total_tax": fixed(0, places),
            "taxes": [],
            "meta_data": [],
        }
        for place, fee in enumerate(order.fees)
    ]


def tax_line(shop: Records, rate_id: int, item_id: int, goods: str, shipping: str) -> Body:
    """Write the line of one tax rate; ``goods`` and ``shipping`` are its amounts, written out."""
    rate = shop.rate(rate_id)
    return {
        "id": item_id,
        "rate_code": rate.code,
        "rate_id": rate.rate_id,
        "label": rate.label,
        "compound": False,
        "tax_total": goods,
        "shipping_tax_total": shipping,
        "rate_percent": rate.percent,
        "meta_data": [],
    }


def _tax_lines(shop: Records, order: Order, item: int, places: int) -> list[Body]:
    decimals = shop.profile.decimals
    found = []
    for place, rate_id in enumerate(rates_of(order)):
        goods = sum(rounded(x.total_tax, decimals) for x in order.lines if x.rate_id == rate_id)
        shipping = sum(rounded(x.tax, decimals) for x in order.shipping_lines if x.rate_id == rate_id)
        found.append(tax_line(shop, rate_id, item + place, fixed(goods, places), fixed(shipping, places)))
    return found


def _coupon_lines(order: Order, item: int) -> list[Body]:
    found = []
    for place, coupon in enumerate(order.coupons):
        kind = '"percent"' if coupon.kind == "percent" else "null"
        info = f'[{coupon.coupon_id},"{coupon.code}",{kind},{coupon.nominal}]'
        entry = {"id": 10 * (item + place), "key": "coupon_info", "value": info}
        found.append(
            {
                "id": item + place,
                "code": coupon.code,
                "discount": plain(coupon.discount),
                "discount_tax": "0",
                "meta_data": [{**entry, "display_key": "coupon_info", "display_value": info}],
                "discount_type": coupon.kind,
                "nominal_amount": coupon.nominal,
                "free_shipping": False,
            }
        )
    return found


def _refund_summary(refund: Refund, places: int) -> Body:
    return {"id": refund.id, "reason": refund.reason, "total": fixed(-refund.amount, places)}
