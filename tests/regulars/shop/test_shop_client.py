"""The WooCommerce client against scripted answers and recordings of a real shop."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
import requests
import trustme

from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from regulars.errors import (
    RegularsError,
    ShopAnswerUnreadable,
    ShopBusy,
    ShopNotFound,
    ShopRecordGone,
    ShopRefused,
    ShopRequestInvalid,
    ShopUnreachable,
)
from regulars.shop.auth import shop_auth
from regulars.shop.client import FIRST_PATIENCE, ShopClient
from regulars.shop.limits import Limiter
from tests.regulars.shop.scripted_shop import KEY, RECORDINGS, SECRET, Asked, Said, page, recorded, scripted, shop_at


def answers(*said: Said) -> Callable[[Asked], Said]:
    """Give these answers in order, the last one again and again."""
    left = list(said)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def client(url: str, slept: list[float] | None = None, **options: object) -> ShopClient:
    """Return a client that notes how long it would sleep and does not."""
    waits = slept if slept is not None else []
    return ShopClient(shop_at(url), sleep=waits.append, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("recording", "error"),
    [
        ("errors/no_auth", ShopRefused),
        ("errors/bad_key", ShopRefused),
        ("errors/bad_secret", ShopRefused),
        ("errors/http_basic_auth", ShopRefused),
        ("errors/write_only_key_reading", ShopRefused),
        ("errors/oauth_old_timestamp", ShopRefused),
        ("errors/forbidden_subscriber_orders", ShopRefused),
        ("errors/no_route", ShopNotFound),
        ("errors/double_slash", ShopNotFound),
        ("errors/legacy_api", ShopNotFound),
        ("errors/order_404", ShopRecordGone),
        ("errors/customer_404", ShopRecordGone),
        ("errors/bad_status_enum", ShopRequestInvalid),
        ("errors/page_0", ShopRequestInvalid),
        ("faults/maintenance_mode", ShopBusy),
        ("faults/fatal", ShopBusy),
    ],
)
def test_a_recorded_refusal_becomes_its_error(recording: str, error: type[RegularsError]) -> None:
    """Each cause asks something else of the reader; only a record's own 404 may ever count as a deletion."""
    with scripted(answers(recorded(recording))) as (url, _), client(url, patience=0.0) as shop:
        with pytest.raises(error) as raised:
            shop.page("orders", {})
        assert type(raised.value) is error


@pytest.mark.parametrize("fault", ["bom_before_json", "php_warning_before_json"])
def test_what_comes_before_the_json_is_passed_over(fault: str) -> None:
    """One plugin with a warning must not stop a shop's sync."""
    with scripted(answers(recorded(f"faults/{fault}"))) as (url, _), client(url) as shop:
        assert [item["id"] for item in shop.page("customers", {}).items] == [151]


def test_recorded_listings_come_as_the_shop_counted_them() -> None:
    """The client passes against a real shop's pages: totals, items and the shop's clock."""
    with scripted(answers(recorded("customers/role-all_orderby-id_per100/page-001"))) as (url, _), client(url) as shop:
        got = shop.page("customers", {"role": "all"})
    assert (got.items[0]["id"], got.items[0]["role"], got.total, got.total_pages) == (1, "administrator", 254, 3)
    assert got.shop_now == datetime(2026, 11, 22, 8, 7, 4, tzinfo=UTC)


def signature(url: str) -> str:
    """Return the signature a real shop expects for `url`: OAuth 1.0a, HMAC-SHA256, no token."""
    parts = urlsplit(url)
    pairs = sorted(pair for pair in parse_qsl(parts.query) if pair[0] != "oauth_signature")
    base = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    signed = "&".join(quote(part, safe="") for part in ("GET", f"{parts.scheme}://{parts.netloc}{parts.path}", base))
    return base64.b64encode(hmac.digest(f"{SECRET}&".encode(), signed.encode(), "sha256")).decode()


def test_a_signature_is_what_a_real_shop_accepts() -> None:
    """The rule is proved by a recorded request that was answered with 200; ours must satisfy the same rule."""
    accepted = json.loads((RECORDINGS / "auth/oauth_sha256_http.json").read_text())["request"]["url"]
    ours = requests.Request(
        "GET",
        "http://127.0.0.1:8089/wp-json/wc/v3/orders",
        params={"include": "1,2", "search": "Ána & söhne"},
        auth=shop_auth(shop_at("http://127.0.0.1:8089")),
    ).prepare()
    for url in (accepted, str(ours.url)):
        assert dict(parse_qsl(urlsplit(url).query))["oauth_signature"] == signature(url)


def test_each_page_is_signed_anew_and_asks_for_ids_with_commas() -> None:
    """A nonce counts once, and `include[]=1&include[]=2` breaks the signature of a real shop."""
    with scripted(answers(page([{"id": 1}]))) as (url, asked), client(url) as shop:
        list(shop.get_by_ids("orders", [3, 1, 2, 3], {"status": "any"}))
        shop.page("orders", {})
    assert asked[0].query["include"] == "1,2,3"
    assert asked[0].query["oauth_nonce"] != asked[1].query["oauth_nonce"]
    assert asked[0].query["oauth_signature_method"] == "HMAC-SHA256"
    assert SECRET not in str(asked)


