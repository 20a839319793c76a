"""The server's HTTP/1 protocol with a deadline for what uvicorn waits on for ever.

uvicorn closes an idle connection, but not one whose request never gets complete: its timer stops at the first byte.
Such connections count against the concurrency limit until it is reached and the shop is turned away. The deadline for
bodies of requests in progress is the application's (`body.py`).

What comes beyond a bound of connections or of requests under way is turned away, in JSON as every other error. The bound
is high, and memory has bounds of its own: a shop that delivers hundreds of orders at once should be served, not refused.

h11 rather than httptools: it refuses requests whose headers exceed a bound.
"""

import asyncio
import logging

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

LOG = logging.getLogger(__name__)

HEADERS_SECONDS = 10.0
# Below the thousand files that a process may have open where nobody says otherwise.
MOST_AT_ONCE = 512
TOO_MANY = b'{"error":"Too many requests at once. Try again."}'
BAD_REQUEST = b'{"error":"This is not a valid HTTP request."}'


class GuardedProtocol(H11Protocol):
    """Closes a connection that completed no request head for ten seconds and has none in progress."""

    _guard: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start watching the new connection."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        if self._guard is not None:
            self._guard.cancel()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Serve what has arrived, or turn it away where too much is under way."""
        full = len(self.connections) > MOST_AT_ONCE or len(self.tasks) >= MOST_AT_ONCE
        self.app = turned_away if full else self.config.loaded_app
        super().handle_events()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the server's own text is not JSON
        """Answer a request that cannot be parsed in JSON, as every other error."""
        head = (
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n" % len(BAD_REQUEST)
        )
        if self.cycle is None or self.cycle.response_complete:  # else a valid request's answer is under way
            self.transport.write(head + BAD_REQUEST)
        self.transport.close()

    def _watch(self) -> None:
        self._guard = self.loop.call_later(HEADERS_SECONDS, self._look, self.cycle)

    def _look(self, seen: RequestResponseCycle | None) -> None:
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self.cycle is seen:
            self.transport.close()
        else:
            self._watch()


async def turned_away(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer 503: the shop counts it as failed, and a proxy tries again."""
    LOG.warning("a request was turned away: %d connections or requests at once are the bound", MOST_AT_ONCE)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(TOO_MANY)),
        (b"retry-after", b"5"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": TOO_MANY})
