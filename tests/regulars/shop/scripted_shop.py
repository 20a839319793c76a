"""A tiny HTTP server for tests of the client: answers come from a function, or from recordings of a real shop."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from regulars.models import ShopConfig

RECORDINGS = Path(__file__).parents[2] / "fixtures" / "recordings"
KEY, SECRET = "ck_1ab00000000000000000000000000000000000a1", "cs_1ab00000000000000000000000000000000000b2"


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Said:
    """One answer to give."""

    status: int = 200
    body: bytes = b"[]"
    headers: Mapping[str, str] = field(default_factory=dict)


def page(items: list[Any], total: int | None = None, pages: int = 1, **headers: str) -> Said:
    """Return an answer that is one page of a listing."""
    counts = {"X-WP-Total": str(len(items) if total is None else total), "X-WP-TotalPages": str(pages)}
    return Said(200, json.dumps(items).encode(), {"Content-Type": "application/json", **counts, **headers})


def recorded(name: str) -> Said:
    """Return the recorded answer `name` ("errors/no_auth"), the bytes before its JSON put back where it had some."""
    told = json.loads((RECORDINGS / f"{name}.json").read_text())
    body = told["body"]
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    if name.endswith("bom_before_json"):
        raw = b"\xef\xbb\xbf" + raw
    kept = ("content-type", "x-wp-total", "x-wp-totalpages", "retry-after", "link", "date")
    return Said(told["status"], raw, {n: v for n, v in told["headers"] if n.lower() in kept})


@contextmanager
def scripted(answer: Callable[[Asked], Said]) -> Iterator[tuple[str, list[Asked]]]:
    """Serve `answer` on a free port; yield the address and the list of requests, which fills as they come."""
    log: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            asked = Asked(self.command, parts.path, query, dict(self.headers.items()), self.rfile.read(size))
            log.append(asked)
            said = answer(asked)
            if "Date" in said.headers:
                self.send_response_only(said.status)
            else:
                self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(said.body)

        do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", log
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def shop_at(url: str, **changes: Any) -> ShopConfig:
    """Return a shop at `url` with the recorded shop's keys."""
    keys = {"consumer_key": SecretStr(KEY), "consumer_secret": SecretStr(SECRET)}
    return ShopConfig(**{"name": "shop", "url": url, **keys, **changes})