def test_the_demo_shop_accepts_both_ways_to_sign(tmp_path: object) -> None:
    """OAuth over http and Basic over https with a private CA, against a server that checks them as a real one does."""
    shop = generate(people=5, keys=(ApiKey(KEY, SECRET),))
    authority = trustme.CA()
    cert = authority.issue_cert("127.0.0.1")
    with (
        authority.cert_pem.tempfile() as ca,
        cert.private_key_and_cert_chain_pem.tempfile() as pem,
        serve(create_app(shop)) as plain,
        serve(create_app(shop), certfile=pem, keyfile=pem) as tls,
    ):
        with ShopClient(shop_at(plain)) as http, ShopClient(shop_at(tls, ca_file=ca)) as https:
            assert http.page("orders", {}).total == https.page("orders", {}).total == http.head_total("orders", {})
        with client(tls) as stranger, pytest.raises(ShopUnreachable, match="REGULARS_CA_FILE") as raised:
            stranger.page("orders", {})
    assert stranger.requests_sent == 1
    assert "again" not in raised.value.sentence()


def test_a_redirect_is_not_followed_and_names_the_address_to_set() -> None:
    """Following it would hand the key to another host, or send it in the clear."""
    moved = Said(301, b"", {"Location": "https://www.shop.example/wp-json/wc/v3/orders?oauth_signature=abc"})
    with scripted(answers(moved)) as (url, asked), client(url) as shop:
        with pytest.raises(ShopNotFound, match=r"WOOCOMMERCE_URL to https://www\.shop\.example if") as raised:
            shop.page("orders", {})
        assert len(asked) == 1
    assert "oauth" not in str(raised.value)


def test_a_shop_in_trouble_is_asked_again() -> None:
    """A fatal error and a busy moment pass; a sync of an hour must not die of them."""
    busy = Said(429, b"{}", {"Retry-After": "7"})
    slept: list[float] = []
    with scripted(answers(recorded("faults/fatal"), busy, page([{"id": 1}]))) as (url, asked):
        with client(url, slept) as shop:
            assert shop.page("orders", {}).items == [{"id": 1}]
        assert len(asked) == 3
    assert slept[0] < 1
    assert 7 <= slept[1] <= 8


@pytest.mark.parametrize("after", ["600", "Sun, 22 Nov 2099 08:00:00 GMT"])
def test_a_shop_that_wants_us_back_much_later_is_left_alone_at_once(after: str) -> None:
    """Waiting ten minutes would hold the warehouse; the error says when to come back."""
    slept: list[float] = []
    with scripted(answers(Said(503, b"{}", {"Retry-After": after}))) as (url, asked), client(url, slept) as shop:
        with pytest.raises(ShopBusy, match="wants us back in") as raised:
            shop.page("orders", {})
        assert len(asked) == 1
    assert raised.value.retry_after is not None
    assert raised.value.retry_after >= 600
    assert slept == []


def test_patience_ends() -> None:
    """A shop that is down all day must end in an error, not in a run that never ends."""
    slept: list[float] = []
    with scripted(answers(recorded("faults/fatal"))) as (url, asked), client(url, slept) as shop:
        with pytest.raises(ShopBusy):
            shop.page("orders", {})
        assert 2 < len(asked) <= 8
    assert sum(slept) < 90


def test_a_dropped_connection_is_tried_again() -> None:
    """Idle connections are closed by proxies all the time."""
    demo = generate(people=5, keys=(ApiKey(KEY, SECRET),))
    with serve(create_app(demo)) as url, client(url) as shop:
        demo.faults.add("drop", times=2)
        assert shop.page("orders", {}).total > 0


def test_a_write_is_never_sent_twice() -> None:
    """A shop that did not answer may have obeyed: a second try would make a second customer."""
    with scripted(answers(recorded("faults/fatal"))) as (url, asked), client(url) as shop:
        with pytest.raises(ShopBusy):
            shop.post("customers", {"email": "a@example.com"})
        assert [one.method for one in asked] == ["POST"]


def test_writes_carry_json_and_return_the_record() -> None:
    """Create and update of customers go the same signed way."""
    shop = generate(people=5, keys=(ApiKey(KEY, SECRET),))
    with serve(create_app(shop)) as url, client(url) as api:
        made = api.post("customers", {"email": "new@example.com", "first_name": "Ása"})
        changed = api.put(f"customers/{made['id']}", {"first_name": "Åsa"})
    assert (made["first_name"], changed["first_name"]) == ("Ása", "Åsa")


