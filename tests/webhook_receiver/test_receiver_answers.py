"""What a shop is answered, and what lies in the inbox afterwards. Each test uses object ids of its own."""

import gzip
import hmac
from base64 import b64encode
from pathlib import Path

import pytest
import requests

from tests.webhook_receiver.receiver_process import DELIVERIES, SECRET, Receiver, a_body, a_recording, headers_for
from webhook_receiver.signature import sign


@pytest.mark.parametrize("name", DELIVERIES)
def test_a_real_shops_delivery_is_stored_byte_for_byte(receiver: Receiver, name: str) -> None:
    """The whole way on what WooCommerce really sends; error objects under a right signature are set aside."""
    before, dead = receiver.inbox.last_seq("shop"), receiver.inbox.dead_letter_count("shop")
    headers, body = a_recording(name)
    status, answer = receiver.post(body, headers)
    rows = receiver.inbox.pending("shop", before)
    if b'"code":"woocommerce_rest' in body:
        assert (status, answer, rows) == (200, {"status": "ignored"}, [])
        assert receiver.inbox.dead_letter_count("shop") == dead + 1
    else:
        assert (status, answer) == (200, {"status": "processed"})
        assert [(row.topic, row.body) for row in rows] == [(headers["X-WC-Webhook-Topic"], body)]


def test_the_unsigned_ping_is_answered_with_exactly_200(receiver: Receiver) -> None:
    """Anything but 200 and the shop sends another ping after every delivery."""
    before = receiver.inbox.last_seqs(), receiver.inbox.dead_letter_count("shop")
    headers, body = a_recording("01_ping_01_ping")
    assert receiver.post(body, headers) == (200, {"status": "ignored"})
    assert receiver.post(body, headers, path="/api/customers/webhooks/shop/order.updated")[0] == 200
    assert (receiver.inbox.last_seqs(), receiver.inbox.dead_letter_count("shop")) == before


@pytest.mark.parametrize(
    "body", [b"webhook_id=1&x=2", b"webhook_id=", b"webhook_id=1\n", b"webhook_id=" + b"1" * 99, b"x", b"webhook_id=-1"]
)
def test_a_ping_with_anything_more_is_no_ping(receiver: Receiver, body: bytes) -> None:
    """The one unsigned request that is let through must not become a door."""
    assert receiver.post(body, {"Content-Type": "application/x-www-form-urlencoded"})[0] == 401


