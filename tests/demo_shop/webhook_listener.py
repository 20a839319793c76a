"""A receiver of webhooks for tests: keeps what it was sent and answers what it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Delivery:
    """One request that arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def topic(self) -> str:
        """The topic, or ``ping``."""
        return self.headers.get("x-wc-webhook-topic", "ping")


@dataclass
class Listener:
    """What arrived, and the status it answers with next (the last one stays)."""

    url: str
    statuses: list[int] = field(default_factory=lambda: [200])
    arrived: list[Delivery] = field(default_factory=list)

    def topics(self) -> list[str]:
        """Return the topics in order of arrival."""
        return [delivery.topic for delivery in self.arrived]

    def told(self) -> list[Delivery]:
        """Return the deliveries without pings."""
        return [delivery for delivery in self.arrived if delivery.topic != "ping"]


@contextmanager
def listening() -> Iterator[Listener]:
    """Run a receiver on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            listener.arrived.append(Delivery({k.lower(): v for k, v in self.headers.items()}, body))
            status = listener.statuses[0] if len(listener.statuses) == 1 else listener.statuses.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener = Listener(f"http://127.0.0.1:{server.server_address[1]}/hooks")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