def test_a_listing_ends_where_the_shop_says_and_not_at_a_short_page() -> None:
    """WooCommerce drops records it cannot load after counting them: a short or empty page is not the last one."""
    told = {
        1: page([{"id": 1}], total=5, pages=3),
        2: page([], total=0, pages=0),
        3: page([{"id": 5}], total=5, pages=3),
    }
    with scripted(lambda asked: told[int(asked.query["page"])]) as (url, asked), client(url) as shop:
        assert [item["id"] for one in shop.pages("orders", {}) for item in one.items] == [1, 5]
        assert len(asked) == 3


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            Said(200, b"<html><head><title>Coming soon</title></head></html>", {"Content-Type": "text/html"}),
            "Coming soon",
        ),
        (Said(200, b"", {"Content-Type": "text/plain"}), "empty"),
        (Said(200, b'[{"id": 1, "meta_data": []', {"Content-Type": "application/json"}), "not JSON"),
        (Said(200, b'<br />\nWarning\n[{"id": 1, "meta_data": []', {"Content-Type": "application/json"}), "not JSON"),
        (Said(200, b'{"id": 1}', {"Content-Type": "application/json"}), "no list"),
        (Said(200, b'[{"id": 1}]', {"Content-Type": "application/json"}), "X-WP-TotalPages"),
    ],
)
def test_an_answer_that_is_no_listing_is_refused_in_words(said: Said, words: str) -> None:
    """A page for people, a truncated one or a stripped header must never count as an empty shop."""
    with scripted(answers(said)) as (url, _), client(url) as shop, pytest.raises(ShopAnswerUnreadable, match=words):
        shop.page("orders", {})


def test_an_answer_of_any_size_does_not_fill_the_memory() -> None:
    """A broken shop may send without end."""
    with (
        scripted(answers(page([{"id": 1, "x": "y" * 5000}]))) as (url, _),
        client(url, largest_bytes=2000) as shop,
        pytest.raises(ShopAnswerUnreadable, match="larger than"),
    ):
        shop.page("orders", {})


@pytest.mark.parametrize("recording", ["errors/bad_secret", "errors/no_route", "faults/maintenance_mode"])
def test_no_error_tells_a_key_or_a_query(recording: str) -> None:
    """Errors are shown on screens and kept in logs, with their causes."""
    with (
        scripted(answers(recorded(recording))) as (url, _),
        client(url, patience=0.0) as shop,
        pytest.raises(RegularsError) as raised,
    ):
        shop.page("orders", {"search": "someone@example.com"})
    _tells_nothing(raised.value)


def test_no_error_of_the_connection_tells_a_key_or_a_query() -> None:
    """The libraries below put the whole signed address into their errors."""
    with scripted(answers(page([]))) as (url, _):
        pass
    with client(url, patience=0.0) as shop, pytest.raises(ShopUnreachable) as raised:
        shop.page("orders", {"search": "someone@example.com"})
    _tells_nothing(raised.value)


def test_a_shop_that_never_answered_is_given_up_sooner_than_one_that_falls_silent() -> None:
    """A wrong address should be told in seconds; a shop that works and is gone for a moment deserves a minute."""
    never: list[float] = []
    silent: list[float] = []
    with scripted(answers(page([]))) as (url, _):
        known = client(url, silent)
        known.page("orders", {})
        known.close()  # its kept connection would outlive the server
    for shop, waits in ((client(url, never), never), (known, silent)):
        with shop, pytest.raises(ShopUnreachable):
            shop.page("orders", {})

        assert waits
    assert max(never) < FIRST_PATIENCE <= max(silent)


def _tells_nothing(error: BaseException | None) -> None:
    while error is not None:
        assert not any(word in f"{error!r} {error}" for word in (KEY, SECRET, "oauth", "someone@"))
        error = error.__cause__ or error.__context__


def test_requests_are_spaced_evenly() -> None:
    """A host that allows 25 requests a minute counts bursts too."""
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    limiter = Limiter(30, clock=lambda: now[0], sleep=sleep)
    for _ in range(4):
        with limiter.turn("GET"):
            pass
    assert slept == [2.0, 2.0, 2.0]


def test_the_index_needs_no_key_and_tells_zone_and_clock() -> None:
    """The shop's days, and whether its clock is ours, are known before a key is tried."""
    body = (
        b'{"name": "S", "url": "u", "home": "h", "gmt_offset": "5.5", "timezone_string": "", "namespaces": ["wc/v3"]}'
    )
    said = Said(200, body, {"Content-Type": "application/json", "Date": "Sun, 22 Nov 2026 08:00:00 GMT"})
    with scripted(answers(said)) as (url, asked), client(url) as shop:
        index = shop.index()
    assert (index.timezone, index.server_now) == ("Asia/Kolkata", datetime(2026, 11, 22, 8, tzinfo=UTC))
    assert "oauth_signature" not in asked[0].query
    assert "Authorization" not in asked[0].headers


def test_a_wordpress_without_woocommerce_is_told_apart() -> None:
    """Otherwise the first message would be about a missing route."""
    said = Said(200, b'{"namespaces": ["wp/v2"]}', {"Content-Type": "application/json"})
    with (
        scripted(answers(said)) as (url, _),
        client(url) as shop,
        pytest.raises(ShopNotFound, match="WooCommerce active"),
    ):
        shop.index()
