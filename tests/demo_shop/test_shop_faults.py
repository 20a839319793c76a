"""Faults that tests of the client switch on, and what the shop remembers of requests."""

import json

import pytest
import requests
from requests_oauthlib import OAuth1

from demo_shop.changes import Shop
from demo_shop.faults import BOM, FATAL, MAINTENANCE, WARNING
from demo_shop.model import Profile
from demo_shop.server import create_app, serve
from tests.demo_shop.recorded_shop import KEY, KEYS, recording


def _get(url: str, path: str = "customers") -> requests.Response:
    sign = OAuth1(KEY.consumer_key, KEY.consumer_secret, signature_method="HMAC-SHA256", signature_type="query")
    return requests.get(f"{url}/wp-json/wc/v3/{path}", auth=sign, timeout=5)


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
