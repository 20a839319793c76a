"""A shop rebuilt from recordings of a real one, and ways to ask it what the real one was asked."""

import base64
import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from demo_shop.answers import Answer, Incoming
from demo_shop.changes import Shop
from demo_shop.model import (
    Address,
    ApiKey,
    Coupon,
    Customer,
    Fee,
    Line,
    Order,
    Product,
    Profile,
    Refund,
    Shipping,
    TaxRate,
)
from demo_shop.money import micros
from demo_shop.routes import Site
from demo_shop.webhooks import Webhooks

RECORDINGS = Path(__file__).parents[1] / "fixtures" / "recordings"
KEY = ApiKey("ck_1ab00000000000000000000000000000000000a1", "cs_1ab00000000000000000000000000000000000b2")
READER = ApiKey("ck_reader", "cs_reader", permissions="read")
WRITER = ApiKey("ck_writer", "cs_writer", permissions="write")
MANAGER = ApiKey("ck_manager", "cs_manager", permissions="read", role="shop_manager")
SUBSCRIBER = ApiKey("ck_subscriber", "cs_subscriber", role="subscriber")
KEYS = (KEY, READER, WRITER, MANAGER, SUBSCRIBER)


def recording(name: str) -> dict[str, Any]:
    """Read one recording by its path without the ending."""
    found: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())
    return found


def basic(key: ApiKey, secret: str | None = None) -> str:
    """Return a Basic header for a key."""
    pair = f"{key.consumer_key}:{secret or key.consumer_secret}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def instant(text: str | None) -> int | None:
    """Read a recorded ``*_gmt`` date."""
    return None if text is None else int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def customer_of(body: dict[str, Any]) -> Customer:
    """Rebuild a customer from its recorded body."""
    return Customer(
        id=body["id"],
        email=body["email"],
        username=body["username"],
        first_name=body["first_name"],
        last_name=body["last_name"],
        role=body["role"],
        created=instant(body["date_created_gmt"]) or 0,
        modified=instant(body["date_modified_gmt"]),
        billing=Address(**body["billing"]),
        shipping=Address(**body["shipping"]),
        is_paying=body["is_paying_customer"],
        meta=tuple((entry["id"], entry["key"], entry["value"]) for entry in body["meta_data"]),
    )


def line_of(body: dict[str, Any]) -> Line:
    """Rebuild a line; unrounded tax comes from its ``taxes``."""
    tax = body["taxes"][0] if body["taxes"] else {"id": 0, "total": "0", "subtotal": "0"}
    amounts = (micros(body["subtotal"]), micros(body["total"]))
    taxes = (micros(tax["subtotal"]), micros(tax["total"]))
    return Line(body["product_id"], body["variation_id"], body["quantity"], *amounts, tax["id"], *taxes)


def order_of(body: dict[str, Any]) -> Order:
    """Rebuild an order from its recorded body (refunds are added apart)."""
    items = [item["id"] for kind in ("line_items", "shipping_lines", "fee_lines") for item in body[kind]]
    return Order(
        id=body["id"],
        status=body["status"],
        currency=body["currency"],
        created=instant(body["date_created_gmt"]) or 0,
        modified=instant(body["date_modified_gmt"]) or 0,
        customer_id=body["customer_id"],
        billing=Address(**body["billing"]),
        shipping=Address(**body["shipping"]),
        lines=tuple(line_of(line) for line in body["line_items"]),
        first_item=min(items, default=1),
        paid=instant(body["date_paid_gmt"]),
        completed=instant(body["date_completed_gmt"]),
        shipping_lines=tuple(
            Shipping(
                part["method_title"],
                micros(part["total"]),
                part["taxes"][0]["id"] if part["taxes"] else 0,
                micros(part["taxes"][0]["total"]) if part["taxes"] else 0,
            )
            for part in body["shipping_lines"]
        ),
        fees=tuple(Fee(fee["name"], micros(fee["total"])) for fee in body["fee_lines"]),
        coupons=tuple(
            Coupon(48, part["code"], micros(part["discount"]), part["discount_type"], part["nominal_amount"])
            for part in body["coupon_lines"]
        ),
        payment=body["payment_method"],
        transaction_id=body["transaction_id"],
        created_via=body["created_via"],
        note=body["customer_note"],
        ip=body["customer_ip_address"],
        meta=tuple((entry["id"], entry["key"], entry["value"]) for entry in body["meta_data"]),
    )


