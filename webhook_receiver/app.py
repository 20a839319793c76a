"""The receiver's routes: webhooks in, change rows on disk, health out.

A delivery is answered 200 only once its row is committed. Everything that is not 2xx counts as a failure with the shop,
which never sends it again and switches the webhook off after a few: 503 is for storage alone, and what is signed but
makes no sense is kept aside and answered 200. No answer repeats anything that was sent.
"""

import asyncio
import logging
import re
import time
from datetime import UTC, datetime

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from regulars.errors import RegularsError
from regulars.inbox.delivery import TOPICS, Delivery, kept_topic, read_content
from regulars.models import ShopConfig
from regulars.settings import NO_SHOP, Settings
from regulars.shop.webhook_secrets import RECEIVER_PATH, accepted_secrets, present_secret
from webhook_receiver.body import BodyReader
from webhook_receiver.counters import DELIVERIES
from webhook_receiver.inbox import InboxWriter
from webhook_receiver.signature import verifies

LOG = logging.getLogger(__name__)

TOPIC_HEADER = b"x-wc-webhook-topic"
CONTENT_TYPE = b"content-type"
OUR_HEADERS = (b"x-wc-", CONTENT_TYPE)
# What WooCommerce sends, unsigned, when a webhook is saved. Anything else but a 200 makes it send one after each event.
PING = re.compile(rb"webhook_id=[0-9]{1,20}")
PING_TYPE = b"application/x-www-form-urlencoded"
UNSIGNED_ID = re.compile(rb"[0-9A-Za-z-]{1,64}")


class Receiver:
    """The handlers, and what they share: the shops, the inbox, the memory for bodies."""

    def __init__(self, settings: Settings, inbox: InboxWriter) -> None:
        self._shops, self._broken = settings.shops, settings.broken_shops
        self._secret_named = (
            f"webhook_secret in {settings.shops_file}" if settings.shops_file.exists() else "WOOCOMMERCE_WEBHOOK_SECRET"
        )
        # Those of the addresses that shops deliver to; for any other topic in an address they are made when it comes.
        self._secrets = {
            (shop.name, topic): accepted_secrets(shop, topic)
            for shop in self._shops.values()
            for topic in (None, *TOPICS)
        }
        self._inbox = inbox
        self._bodies = BodyReader()
        self._said: list[str] = []

    def announce(self) -> None:
        """Log what deliveries will be refused for want of a setting, in one line each."""
        if not self._shops:
            LOG.warning("Webhooks are answered 404. %s", NO_SHOP)
        for sentence in self._broken.values():
            LOG.warning("%s Its webhooks are answered 404; the other shops go on without it.", sentence)
        for shop in self._shops.values():
            if not present_secret(shop):
                LOG.warning("Webhooks of shop %s are answered 401: set %s.", shop.name, self._secret_named)

    async def webhook(self, request: Request) -> Response:
        """Verify one delivery and commit it: 200 with `processed`, `duplicate` or `ignored`."""
        started, received_at = time.perf_counter(), datetime.now(UTC)
        shop = self._shop(request)
        with self._bodies.reading() as reading:
            body = await reading.read(request)
            told = _told_by(request)
            if _is_ping(told, body):
                LOG.info("webhook shop=%s ping", shop.name)
                return _json(200, {"status": "ignored"})
            self._verify(shop, request, body)
            topic = _topic(request, told)
            delivery = Delivery(
                shop=shop.name,
                topic=topic,
                content=read_content(topic, body),
                body=body,
                received_at=received_at,
                webhook_id=_unsigned_id(told, b"x-wc-webhook-id"),
                delivery_id=_unsigned_id(told, b"x-wc-webhook-delivery-id"),
            )
            outcome = await self._store(delivery)
        DELIVERIES.count(outcome)
        content = delivery.content
        named = topic if topic in TOPICS else "other"  # a header that nobody signed: its text stands in no log
        dead = f" dead letter: {content.reason}" if content.reason else ""
        milliseconds = (time.perf_counter() - started) * 1000
        self._say(f"shop={shop.name} topic={named} id={content.resource_id} {outcome} ms={milliseconds:.0f}{dead}")
        return _json(200, {"status": outcome})

    async def healthz(self, _request: Request) -> Response:
        """Answer 200 while deliveries can be stored (tried by a write), else 503 with the reason."""
        shops = sorted(self._shops)
        try:
            await self._inbox.probe()
        except RegularsError as error:
            LOG.error("the inbox cannot be written: %s", error.message)  # noqa: TRY400 - known, no traceback
            return _json(503, {"status": "unavailable", "inbox": "cannot be written", "shops": shops})
        return _json(200, {"status": "ok", "inbox": "writable", "shops": shops})

    def _shop(self, request: Request) -> ShopConfig:
        name = request.path_params.get("shop")
        if name is None and len(self._shops) == 1:
            return next(iter(self._shops.values()))
        if name not in self._shops:
            raise HTTPException(404, "No such shop is configured here.")
        return self._shops[name]

    def _verify(self, shop: ShopConfig, request: Request, body: bytes) -> None:
        topic = request.path_params.get("topic")
        secrets = self._secrets.get((shop.name, topic)) or accepted_secrets(shop, topic)
        if not secrets:
            LOG.error("webhook shop=%s refused: set %s to verify deliveries", shop.name, self._secret_named)
            raise HTTPException(401, "Deliveries to this shop cannot be verified.")
        if not verifies(secrets, body, request.headers.raw):
            DELIVERIES.count("refused")
            LOG.warning("webhook shop=%s refused: missing or wrong signature", shop.name)
            raise HTTPException(401, "The signature is missing or wrong.")

    def _say(self, words: str) -> None:
        """Log a delivery, in one line with all that were answered in this turn of the loop: a line costs a tenth of one."""
        if not self._said:
            asyncio.get_running_loop().call_soon(self._say_all)
        self._said.append(words)

    def _say_all(self) -> None:
        LOG.info("webhook %s", "; ".join(self._said))
        self._said.clear()

    async def _store(self, delivery: Delivery) -> str:
        try:
            return await self._inbox.append(delivery)
        except RegularsError as error:
            DELIVERIES.count("failed")
            LOG.error("webhook shop=%s not stored: %s", delivery.shop, error.message)  # noqa: TRY400 - as above
            raise HTTPException(503, "The delivery could not be stored. Try again.") from error