def test_a_ping_with_webhook_headers_is_no_ping(receiver: Receiver) -> None:
    """A real ping carries none; one with a topic is a delivery, and unsigned."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-WC-Webhook-Topic": "order.updated"}
    assert receiver.post(b"webhook_id=1", headers)[0] == 401


@pytest.mark.parametrize(
    "signature",
    [
        None,
        b"",
        b"wrong",
        sign(SECRET, a_body(50)).replace(b"=", b"!="),
        hmac.new(SECRET.encode(), a_body(50), "sha256").hexdigest().encode(),
        b64encode(hmac.digest(SECRET.encode(), a_body(50), "sha1")),
        sign("another endpoint's secret", a_body(50)),
        "ü\u20ac".encode(),
    ],
    ids=["none", "empty", "wrong", "junk", "hex", "sha1", "other secret", "not ASCII"],
)
def test_a_missing_or_wrong_signature_is_401_and_stores_nothing(receiver: Receiver, signature: bytes | None) -> None:
    """Anybody can reach this address; only the shop may write."""
    headers = {"X-WC-Webhook-Topic": "order.updated", "Content-Type": "application/json"}
    sent = headers if signature is None else {**headers, "X-WC-Webhook-Signature": signature}
    status, answer = receiver.post(a_body(50), sent)  # type: ignore[arg-type]
    assert (status, answer) == (401, {"error": "The signature is missing or wrong."})
    assert receiver.inbox.changes_of("shop", "order", 50, 0) == []


def test_a_doubled_signature_is_401(receiver: Receiver) -> None:
    """A proxy might check one of two headers and we the other."""
    body = a_body(51)
    signature = b"X-WC-Webhook-Signature: " + sign(SECRET, body) + b"\r\n"
    head = b"POST /api/customers/webhooks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-WC-Webhook-Topic: order.updated\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    assert receiver.raw(head + signature + signature + length + body).startswith(b"HTTP/1.1 401")
    assert receiver.raw(head + signature + length + body).startswith(b"HTTP/1.1 200")


def test_re_serialised_json_is_401(receiver: Receiver) -> None:
    """A proxy that "tidies" JSON breaks the signature: what was signed are the bytes."""
    assert receiver.post(a_body(52).replace(b": ", b":"), headers_for(a_body(52)))[0] == 401


def test_a_compressed_body_is_not_unpacked(receiver: Receiver) -> None:
    """Unpacking before verifying would let a small body become a huge one."""
    packed = gzip.compress(a_body(53))
    assert receiver.post(packed, {**headers_for(a_body(53)), "Content-Encoding": "gzip"})[0] == 401
    assert receiver.post(packed, {**headers_for(packed), "Content-Encoding": "gzip"}) == (200, {"status": "ignored"})


def test_the_topic_in_the_address_beats_the_header(receiver: Receiver) -> None:
    """Headers are not signed: a replay could turn an update into a deletion by swapping one."""
    status, answer = receiver.post(
        a_body(60), headers_for(a_body(60), "order.deleted"), path="/api/customers/webhooks/shop/order.created"
    )
    assert (status, answer) == (200, {"status": "processed"})
    assert [row.topic for row in receiver.inbox.changes_of("shop", "order", 60, 0)] == ["order.created"]


def test_an_address_with_a_trailing_slash_works(receiver: Receiver) -> None:
    """People type addresses into WooCommerce; a redirect would count as delivered and never arrive."""
    for path in ("/api/customers/webhooks/", "/api/customers/webhooks/shop/order.created/"):
        assert receiver.post(a_body(61), headers_for(a_body(61)), path=path)[0] == 200


def test_a_topic_that_is_not_merged_is_set_aside(receiver: Receiver) -> None:
    """A shop owner may add a product webhook; refusing it would get it switched off with alarm."""
    topics = ("product.updated", "action.woocommerce_x", "order", "ORDER.UPDATED", "order.exploded" + "d" * 300)
    for topic in topics:
        assert receiver.deliver(a_body(62), topic) == (200, {"status": "ignored"})
    assert receiver.inbox.changes_of("shop", "order", 62, 0) == []
    letters = receiver.inbox.dead_letters("shop", limit=len(topics))
    assert [letter.topic for letter in letters] == [topic[:100] for topic in reversed(topics)]
    assert {letter.reason for letter in letters} == {"the topic is not one of those that are merged"}
    assert {letter.body for letter in letters} == {a_body(62)}


def test_a_dead_letter_keeps_the_ids_that_help_to_find_it_again(receiver: Receiver) -> None:
    """They stand in the shop's log of deliveries too."""
    ids = {"X-WC-Webhook-ID": "12", "X-WC-Webhook-Delivery-ID": "a88a573ccb239b526f82e90ca10128fb"}
    assert receiver.post(b'{"code":"x"}', {**headers_for(b'{"code":"x"}'), **ids})[1] == {"status": "ignored"}
    [letter] = receiver.inbox.dead_letters("shop", limit=1)
    assert (letter.webhook_id, letter.delivery_id) == tuple(ids.values())


def test_a_delivery_without_a_topic_is_400(receiver: Receiver) -> None:
    """A proxy that strips headers must be noticed, not swallow changes."""
    assert receiver.deliver(a_body(63), None)[0] == 400


def test_poison_under_a_right_signature_is_200_and_set_aside(receiver: Receiver) -> None:
    """Refusing it would switch the webhook off after seven; merging it would stop the sync."""
    deep = b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    poison = [b"null", b"[]", b"123", b"", b'{"id": NaN}', b'{"id": "12"}', b'{"id": 0}', b'{"id": -1}', deep]
    before, seen = receiver.inbox.dead_letter_count("shop"), receiver.inbox.last_seq("shop")
    answers = {receiver.deliver(body)[1]["status"] for body in [*poison, b'{"id": 18446744073709551616}']}
    assert answers == {"ignored"}
    assert receiver.inbox.dead_letter_count("shop") == before + len(poison) + 1
    assert receiver.inbox.pending("shop", seen) == []