def recorded_orders() -> list[dict[str, Any]]:
    """Return the recorded orders: one of each kind the listing held."""
    found: list[dict[str, Any]] = recording("orders/any_orderby-id_dp2_per100/page-001")["body"]
    return found


def recorded_customers() -> list[dict[str, Any]]:
    """Return recorded customers, staff among them."""
    found: list[dict[str, Any]] = recording("customers/role-all_orderby-id_per100/page-001")["body"]
    return found


def rebuilt_shop() -> Shop:
    """Build a shop that holds the recorded customers, orders, refunds and products."""
    orders = recorded_orders()
    further = [recording(name)["body"] for name in ("orders/get_trashed_by_id", "refunds/order-176_order")]
    lines = [line for order in orders + further for line in order["line_items"]]
    rates = {
        tax["rate_id"]: TaxRate(tax["rate_id"], tax["rate_code"], tax["label"], tax["rate_percent"], "DE")
        for order in orders
        for tax in order["tax_lines"]
    }
    shop = Shop(Profile(rates=tuple(rates.values())), KEYS)
    for line in lines:
        product = Product(
            line["product_id"], line["parent_name"] or line["name"], line["sku"], 0, 0, line["tax_class"] != ""
        )
        shop.products.setdefault(product.id, product)
        if line["variation_id"]:
            size = next(entry["value"] for entry in line["meta_data"])
            shop.products[line["variation_id"]] = Product(
                line["variation_id"], line["name"], line["sku"], 0, 0, parent_id=product.id, size=size
            )
    shop.products[35] = Product(35, "E-Book: Brewing", "EBOOK-1", 9_000_000, 0, virtual=True)
    for body in recorded_customers():
        shop.keep_customer(customer_of(body))
    for body in orders + further:
        order = shop.keep_order(order_of(body))
        for number, refund in enumerate(reversed(body["refunds"])):
            amount = -micros(refund["total"])
            shop.keep_refund(Refund(refund["id"], order.id, order.created + number, amount, refund["reason"]))
    return shop


class Asker:
    """Asks a site what the real shop was asked."""

    def __init__(self, shop: Shop) -> None:
        """Open the site of a shop."""
        self.shop = shop
        self.site = Site(shop, Webhooks(shop))

    def ask(self, found: dict[str, Any], authorization: str = "") -> Answer:
        """Send a recorded request at the recorded time, with an Authorization header where recordings hide it."""
        sent, parts = found["request"], urlsplit(found["request"]["url"])
        date = next(value for name, value in found["headers"] if name == "Date")
        self.shop.clock = lambda: parsedate_to_datetime(date).timestamp()
        body = sent["body"]
        raw = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        return self.site.handle(
            Incoming(
                sent["method"],
                parts.scheme,
                parts.netloc,
                parts.path,
                parts.query,
                sent["headers"].get("Authorization", authorization),
                raw,
            )
        )

    def get(self, path: str, key: ApiKey = KEY) -> Answer:
        """Get a path below ``/wp-json/wc/v3/`` over HTTPS."""
        where, _, query = path.partition("?")
        return self.site.handle(Incoming("GET", "https", "shop.example", f"/wp-json/wc/v3/{where}", query, basic(key)))

    def ids(self, path: str) -> list[int]:
        """Get a list and return its ids."""
        answer = self.get(path)
        assert answer.status == 200, answer.body
        return [item["id"] for item in json.loads(answer.body)]


def headers_of(answer: Answer) -> dict[str, str]:
    """Return an answer's headers by lower-case name."""
    return {name.lower(): value for name, value in answer.headers}


def shape(value: Any) -> Any:
    """Return the keys and JSON types of a value, in order; a list's shape is that of its kinds of items."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        kinds: list[Any] = []
        for item in value:
            if shape(item) not in kinds:
                kinds.append(shape(item))
        return kinds
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else "text"
