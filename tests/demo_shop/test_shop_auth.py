"""Who gets in: secrets over HTTPS, signatures over HTTP, and what the shop silently ignores."""

import json
import time

import pytest
import requests
from requests_oauthlib import OAuth1

from demo_shop.answers import Answer, Incoming
from demo_shop.changes import Shop
from demo_shop.model import Profile
from demo_shop.server import create_app, serve
from tests.demo_shop.recorded_shop import KEY, KEYS, Asker, basic, recording

SIGNED = ["auth/oauth_sha256_http", "auth/oauth_sha1_http", "auth/oauth_header_http", "auth/oauth_over_https"]


def _asker() -> Asker:
    return Asker(Shop(Profile(), KEYS))


def _code(answer: Answer) -> str:
    body = json.loads(answer.body)
    return str(body["code"]) if isinstance(body, dict) else "ok"


@pytest.mark.parametrize("name", SIGNED)
def test_signatures_that_the_real_shop_accepted_are_accepted(name: str) -> None:
    """These are golden vectors: made by a real client, accepted by the real shop."""
    assert _asker().ask(recording(name)).status == 200


@pytest.mark.parametrize("name", SIGNED)
def test_the_same_signature_is_not_accepted_twice(name: str) -> None:
    """A client that retries must sign anew; a shop without the nonce check would hide that."""
    asker = _asker()
    asker.ask(recording(name))
    again = asker.ask(recording(name))
    assert (again.status, json.loads(again.body)["message"]) == (401, "Invalid nonce - nonce has already been used.")


@pytest.mark.parametrize(("seconds", "status"), [(-901, 401), (-899, 200), (899, 200), (901, 401)])
def test_a_timestamp_may_be_fifteen_minutes_off(seconds: int, status: int) -> None:
    """A wrong clock is a common cause of 401; the doctor has to be able to meet it."""
    found = recording("auth/oauth_sha256_http")
    asker = _asker()
    stamp = 1795334868
    request = found["request"]
    asker.ask(found)  # sets the clock
    asker = _asker()
    asker.shop.clock = lambda: stamp + seconds
    where, _, query = request["url"].removeprefix("http://127.0.0.1:8089").partition("?")
    answer = asker.site.handle(Incoming("GET", "http", "127.0.0.1:8089", where, query))
    assert answer.status == status


def test_a_client_that_signs_brackets_is_refused_as_php_renames_them() -> None:
    """``include[]=1&include[]=2`` is read as ``include[0]`` and ``include[1]``: the signature no longer fits."""
    shop = Shop(Profile(), KEYS)
    sign = OAuth1(KEY.consumer_key, KEY.consumer_secret, signature_method="HMAC-SHA256", signature_type="query")
    with serve(create_app(shop)) as url:
        address = f"{url}/wp-json/wc/v3/customers"
        spelled = {
            "include[]=1&include[]=2": 401,
            "include%5B0%5D=1&include%5B1%5D=2": 200,
            "include=1,2": 200,
        }
        for query, status in spelled.items():
            assert requests.get(f"{address}?{query}", auth=sign, timeout=5).status_code == status, query


def test_a_foreign_signer_gets_in_over_http_by_query_and_by_header() -> None:
    """requests-oauthlib is the signer of the real client and knows nothing of this code."""
    shop = Shop(Profile(), KEYS)
    with serve(create_app(shop)) as url:
        for kind in ("query", "auth_header"):
            sign = OAuth1(KEY.consumer_key, KEY.consumer_secret, signature_method="HMAC-SHA256", signature_type=kind)
            path = "orders?status=any,trash&modified_after=2026-01-01T00:00:00%2B01:00&_fields=id,total"
            answer = requests.get(f"{url}/wp-json/wc/v3/{path}", auth=sign, timeout=5)
            assert answer.status_code == 200, answer.text


def test_posted_json_is_not_part_of_the_signature() -> None:
    """OAuth covers the query only; a shop that signed JSON too would refuse every write of a right client."""
    shop = Shop(Profile(), KEYS)
    sign = OAuth1(KEY.consumer_key, KEY.consumer_secret, signature_method="HMAC-SHA256", signature_type="query")
    with serve(create_app(shop)) as url:
        sent = {"email": "new@example.com"}
        answer = requests.post(f"{url}/wp-json/wc/v3/customers", json=sent, auth=sign, timeout=5)
    assert (answer.status_code, answer.json()["email"]) == (201, "new@example.com")


@pytest.mark.parametrize(
    ("scheme", "query", "authorization", "status"),
    [
        ("https", "", basic(KEY), 200),
        ("http", "", basic(KEY), 401),
        ("https", f"consumer_key={KEY.consumer_key}&consumer_secret={KEY.consumer_secret}", "", 200),
        ("http", f"consumer_key={KEY.consumer_key}&consumer_secret={KEY.consumer_secret}", "", 401),
        ("https", "", "Basic !!", 401),
        ("https", "", "", 401),
    ],
)
def test_secrets_count_over_https_only(scheme: str, query: str, authorization: str, status: int) -> None:
    """Over HTTP the shop ignores Basic without a word: the commonest misconfiguration of all."""
    asker = _asker()
    answer = asker.site.handle(Incoming("GET", scheme, "shop.example", "/wp-json/wc/v3/orders", query, authorization))
    assert (answer.status, _code(answer)) == (status, "ok" if status == 200 else "woocommerce_rest_cannot_view")


def test_a_head_request_is_signed_as_such_and_has_the_totals() -> None:
    """A cheap look at the number of orders before a sync."""
    shop = Shop(Profile(), KEYS)
    sign = OAuth1(KEY.consumer_key, KEY.consumer_secret, signature_method="HMAC-SHA256", signature_type="query")
    with serve(create_app(shop)) as url:
        answer = requests.head(f"{url}/wp-json/wc/v3/orders", auth=sign, timeout=5)
    assert (answer.status_code, answer.headers["X-WP-Total"], answer.content) == (200, "0", b"")


def test_the_index_needs_no_key_and_tells_the_time_zone() -> None:
    """The shop's days come from here, before any key is known to work."""
    answer = _asker().site.handle(Incoming("GET", "http", "shop.example:81", "/wp-json/"))
    body = json.loads(answer.body)
    assert (answer.status, body["timezone_string"], body["home"]) == (200, "Europe/Berlin", "http://shop.example:81")


def test_a_page_outside_the_api_is_html() -> None:
    """A wrong base path ends here: the client must say so instead of failing on JSON."""
    answer = _asker().site.handle(Incoming("GET", "http", "shop.example", "/shop/wp-json/wc/v3/orders"))
    assert (answer.status, answer.body[:15]) == (404, b"<!DOCTYPE html>")


def test_the_date_header_is_the_shops_clock() -> None:
    """A cursor must never pass the shop's own clock, which a client reads here."""
    shop = Shop(Profile(), KEYS, clock=lambda: 1_000_000_000.0)
    with serve(create_app(shop)) as url:
        answer = requests.get(f"{url}/wp-json/", timeout=5)
    assert answer.headers["Date"] == "Sun, 09 Sep 2001 01:46:40 GMT"
    assert time.time() > 1_000_000_000