def test_the_same_delivery_again_is_a_duplicate(receiver: Receiver) -> None:
    """Deliveries repeat; each row costs a merge."""
    assert receiver.deliver(a_body(70)) == (200, {"status": "processed"})
    assert receiver.deliver(a_body(70)) == (200, {"status": "duplicate"})
    assert len(receiver.inbox.changes_of("shop", "order", 70, 0)) == 1


def test_the_same_body_under_another_topic_is_no_duplicate(receiver: Receiver) -> None:
    """order.created is always followed by order.updated with the same bytes: both are told."""
    assert receiver.deliver(a_body(71), "order.created")[1] == {"status": "processed"}
    assert receiver.deliver(a_body(71), "order.updated")[1] == {"status": "processed"}


def test_a_replay_after_a_newer_state_is_stored_again(receiver: Receiver) -> None:
    """The receiver cannot know whether it is a replay or a change back; the sync asks the shop."""
    old, new = a_body(72), a_body(72, modified="2026-11-23T00:00:00")
    answers = [receiver.deliver(body)[1]["status"] for body in (old, new, old)]
    assert answers == ["processed"] * 3


def test_an_undated_deletion_is_never_a_duplicate(receiver: Receiver) -> None:
    """Trash, restore in silence, trash again: the second deletion has the same bytes and is news."""
    answers = [receiver.deliver(b'{"id":73}', "order.deleted")[1]["status"] for _ in range(2)]
    assert answers == ["processed", "processed"]


def test_one_delivery_id_for_three_bodies_loses_none(receiver: Receiver) -> None:
    """WooCommerce makes delivery ids from the second: orders of one second share theirs."""
    for number in (74, 75, 76):
        headers = {**headers_for(a_body(number)), "X-WC-Webhook-Delivery-ID": "a88a573ccb239b526f82e90ca10128fb"}
        assert receiver.post(a_body(number), headers)[1] == {"status": "processed"}


def test_an_update_after_a_deletion_is_kept_in_order(receiver: Receiver) -> None:
    """Order of arrival is evidence for the sync: nothing may be merged away here."""
    receiver.deliver(b'{"id":77}', "order.deleted")
    receiver.deliver(a_body(77), "order.updated")
    assert [row.topic for row in receiver.inbox.changes_of("shop", "order", 77, 0)] == [
        "order.deleted",
        "order.updated",
    ]


def test_an_unknown_shop_is_404(receiver: Receiver) -> None:
    """Before anything is read or verified."""
    path = "/api/customers/webhooks/nobody/order.updated"
    assert receiver.post(a_body(80), headers_for(a_body(80)), path=path) == (
        404,
        {"error": "No such shop is configured here."},
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/customers/webhooks", 405),
        ("PUT", "/api/customers/webhooks/shop/order.updated", 405),
        ("POST", "/healthz", 405),
        ("GET", "/<script>alert(1)</script>", 404),
        ("POST", "/api/customers/webhooks/shop", 404),
    ],
)
def test_other_requests_are_answered_in_json_without_an_echo(
    receiver: Receiver, method: str, path: str, status: int
) -> None:
    """Scripts read these answers, and a browser must not run what somebody else put into an address."""
    answer = requests.request(method, receiver.url + path, data=b"<echo>", timeout=10)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert list(answer.json()) == ["error"]
    assert "<" not in answer.text


def test_health_is_tried_by_a_write(receiver: Receiver) -> None:
    """The supervisor and a person with curl ask here."""
    answer = requests.get(f"{receiver.url}/healthz", timeout=10)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "inbox": "writable", "shops": ["shop"]})
    assert "server" not in answer.headers


def test_the_log_holds_ids_and_no_personal_data(receiver: Receiver) -> None:
    """Logs are copied into tickets: bodies, e-mails, secrets and signatures never stand in them."""
    headers, body = a_recording("02_customer_created_01_customer.created")
    receiver.post(body, headers)
    receiver.post(
        b"anna@example.com", {**headers, "X-WC-Webhook-Topic": "a\x1b[31mb"}, path="/api/customers/webhooks?e=q%40x"
    )
    log = Path(receiver.log).read_text()
    assert "topic=customer.created id=256" in log
    for secret in ("@", SECRET, headers["X-WC-Webhook-Signature"], "\x1b", "q%40x", "Lovelace"):
        assert secret not in log
