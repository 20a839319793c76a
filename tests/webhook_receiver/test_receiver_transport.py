"""Hostile and broken requests, on raw sockets."""

import socket
import time
from collections.abc import Callable

import pytest
import requests

from tests.webhook_receiver.receiver_process import SECRET, Receiver, a_body
from webhook_receiver.body import BODY_LIMIT
from webhook_receiver.protocol import MOST_AT_ONCE
from webhook_receiver.signature import sign

PATH = b"/api/customers/webhooks/shop/order.updated"


def a_request(body: bytes, *more: bytes, length: bytes | None = None, version: bytes = b"1.1") -> bytes:
    """Return the bytes of a signed request that asks to close the connection."""
    lines = [
        b"POST " + PATH + b" HTTP/" + version,
        b"Host: x",
        b"Connection: close",
        b"X-WC-Webhook-Signature: " + sign(SECRET, body),
        *more,
        *([] if length == b"" else [b"Content-Length: " + (length or b"%d" % len(body))]),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def status_of(answer: bytes) -> int:
    """Return the status of a raw answer, 0 where there is none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def test_http_1_0_and_chunks_are_understood(receiver: Receiver) -> None:
    """Old proxies speak the one, new ones stream the other."""
    assert status_of(receiver.raw(a_request(a_body(200), version=b"1.0"))) == 200
    body = a_body(201)
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    head = a_request(body, b"Transfer-Encoding: chunked", length=b"").removesuffix(body)
    assert status_of(receiver.raw(head + chunked)) == 200
    assert receiver.inbox.changes_of("shop", "order", 201, 0)[0].body == body


@pytest.mark.parametrize("length", [b"99000000000", b"9" * 400, b"%d" % (BODY_LIMIT + 1)])
def test_a_body_that_says_it_is_too_large_is_refused_unread(receiver: Receiver, length: bytes) -> None:
    """Nothing of it is waited for: this request sends no body at all."""
    answer = receiver.raw(a_request(b"", length=length))
    assert status_of(answer) in (413, 400)
    assert b'{"error":' in answer


def test_a_stream_that_becomes_too_large_is_refused_while_reading(receiver: Receiver) -> None:
    """Chunked bodies declare no length."""

    def stream() -> "object":
        for _ in range(BODY_LIMIT // 65536 + 2):
            yield b"x" * 65536

    try:
        answer = requests.post(receiver.url + PATH.decode(), data=stream(), timeout=20)  # type: ignore[arg-type]
    except requests.ConnectionError:  # closed while we were still sending: refused as well
        return
    assert answer.status_code == 413


def test_the_largest_allowed_body_is_stored(receiver: Receiver) -> None:
    """The limit is where it says."""
    padding = BODY_LIMIT - len(a_body(202, note=""))
    assert receiver.deliver(a_body(202, note="x" * padding)) == (200, {"status": "processed"})
    assert receiver.deliver(a_body(203, note="x" * (padding + 1)))[0] == 413


@pytest.mark.parametrize(
    "request_bytes",
    [
        a_request(a_body(204), b"Content-Length: 5"),
        a_request(a_body(204), length=b"-5"),
        a_request(a_body(204), length=b"ten"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST  HTTP/9.9\r\n\r\n",
        a_request(a_body(204), b"X-Bad\x00: 1"),
    ],
    ids=["two lengths", "negative length", "length in words", "TLS", "no path", "NUL in a header"],
)
def test_what_is_not_http_is_400_in_json(receiver: Receiver, request_bytes: bytes) -> None:
    """Two lengths are how requests are smuggled past a proxy."""
    answer = receiver.raw(request_bytes)
    assert status_of(answer) == 400
    assert answer.endswith(b'{"error":"This is not a valid HTTP request."}')


def test_a_flood_of_headers_is_refused(receiver: Receiver) -> None:
    """20,000 headers are memory that anybody could take."""
    head = a_request(a_body(205)).split(b"\r\n\r\n")[0]
    answer = receiver.raw(head, *(b"\r\nX-%d: %s" % (n, b"y" * 50) for n in range(20_000)), b"\r\n\r\n")
    assert status_of(answer) in (400, 0)  # 0: reset while we were still sending
    assert receiver.inbox.changes_of("shop", "order", 205, 0) == []


def test_half_a_body_stores_nothing(receiver: Receiver) -> None:
    """A shop that dies while sending has not delivered."""
    request = a_request(a_body(206))
    receiver.raw(request[:-5], finish=True)
    with socket.create_connection(("127.0.0.1", receiver.port)) as gone:
        gone.sendall(request[:-5])
    assert receiver.deliver(a_body(207))[0] == 200
    assert receiver.inbox.changes_of("shop", "order", 206, 0) == []


def test_a_client_that_leaves_before_the_answer_harms_nobody(receiver: Receiver) -> None:
    """What was received whole may be stored; the next one is served."""
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", receiver.port)) as gone:
            gone.sendall(a_request(a_body(208)))
    assert receiver.deliver(a_body(209)) == (200, {"status": "processed"})
    assert len(receiver.inbox.changes_of("shop", "order", 208, 0)) <= 1
    assert "Traceback" not in receiver.log.read_text()


def test_half_sent_requests_are_closed_in_time(start: Callable[..., Receiver]) -> None:
    """The server itself would hold such connections for ever, until it has none left for the shop."""
    hurried = start(hurried=True)
    began = time.monotonic()
    assert hurried.raw(b"") == b""
    assert hurried.raw(b"POST /api/customers/webhooks HTTP/1.1\r\nHost: x\r\nX-Slow: ") == b""
    assert status_of(hurried.raw(a_request(b"", length=b"10") + b"abc")) == 408
    done = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    assert status_of(hurried.raw(done + b"GET /healthz HT")) == 200
    assert time.monotonic() - began < 10


def test_connections_beyond_the_cap_are_turned_away_and_room_returns(start: Callable[..., Receiver]) -> None:
    """Idle connections must neither exhaust the process nor lock the shop out for good."""
    hurried = start(hurried=True)
    idle = [socket.create_connection(("127.0.0.1", hurried.port)) for _ in range(MOST_AT_ONCE + 12)]
    try:
        deadline = time.monotonic() + 15
        answers = [hurried.deliver(a_body(300))]
        while answers[-1][0] != 200 and time.monotonic() < deadline:
            answers.append(hurried.deliver(a_body(300)))
    finally:
        for connection in idle:
            connection.close()
    assert {status for status, _ in answers} == {503, 200}
    assert answers[0][1] == {"error": "Too many requests at once. Try again."}


def test_hundreds_of_deliveries_at_once_are_all_taken(receiver: Receiver) -> None:
    """A shop that has imported a catalogue delivers from several runners; each refusal counts against the webhook."""
    numbers = range(1000, 1300)
    open_ones = [socket.create_connection(("127.0.0.1", receiver.port), timeout=30) for _ in numbers]
    try:
        for connection, number in zip(open_ones, numbers, strict=True):
            connection.sendall(a_request(a_body(number)))
        assert {status_of(connection.recv(65536)) for connection in open_ones} == {200}
    finally:
        for connection in open_ones:
            connection.close()
    stored = {row.resource_id for row in receiver.inbox.pending("shop", 0, limit=100_000)}
    assert set(numbers) <= stored
