"""The shop on the wire: a Starlette application and a way to run it beside a test."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from email.utils import formatdate

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from demo_shop import faults
from demo_shop.answers import NO_CACHE, Answer, Incoming
from demo_shop.changes import Shop
from demo_shop.control import PREFIX, control
from demo_shop.faults import Fault
from demo_shop.routes import Site
from demo_shop.store import Served
from demo_shop.webhooks import Webhooks, start_courier

START_SECONDS = 30
PIECES = 10
TRANSPORT = "demo_shop.transport"
"""The name under which a request's scope holds its connection."""


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
    request, shop = _incoming(scope, body), site.shop
    if request.path.startswith(PREFIX):
        await _send(control(shop, request, (scope.get("client") or ("",))[0]), request.method, shop, send)
        return
    fault = shop.faults.strike(request.method, request.path)
    seconds = shop.faults.delay(time.monotonic()) + (fault.seconds if fault and fault.kind == "slow" else 0.0)
    if seconds:
        await asyncio.sleep(seconds)
    if fault and fault.kind == "reset":
        await _reset(scope)
        return
    answer = _answer(site, request, fault)
    if fault and fault.kind == "reset_after":
        await _reset(scope)
    elif fault and fault.kind == "drop":
        await _drop(answer, send)
    else:
        slowly = fault.seconds if fault and fault.kind == "slow_body" else 0.0
        await _send(answer, request.method, shop, send, slowly)


def _answer(site: Site, request: Incoming, fault: Fault | None) -> Answer:
    """Answer a request, spoilt by a fault if there is one, and remember that it was served."""
    shop, method, path = site.shop, request.method, request.path
    query = {
        name: value
        for name, value in request.raw.items()
        if isinstance(value, str) and not name.startswith(("oauth_", "consumer_"))
    }
    with shop.locked():
        for callback in list(shop.callbacks):
            callback(method, path, query)
        answer = _broken(fault) if fault else None
        answer = answer or site.handle(request)
        if fault:
            _spoil(fault, answer)
        shop.count_request(Served(method, path, query, answer.status))
    return answer


async def _send(answer: Answer, method: str, shop: Shop, send: Send, slowly: float = 0.0) -> None:
    """Send an answer with the shop's clock as its ``Date``; ``slowly`` in ten pieces over so many seconds."""
    date = ("Date", formatdate(shop.clock(), usegmt=True))
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in [*answer.headers, date, ("Content-Length", str(len(answer.body)))]
        if not (method == "HEAD" and name == "Content-Length")
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = answer.body
    if slowly:
        step = len(body) // PIECES + 1
        while len(body) > step:
            await send({"type": "http.response.body", "body": body[:step], "more_body": True})
            body = body[step:]
            await asyncio.sleep(slowly / PIECES)
    await send({"type": "http.response.body", "body": body})


async def _reset(scope: Scope) -> None:
    """Reset the connection: no more than the other end's error is left of it."""
    transport: asyncio.Transport = scope["extensions"][TRANSPORT]
    linger_not = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
    transport.abort()
    await asyncio.sleep(0)


class Protocol(HttpToolsProtocol):
    """uvicorn's own protocol, which also hands the connection to the application: faults end it in their ways."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]


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
    if fault.kind in ("html", "login"):
        page, status = (faults.BAD_GATEWAY, 502) if fault.kind == "html" else (faults.LOGIN, 200)
        return Answer(status, page, [("Content-Type", "text/html")])
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
        http=Protocol,
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
