"""A shop that delivers flat out over so many connections: `python -m benchmarks.receiver_load PORT FIRST COUNT CONNECTIONS`.

A process of its own, so that what it costs is not charged to the server. The deliveries are made before the clock starts;
each is of another order, dated, of 2.7 KB, signed for its endpoint. It prints the seconds that all of them took.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from hashlib import md5
from time import perf_counter

from regulars.shop.webhook_secrets import RECEIVER_PATH, derived_secret
from webhook_receiver.signature import sign

SHOP, SECRET, TOPIC = "bench", "whsec_bench", "order.updated"
BODY_BYTES = 2700
HEAD = (
    "POST {path}/{shop}/{topic} HTTP/1.1\r\n"
    "Host: 127.0.0.1\r\n"
    "User-Agent: WooCommerce/9.9.5 Hookshot (WordPress/6.8.3)\r\n"
    "Accept: */*\r\n"
    "Content-Type: application/json\r\n"
    "X-WC-Webhook-Source: https://shop.example.com/\r\n"
    "X-WC-Webhook-Topic: {topic}\r\n"
    "X-WC-Webhook-Resource: order\r\n"
    "X-WC-Webhook-Event: updated\r\n"
    "X-WC-Webhook-Signature: {signature}\r\n"
    "X-WC-Webhook-ID: 12\r\n"
    "X-WC-Webhook-Delivery-ID: {delivery}\r\n"
    "Content-Length: {length}\r\n\r\n"
)


class Connection(asyncio.Protocol):
    """One connection: sends the next delivery when the last one is answered, until there is none."""

    def __init__(self, deliveries: Iterator[bytes], ended: asyncio.Future[None]) -> None:
        self._deliveries, self._ended = deliveries, ended
        self._transport: asyncio.Transport | None = None
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Take an answer, which may come in pieces."""
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        if not head.startswith(b"HTTP/1.1 200") or body != b'{"status":"processed"}':
            self._end(RuntimeError(f"answered {self._answer[:200]!r}"))
        self._answer = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail where the server closed before the end."""
        self._end(exc or RuntimeError("the connection was closed"))

    def _send(self) -> None:
        assert self._transport
        delivery = next(self._deliveries, None)
        if delivery is None:
            self._end(None)
            self._transport.close()
        else:
            self._transport.write(delivery)

    def _end(self, error: BaseException | None) -> None:
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)


def delivery(number: int) -> bytes:
    """Return the request that delivers order `number`."""
    order = {
        "id": number,
        "status": "processing",
        "date_modified_gmt": "2026-11-22T08:10:25",
        "line_items": [],
        "x": "",
    }
    order["x"] = "x" * (BODY_BYTES - len(json.dumps(order)))
    body = json.dumps(order).encode()
    head = HEAD.format(
        path=RECEIVER_PATH,
        shop=SHOP,
        topic=TOPIC,
        signature=sign(derived_secret(SECRET, SHOP, TOPIC), body).decode(),
        delivery=md5(b"%d" % (number // 6), usedforsecurity=False).hexdigest(),  # some share a second
        length=len(body),
    )
    return head.encode() + body


async def deliver(port: int, deliveries: list[bytes], connections: int) -> float:
    """Deliver all over so many connections; return the seconds from the first byte to the last answer."""
    loop = asyncio.get_running_loop()
    waiting = iter(deliveries)
    ends = [loop.create_future() for _ in range(connections)]
    started = perf_counter()
    for end in ends:
        await loop.create_connection(lambda end=end: Connection(waiting, end), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*ends)
    return perf_counter() - started


def main(arguments: list[str]) -> None:
    """Deliver, and print the seconds."""
    port, first, count, connections = map(int, arguments)
    deliveries = [delivery(number) for number in range(first, first + count)]
    sys.stdout.write(f"{asyncio.run(deliver(port, deliveries, connections))}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
