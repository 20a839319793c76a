"""The demo shop against recordings of a real one: the same requests get the same answers."""

import json
import re
from datetime import date
from typing import Any

import pytest

from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.render import order_body
from demo_shop.render_people import customer_body
from tests.demo_shop.recorded_shop import (
    KEY,
    MANAGER,
    READER,
    RECORDINGS,
    SUBSCRIBER,
    WRITER,
    Asker,
    basic,
    headers_of,
    rebuilt_shop,
    recorded_customers,
    recorded_orders,
    recording,
    shape,
)

BASE = "https://127.0.0.1:8449"

# Recordings hide the Authorization header; this is what each request carried.
CARRIED = {
    "errors/no_auth": "",
    "errors/http_query_auth": "",
    "errors/bad_key": basic(ApiKey("ck_nobody", "cs_nothing")),
    "errors/bad_secret": basic(KEY, "cs_wrong"),
    "errors/double_slash": "",
    "errors/forbidden_subscriber_customers": basic(SUBSCRIBER),
    "errors/forbidden_subscriber_orders": basic(SUBSCRIBER),
    "errors/read_key_writing": basic(READER),
    "errors/write_only_key_reading": basic(WRITER),
    "errors/legacy_api": "",
    "auth/index_php_rest_route": basic(KEY),
    "auth/shopmanager_read_customers": basic(MANAGER),
}
# Other versions of the API and pages whose contents depend on all 254 users are not rebuilt.
NOT_REBUILT = {"errors/v1", "errors/v2"}
TOLD = ("content-type", "allow", "vary", "expires", "cache-control", "retry-after", "x-robots-tag")


def _names(*folders: str) -> list[str]:
    return sorted(
        str(path.relative_to(RECORDINGS).with_suffix(""))
        for folder in folders
        for path in (RECORDINGS / folder).rglob("*.json")
    )


def _authorization(name: str, found: dict[str, Any]) -> str:
    if name in CARRIED:
        return CARRIED[name]
    signed = "oauth_" in found["request"]["url"] or "consumer_key" in found["request"]["url"]
    return "" if signed else basic(KEY)


