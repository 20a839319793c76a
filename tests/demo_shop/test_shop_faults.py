"""Faults that tests of the client switch on, and what the shop remembers of requests."""

import json
import time

import pytest
import requests
from requests_oauthlib import OAuth1

from demo_shop.answers import Incoming
from demo_shop.changes import Shop
from demo_shop.control import control
from demo_shop.faults import BOM, FATAL, MAINTENANCE, WARNING, Faults, Kind, Load
from demo_shop.model import Profile
from demo_shop.server import create_app, serve
from tests.demo_shop.recorded_shop import KEY, KEYS, READER, basic, recording
from tests.demo_shop.test_shop_queries import a_shop


def _get(url: str, path: str = "customers") -> requests.Response:
    sign = OAuth1(KEY.consumer_key, KEY.consumer_secret, signature_method="HMAC-SHA256", signature_type="query")
    return requests.get(f"{url}/wp-json/wc/v3/{path}", auth=sign, timeout=5)


def open_shop() -> Shop:
    """Open a shop with one product, whose clock goes: signatures are dated."""
    shop = a_shop()
    shop.clock = time.time
    return shop


def _post(url: str, path: str, body: object) -> requests.Response:
    sign = OAuth1(KEY.consumer_key, KEY.consumer_secret, signature_method="HMAC-SHA256", signature_type="query")
    return requests.post(f"{url}/wp-json/wc/v3/{path}", auth=sign, json=body, timeout=5)


def test_fault_bodies_are_the_recorded_ones() -> None:
    """A client is taught to recognise these; they must be the real ones."""
    assert json.loads(MAINTENANCE) == recording("faults/maintenance_mode")["body"]
    fatal, ours = recording("faults/fatal")["body"], json.loads(FATAL)
    assert (ours["code"], ours["message"], list(ours["data"])) == (fatal["code"], fatal["message"], list(fatal["data"]))
    assert recording("faults/php_warning_before_json")["body"].encode().startswith(WARNING)


def test_each_fault_strikes_once_and_then_the_shop_answers_again() -> None:
    """Retries must meet a shop that recovers."""
    shop = Shop(Profile(), KEYS)
    with serve(create_app(shop)) as url:
        for kind, status in (("maintenance", 503), ("fatal", 500), ("rate_limited", 429), ("html", 502)):
            shop.faults.add(kind, retry_after=7)  # type: ignore[arg-type]
            broken = _get(url)
            assert broken.status_code == status
            assert (broken.headers.get("Retry-After") == "7") is (status in (503, 429))
            assert _get(url).status_code == 200


@pytest.mark.parametrize(("kind", "before"), [("warning", WARNING), ("bom", BOM)])
def test_what_stands_before_the_json_leaves_the_json_whole(kind: str, before: bytes) -> None:
    """The answer is still there: a good client finds it."""
    shop = Shop(Profile(), KEYS)
    with serve(create_app(shop)) as url:
        shop.faults.add(kind)  # type: ignore[arg-type]
        spoiled, whole = _get(url), _get(url)
    assert (spoiled.status_code, whole.status_code) == (200, 200)
    assert spoiled.content == before + whole.content


def test_a_dropped_connection_is_no_answer() -> None:
    """The client sees a broken read in the middle of a page."""
    shop = Shop(Profile(), KEYS)
    with serve(create_app(shop)) as url:
        shop.faults.add("drop")
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            _get(url)
        assert _get(url).status_code == 200


@pytest.mark.parametrize(("kind", "placed"), [("reset", 0), ("reset_after", 1)])
def test_a_reset_connection_leaves_open_whether_the_shop_acted(kind: Kind, placed: int) -> None:
    """A client that cannot tell must not place the order twice."""
    shop = open_shop()
    with serve(create_app(shop)) as url:
        shop.faults.add(kind)
        with pytest.raises(requests.exceptions.ConnectionError):
            _post(url, "orders", {"line_items": [{"product_id": 1}]})
        assert len(shop.orders) == placed
        assert _get(url).status_code == 200


def test_a_fault_without_an_end_strikes_until_it_is_taken_away() -> None:
    """A shop that is down is down for every request."""
    shop = Shop(Profile(), KEYS)
    shop.faults.add("reset", times=None)
    with serve(create_app(shop)) as url:
        for _ in range(3):
            with pytest.raises(requests.exceptions.ConnectionError):
                _get(url)
        shop.faults.clear()
        assert _get(url).status_code == 200


