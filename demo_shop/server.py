"""The shop on the wire: a Starlette application and a way to run it beside a test."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from email.utils import formatdate

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from demo_shop import faults
from demo_shop.answers import NO_CACHE, Answer, Incoming
from demo_shop.changes import Shop
from demo_shop.faults import Fault
from demo_shop.routes import Site
from demo_shop.store import Served
from demo_shop.webhooks import Webhooks, start_courier

START_SECONDS = 30


def create_app(shop: Shop, webhooks: Webhooks | None = None) -> Starlette:
    """Return the application that serves a shop.

    ``webhooks`` is made where none is given and stays reachable as ``app.state.webhooks``; its courier runs while the
    application does. Whether a request counts as HTTPS is the ASGI scheme; addresses in bodies, and the address that
    signatures cover, are those of the ``Host`` header.
    """
    hooks = webhooks or Webhooks(shop)
    site = Site(shop, hooks)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        stop = start_courier(hooks)
        try:
            yield
        finally:
            await asyncio.to_thread(stop)

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        await _serve_one(site, scope, receive, send)

    app = Starlette(routes=[Mount("/", app=endpoint)], lifespan=lifespan)
    app.state.shop, app.state.webhooks = shop, hooks
    return app


async def _serve_one(site: Site, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    try:
        body = await Request(scope, receive).body()
    except ClientDisconnect:
        return
    request = _incoming(scope, body)
    method, path = request.method, request.path
    fault = site.shop.faults.strike(method, path)
    if fault and fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    with site.shop.locked():
        answer = _broken(fault) if fault else None
        answer = answer or site.handle(request)
        if fault:
            _spoil(fault, answer)
        query = {
            name: value
            for name, value in request.raw.items()
            if isinstance(value, str) and not name.startswith(("oauth_", "consumer_"))
        }
        site.shop.count_request(Served(method, path, query, answer.status))
    date = ("Date", formatdate(site.shop.clock(), usegmt=True))
    if fault and fault.kind == "drop":
        await _drop(answer, send)
        return
    response = Response(answer.body, status_code=answer.status)
    response.raw_headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in [*answer.headers, date, ("Content-Length", str(len(answer.body)))]
        if not (method == "HEAD" and name == "Content-Length")
    ]
    await response(scope, receive, send)


def _incoming(scope: Scope, body: bytes) -> Incoming:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return Incoming(
        method=scope["method"],
        scheme=scope["scheme"],
        host=headers.get("host", "127.0.0.1"),
        path=raw_path.decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        authorization=headers.get("authorization", ""),
        body=body,
    )


def _broken(fault: Fault) -> Answer | None:
    """Return the answer of a fault that keeps the shop from answering at all."""
    json_type = ("Content-Type", "application/json; charset=UTF-8")
    retry = ("Retry-After", str(fault.retry_after))
    if fault.kind == "maintenance":
        return Answer(503, faults.MAINTENANCE, [json_type, retry, *NO_CACHE])
    if fault.kind == "rate_limited":
        return Answer(429, faults.RATE_LIMITED, [json_type, retry])
    if fault.kind == "fatal":
        return Answer(500, faults.FATAL, [json_type, *NO_CACHE])
    if fault.kind == "html":
        return Answer(502, faults.BAD_GATEWAY, [("Content-Type", "text/html")])
    return None


def _spoil(fault: Fault, answer: Answer) -> None:
    """Put what a plugin or an editor left behind before a right answer."""
    if fault.kind == "warning":
        answer.body = faults.WARNING + answer.body
    elif fault.kind == "bom":
        answer.body = faults.BOM + answer.body


async def _drop(answer: Answer, send: Send) -> None:
    """Promise the whole answer, send half of it and return: the server then closes the connection."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer.body) + 1).encode()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})


def configure(app: Starlette, *, certfile: str | None = None, keyfile: str | None = None) -> uvicorn.Config:
    """Return how uvicorn runs the shop: quiet, without its own ``Date`` and ``Server`` headers."""
    return uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        ws="none",
        lifespan="on",
        ssl_certfile=certfile,
        ssl_keyfile=keyfile,
        timeout_graceful_shutdown=2,
    )


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket. Raises ``OSError`` when the address is taken."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def address_of(sock: socket.socket, *, secure: bool) -> str:
    """Return the base URL at which a listening socket is reached."""
    host, port = sock.getsockname()[:2]
    return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


@contextmanager
def serve(
    app: Starlette,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    certfile: str | None = None,
    keyfile: str | None = None,
) -> Iterator[str]:
    """Serve an application in a thread and yield its base URL (no slash at the end); port 0 takes a free one.

    Raises ``OSError`` when the address is taken, ``TimeoutError`` when the server does not start.
    """
    sock = listen(host, port)
    url = address_of(sock, secure=certfile is not None)
    app.state.shop.home = url
    server = uvicorn.Server(configure(app, certfile=certfile, keyfile=keyfile))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="demo-shop", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise TimeoutError("the demo shop did not start")
            thread.join(0.01)
        yield url
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()