def _told(headers: dict[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in TOLD if name in headers}


ERRORS = [
    name
    for name in _names("errors", "auth", "orderby", "filters", "orders", "customers", "webhooks")
    if "request" in recording(name) and recording(name)["status"] >= 400 and name not in NOT_REBUILT
]


@pytest.mark.parametrize("name", ERRORS)
def test_a_refused_request_is_refused_with_the_recorded_status_body_and_headers(name: str) -> None:
    """Clients tell a bad key from a bad parameter by these bodies: a word that differs would hide a client's bug."""
    found = recording(name)
    asker = Asker(rebuilt_shop())
    if name == "errors/oauth_reused_nonce":
        asker.ask(found)
    answer = asker.ask(found, _authorization(name, found))
    assert (answer.status, json.loads(answer.body)) == (found["status"], found["body"])
    recorded = {header.lower(): value for header, value in found["headers"]}
    assert _told(headers_of(answer)) == _told(recorded)


LISTS = [
    name
    for name in _names("auth", "orderby", "filters", "orders", "customers", "faults", "refunds", "products")
    if recording(name)["status"] == 200 and isinstance(recording(name)["body"], list)
]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_has_the_recorded_headers_but_for_its_counts(name: str) -> None:
    """Clients page by X-WP-TotalPages and may follow Link, whose query the shop rewrites in its own way."""
    found = recording(name)
    asker = Asker(rebuilt_shop())
    headers = headers_of(asker.ask(found, _authorization(name, found)))
    recorded = {header.lower(): value for header, value in found["headers"]}
    if "products" not in name:
        assert _told(headers) == _told(recorded)
    assert {"x-wp-total", "x-wp-totalpages", "access-control-expose-headers"} <= set(headers)


@pytest.mark.parametrize("name", [name for name in LISTS if 'rel="next"' in str(recording(name)["headers"])])
def test_links_repeat_the_query_as_the_real_shop_does(name: str) -> None:
    """A client that follows Link gets this query back, moved, normalised and with signatures cut short."""
    found = recording(name)
    asker = Asker(_long_shop())
    headers = headers_of(asker.ask(found, _authorization(name, found)))
    recorded = next(value for header, value in found["headers"] if header == "Link")
    assert _next_link(headers["link"]) == _next_link(recorded)


def _long_shop() -> Any:
    """Return the rebuilt shop with enough of everything that any list has a second page."""
    shop = rebuilt_shop()
    recent = 1_795_000_000
    for number in range(1, 230):
        shop.add_customer(f"müller{number}@mail.example", "A", "Müller")
        shop.place_order(10, [(35, 1)], created=recent + number, status="completed", modified=recent)
        shop.place_order(0, [(35, 1)], created=recent + number, status="checkout-draft", modified=recent)
        shop.add_refund(54, "0.01", created=recent + number)
    for order in list(shop.orders.values())[-12:]:
        order.created = order.modified = 1_793_600_000
    shop.touch()
    return shop


def _next_link(link: str) -> str | None:
    found = re.search(r'<([^>]*)>; rel="next"', link)
    return found[1] if found else None


@pytest.mark.parametrize("body", recorded_orders(), ids=lambda body: f"{body['id']}-{body['status']}")
def test_an_order_rebuilt_from_its_recording_is_written_the_same(body: dict[str, Any]) -> None:
    """Every amount but each line's unrounded price is computed here; sums that differ would corrupt every metric."""
    shop = rebuilt_shop()
    written = json.loads(json.dumps(order_body(shop, shop.orders[body["id"]], BASE, 2)))
    expected = json.loads(json.dumps(body))
    for each in (written, expected):
        # Keys are random, ids of later items are counted on, and a price needs decimals that dp=2 cut off.
        for name in ("order_key", "payment_url", "customer_user_agent"):
            each.pop(name)
        for kind in ("line_items", "shipping_lines", "fee_lines", "tax_lines", "coupon_lines"):
            for item in each[kind]:
                item.pop("id")
                item.pop("price", None)
                item.pop("meta_data")
        each["tax_lines"].sort(key=lambda tax: tax["rate_id"])
        for coupon in each["coupon_lines"]:
            coupon.pop("discount_tax")
    assert written == expected
    assert list(written) == list(expected)


@pytest.mark.parametrize("body", recorded_customers(), ids=lambda body: f"{body['id']}-{body['role']}")
def test_a_customer_rebuilt_from_its_recording_is_written_the_same(body: dict[str, Any]) -> None:
    """Byte for byte but for spaces: keys in order, dates in two zones, the avatar, the links, what may be deleted."""
    shop = rebuilt_shop()
    written = customer_body(shop, shop.customers[body["id"]], BASE)
    assert json.dumps(written) == json.dumps(body)


def _kinds(bodies: list[dict[str, Any]]) -> dict[str, Any]:
    """Return every path of the bodies with the JSON types seen there."""
    found: dict[str, set[str]] = {}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, dict) and not path.endswith("value"):
            for name, item in value.items():
                walk(f"{path}.{name}", item)
        elif isinstance(value, list):
            for item in value:
                walk(f"{path}[]", item)
        else:
            found.setdefault(path, set()).add(str(shape(value)))

    for body in bodies:
        walk("", body)
    return found


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("orders/any_orderby-id_dp2_per100/page-001", "orders?per_page=100&orderby=id&order=asc"),
        ("customers/role-all_orderby-id_per100/page-001", "customers?per_page=100&role=all&orderby=id"),
        ("refunds/global_list_all", "refunds?per_page=100"),
        ("refunds/order-176", ""),
        ("products/page-001", "products?per_page=100"),
    ],
)
def test_invented_records_have_the_recorded_keys_and_types(name: str, path: str) -> None:
    """The loader's schema is built on these: a key that is missing or of another type would pass here only."""
    asker = Asker(generate(people=300, seed=3, today=date(2026, 11, 22), keys=(KEY,)))
    if not path:
        refund = next(r for r in asker.shop.refunds.values() if r.lines)
        path = f"orders/{refund.order_id}/refunds"
    written = _kinds(json.loads(asker.get(path).body))
    recorded = _kinds(recording(name)["body"])
    # Lists that happen to be empty in either sample show no keys.
    optional = {"meta_data", "related_ids", "tax_lines", "line_items", "shipping_lines"}
    for where, kinds in recorded.items():
        if where in written:
            assert written[where] - {"NoneType"} <= kinds | {"NoneType"}, where
        else:
            assert any(f".{part}" in where for part in optional), where
    unknown = {where for where in written if where not in recorded and not any(p in where for p in optional)}
    assert not unknown