def create_app(settings: Settings, inbox: InboxWriter) -> Starlette:
    """Return the ASGI application over a started inbox. Raises SettingsError where a shop is half configured."""
    receiver = Receiver(settings, inbox)
    receiver.announce()
    addresses = (f"{RECEIVER_PATH}/{{shop}}/{{topic}}", RECEIVER_PATH)  # the usual one first
    # With and without a trailing slash: a redirect would count as delivered (302) or failed (307), never arrive.
    webhooks = [Route(path + end, receiver.webhook, methods=["POST"]) for path in addresses for end in ("", "/")]
    app = Starlette(
        routes=[*webhooks, Route("/healthz", receiver.healthz, methods=["GET"])],
        exception_handlers={HTTPException: _on_http_error, Exception: _on_error},
    )
    app.router.redirect_slashes = False
    return app


def _told_by(request: Request) -> dict[bytes, list[bytes]]:
    """Return the headers that matter here, by name, each with all of its values."""
    told: dict[bytes, list[bytes]] = {}
    for name, value in request.scope["headers"]:
        if name.startswith(OUR_HEADERS):
            told.setdefault(name, []).append(value)
    return told


def _topic(request: Request, told: dict[bytes, list[bytes]]) -> str:
    """Return the topic: the address's where it names one, since the header is not signed."""
    if "topic" in request.path_params:
        topic = str(request.path_params["topic"])
    else:
        given = told.get(TOPIC_HEADER, [])
        if len(given) != 1:
            raise HTTPException(400, "The delivery must name its topic, once.")
        topic = given[0].decode("latin-1")
    return topic if topic in TOPICS else kept_topic(topic)


def _is_ping(told: dict[bytes, list[bytes]], body: bytes) -> bool:
    if any(name != CONTENT_TYPE for name in told):
        return False
    content_type = told.get(CONTENT_TYPE, [b""])[0].partition(b";")[0].strip().lower()
    return content_type == PING_TYPE and PING.fullmatch(body) is not None


def _unsigned_id(told: dict[bytes, list[bytes]], header: bytes) -> str | None:
    given = told.get(header, [])
    return given[0].decode() if len(given) == 1 and UNSIGNED_ID.fullmatch(given[0]) else None


async def _on_http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # never: registered for this class
        raise error
    texts = {404: "There is nothing at this address.", 405: "This address does not take this method."}
    plain = error.detail in ("Not Found", "Method Not Allowed")  # Starlette's own
    message = texts[error.status_code] if plain else error.detail
    return _json(error.status_code, {"error": message}, dict(error.headers or {}))


async def _on_error(_request: Request, _error: Exception) -> Response:
    return _json(500, {"error": "Something went wrong here."})


def _json(status: int, content: object, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, media_type="application/json")
