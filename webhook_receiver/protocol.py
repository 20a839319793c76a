"""The server's HTTP/1 protocol with a deadline for what uvicorn waits on for ever.

uvicorn closes an idle connection, but not one whose request never gets complete: its timer stops at the first byte.
Such connections count against the concurrency limit until it is reached and the shop is turned away. The deadline for
bodies of requests in progress is the application's (`body.py`).

h11 rather than httptools: it refuses requests whose headers exceed a bound.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEADERS_SECONDS = 10.0
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
