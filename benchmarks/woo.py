"""A made-up shop's answers: pages of orders and of refunds as WooCommerce 9.9 sends them, bytes ready to be parsed.

An order is about 3.1 kB of JSON with all keys of the REST API, 1 to 4 lines, two rows of meta data; one in sixteen has a
refund. A tenth of the orders come a second time after all the others, changed since: what is loaded has to be merged, as
it is when a shop is copied while it is open. The same size gives the same bytes, every time.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson

PER_PAGE: Final = 100
FIRST_ID: Final = 100_000_001
REFUNDED_EACH: Final = 16
CHANGED_EACH: Final = 10
TEMPLATES: Final = 240  # a multiple of REFUNDED_EACH: the template says whether an order has a refund
CITIES: Final = ("Berlin", "Hamburg", "München", "Wien", "Køge", "Łódź", "València", "Paris")
PRODUCTS: Final = ("Soap Bar", "Beeswax candle, large", "Linen towel 50 × 100", "Gift card", "Olive oil 0,75 l")
ADDRESS: Final = (
    "first_name",
    "last_name",
    "company",
    "address_1",
    "address_2",
    "city",
    "state",
    "postcode",
    "country",
)


def order_pages(orders: int) -> Iterator[bytes]:
    """Yield the pages of a listing of so many orders, by id; then those of the orders that changed meanwhile."""
    templates = [orjson.dumps(_order(kind)) for kind in range(TEMPLATES)]
    everything, changed = range(orders), range(0, orders, CHANGED_EACH)
    for edition, numbers in enumerate((everything, changed)):
        for start in range(0, len(numbers), PER_PAGE):
            yield _page(templates, numbers[start : start + PER_PAGE], edition)


def refund_pages(orders: int) -> Iterator[bytes]:
    """Yield the pages of the refunds of so many orders."""
    template = orjson.dumps(_refund())
    refunded = range(0, orders, REFUNDED_EACH)
    for start in range(0, len(refunded), PER_PAGE):
        rows = (template % {b"id": FIRST_ID + number} for number in refunded[start : start + PER_PAGE])
        yield b"[" + b",".join(rows).replace(b'"#', b"").replace(b'#"', b"") + b"]"


PAGES: Final[Mapping[str, Callable[[int], Iterator[bytes]]]] = {"orders": order_pages, "refunds": refund_pages}


def _page(templates: list[bytes], numbers: range, edition: int) -> bytes:
    rows = (
        templates[number % TEMPLATES]
        % {
            b"id": FIRST_ID + number,
            b"mailbox": number * 7919 % 400_000,
            b"owner": number * 7919 % 400_000 if number % 3 else 0,
            b"day": 1 + number % 28,
            b"time": b"%02d:%02d:%02d" % (number % 24, number // 24 % 60, number // 1440 % 60),
            b"status": b"completed" if edition or number % 5 else b"processing",
            b"modified": b"2026-10-1%dT08:00:00" % edition,
        }
        for number in numbers
    )
    return b"[" + b",".join(rows).replace(b'"#', b"").replace(b'#"', b"") + b"]"


def _order(kind: int) -> dict[str, Any]:
    """Return one of the kinds of orders; `%(…)` stand for what differs from order to order, `#…#` for a bare number."""
    number, city = "#%(id)d#", CITIES[kind % len(CITIES)]
    lines = [_line(place, kind) for place in range(1 + kind % 4 * (kind % 3 > 0))]
    total = f"{sum((kind * 37 + place * 211) % 9000 + 100 for place in range(len(lines))) / 100:.2f}"
    refund = {"id": "#6%(id)d#", "reason": "", "total": "-1.25"}
    return {
        "id": number,
        "parent_id": 0,
        "status": "%(status)s",
        "currency": "EUR" if kind % 20 else "USD",
        "version": "9.9.5",
        "prices_include_tax": True,
        "date_created": "2026-03-%(day)02dT%(time)s",
        "date_modified": "%(modified)s",
        "discount_total": "0.00",
        "discount_tax": "0.00",
        "shipping_total": "4.90" if kind % 2 else "0.00",
        "shipping_tax": "0.93" if kind % 2 else "0.00",
        "cart_tax": "0.42",
        "total": total,
        "total_tax": "1.35",
        "customer_id": "#%(owner)d#",
        "order_key": "wc_order_%(id)dpAOig",
        "billing": {**_address(kind, city), "email": "person%(mailbox)d@mail.example", "phone": "030 12345"},
        "shipping": {**_address(kind, city), "phone": ""},
        "payment_method": "paypal" if kind % 3 else "bacs",
        "payment_method_title": "PayPal" if kind % 3 else "Direct bank transfer",
        "transaction_id": "txn_%(id)d",
        "customer_ip_address": "203.0.113.47",
        "customer_user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
        "created_via": "checkout",
        "customer_note": "",
        "date_completed": "2026-03-%(day)02dT%(time)s",
        "date_paid": "2026-03-%(day)02dT%(time)s",
        "cart_hash": "",
        "number": "%(id)d",
        "meta_data": [
            {"id": "#%(id)d1#", "key": "_wc_order_attribution_source_type", "value": "typein"},
            {"id": "#%(id)d2#", "key": "_wc_order_attribution_utm_source", "value": "newsletter"},
        ],
        "line_items": lines,
        "tax_lines": [
            {
                "id": "#%(id)d8#",
                "rate_code": "DE-MWST.-1",
                "rate_id": 1,
                "label": "MwSt.",
                "compound": False,
                "tax_total": "0.42",
                "shipping_tax_total": "0.00",
                "rate_percent": 19,
                "meta_data": [],
            }
        ],
        "shipping_lines": [
            {
                "id": "#%(id)d9#",
                "method_title": "Parcel",
                "method_id": "flat_rate",
                "instance_id": "2",
                "total": "4.90",
                "total_tax": "0.93",
                "taxes": [{"id": 1, "total": "0.931", "subtotal": ""}],
                "tax_status": "taxable",
                "meta_data": [],
            }
        ]
        if kind % 2
        else [],
        "fee_lines": [],
        "coupon_lines": [],
        "refunds": [] if kind % REFUNDED_EACH else [refund],
        "payment_url": "https://shop.example/checkout/order-pay/%(id)d/?pay_for_order=true&key=wc_order_%(id)dpAOig",
        "is_editable": False,
        "needs_payment": False,
        "needs_processing": True,
        "date_created_gmt": "2026-03-%(day)02dT%(time)s",
        "date_modified_gmt": "%(modified)s",
        "date_completed_gmt": "2026-03-%(day)02dT%(time)s",
        "date_paid_gmt": "2026-03-%(day)02dT%(time)s",
        "currency_symbol": "€" if kind % 20 else "$",
        "_links": {
            "self": [
                {
                    "href": "https://shop.example/wp-json/wc/v3/orders/%(id)d",
                    "targetHints": {"allow": ["GET", "POST", "PUT", "PATCH", "DELETE"]},
                }
            ],
            "collection": [{"href": "https://shop.example/wp-json/wc/v3/orders"}],
            "email_templates": [
                {
                    "embeddable": True,
                    "href": "https://shop.example/wp-json/wc/v3/orders/%(id)d/actions/email_templates",
                }
            ],
        },
    }


def _address(kind: int, city: str) -> dict[str, str]:
    known = {"first_name": "Ana", "last_name": f"Šimić {kind}", "address_1": f"Street {kind}", "city": city}
    return {name: {**known, "postcode": "10115", "country": "DE"}.get(name, "") for name in ADDRESS}


def _line(place: int, kind: int) -> dict[str, Any]:
    cents = (kind * 37 + place * 211) % 9000 + 100
    product = (kind + place) % len(PRODUCTS)
    return {
        "id": f"#%(id)d{place + 3}#",
        "name": PRODUCTS[product],
        "product_id": 30 + product,
        "variation_id": 0,
        "quantity": 1 + kind % 3,
        "tax_class": "",
        "subtotal": f"{cents / 100:.2f}",
        "subtotal_tax": "0.42",
        "total": f"{cents / 100:.2f}",
        "total_tax": "0.42",
        "taxes": [{"id": 1, "total": "0.424706", "subtotal": "0.424706"}],
        "meta_data": [],
        "sku": f"SKU-{1000 + product}",
        "price": cents / 100 / (1 + kind % 3),
        "image": {"id": "", "src": ""},
        "parent_name": None,
    }


def _refund() -> dict[str, Any]:
    return {
        "id": "#6%(id)d#",
        "parent_id": "#%(id)d#",
        "date_created": "2026-09-01T10:00:00",
        "date_created_gmt": "2026-09-01T08:00:00",
        "amount": "1.25",
        "reason": "",
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [],
        "line_items": [],
        "shipping_lines": [],
        "tax_lines": [],
        "fee_lines": [],
        "_links": {"self": [{"href": "https://shop.example/wp-json/wc/v3/orders/%(id)d/refunds"}]},
    }