def test_a_slow_body_comes_in_pieces_and_whole() -> None:
    """Time-outs between bytes do not end it: a client needs a deadline for the whole."""
    shop = open_shop()
    shop.add_customer("a@example.com")
    with serve(create_app(shop)) as url:
        shop.faults.add("slow_body", seconds=0.3)
        began = time.monotonic()
        slow = _get(url)
        assert time.monotonic() - began > 0.2
        assert slow.content == _get(url).content


def test_latency_grows_with_the_requests_under_way_beyond_the_cores() -> None:
    """Two cores of work: the first two finish together, the next two wait for them; later it is quick again."""
    faults = Faults(load=Load(cores=2, work=1.0))
    assert [faults.delay(0.0) for _ in range(4)] == [1.0, 1.0, 2.0, 2.0]
    assert faults.delay(10.0) == 1.0


def test_requests_side_by_side_change_the_shop_before_an_answer() -> None:
    """A writer between two pages: what is asked for may have moved when it is answered."""
    shop = open_shop()
    seen: list[tuple[str, str, dict[str, str]]] = []

    def write(method: str, path: str, query: dict[str, str]) -> None:
        seen.append((method, path, query))
        shop.add_customer(f"c{len(seen)}@example.com")

    stop = shop.on_request(write)
    with serve(create_app(shop)) as url:
        assert len(_get(url, "customers?per_page=5").json()) == 1
        stop()
        assert len(_get(url).json()) == 1
    assert seen == [("GET", "/wp-json/wc/v3/customers", {"per_page": "5"})]


def test_this_machine_switches_faults_and_acts_with_the_key_alone() -> None:
    """For processes outside a test; nobody else, and no client of WooCommerce, has any business there."""
    shop = open_shop()
    order = shop.place_order().id
    shop.trash_order(order)
    with serve(create_app(shop)) as url:
        assert requests.post(f"{url}/demo/faults", json={"kind": "html"}, timeout=5).status_code == 403
        own = {"auth": (KEY.consumer_key, KEY.consumer_secret), "timeout": 5}
        reader = (READER.consumer_key, READER.consumer_secret)
        assert requests.get(f"{url}/demo/faults", auth=reader, timeout=5).status_code == 403
        body = {"kind": "html", "times": None, "load": {"latency": 0.01}}
        assert requests.post(f"{url}/demo/faults", json=body, **own).json()["load"]["latency"] == 0.01
        assert _get(url).status_code == 502
        assert requests.delete(f"{url}/demo/faults", **own).json()["pending"] == []
        assert requests.post(f"{url}/demo/faults", json={"kind": "fire"}, **own).status_code == 400
        act = {"act": "restore", "with": {"order_id": order}}
        assert requests.post(f"{url}/demo/acts", json=act, **own).status_code == 200
        assert requests.post(f"{url}/demo/acts", json={"act": "burn"}, **own).status_code == 404
    assert shop.orders[order].status == "processing"
    request = Incoming("GET", "http", "127.0.0.1", "/demo/faults", "", basic(KEY))
    assert control(shop, request, "192.0.2.7").status == 403
    assert all(not served.path.startswith("/demo") for served in shop.requests_served)


def test_faults_wait_for_their_path_and_let_requests_pass_first() -> None:
    """A sync must be broken in its third page of orders, not in its first of customers."""
    shop = Shop(Profile(), KEYS)
    shop.faults.add("maintenance", path="/orders", skip=1, times=2)
    with serve(create_app(shop)) as url:
        seen = [
            _get(url, path).status_code for path in ("customers", "orders", "orders", "customers", "orders", "orders")
        ]
    assert seen == [200, 200, 503, 200, 503, 200]


def test_served_requests_are_remembered_without_keys() -> None:
    """Tests count pages with this: fewer than ten for a second sync."""
    shop = Shop(Profile(), KEYS)
    with serve(create_app(shop)) as url:
        _get(url, "orders?per_page=5")
        requests.get(f"{url}/nowhere", timeout=5)
    assert [tuple(served) for served in shop.requests_served] == [
        ("GET", "/wp-json/wc/v3/orders", {"per_page": "5"}, 200),
        ("GET", "/nowhere", {}, 404),
    ]
