"""What one delivery of a webhook is on the wire: signed bytes, headers, and the answer it gets."""

import base64
import hashlib
import hmac
import json
import logging
from dataclasses import dataclass, field
from typing import NamedTuple

import requests

from demo_shop import errors
from demo_shop.changes import Shop
from demo_shop.render import Body, order_body
from demo_shop.render_people import customer_body

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Webhook:
    """One subscription. ``pending`` means that its ping has not been answered with 200 yet.

    ``failures`` counts failed deliveries in a row, up to six; the API does not show it.
    """

    id: int
    name: str
    topic: str
    url: str
    secret: str = field(repr=False)
    created: int
    status: str = "active"
    modified: int | None = None
    failures: int = 0
    pending: bool = True


class Delivery(NamedTuple):
    """A request as it will be sent: it says what the record was when this was made. Without a topic it is a ping."""

    hook: Webhook
    topic: str
    url: str
    headers: dict[str, str]
    body: bytes


def ping(shop: Shop, hook: Webhook) -> Delivery:
    """Return a webhook's ping: a form, unsigned, without any of the shop's own headers."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": _agent(shop)}
    return Delivery(hook, "", hook.url, headers, f"webhook_id={hook.id}".encode())


def delivery(shop: Shop, hook: Webhook, record_id: int) -> Delivery:
    """Return what a webhook says of a record now."""
    body = escaped(payload(shop, hook, record_id))
    resource, event = hook.topic.split(".")
    # Not unique, as in the real shop: webhook and second.
    number = hashlib.md5(f"{hook.id}{shop.now()}".encode(), usedforsecurity=False).hexdigest()
    headers = {
        "User-Agent": _agent(shop),
        "Accept": "*/*",
        "Content-Type": "application/json",
        "X-WC-Webhook-Source": f"{shop.profile.home or shop.home}/",
        "X-WC-Webhook-Topic": hook.topic,
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        "X-WC-Webhook-Signature": signature(hook.secret, body),
        "X-WC-Webhook-ID": str(hook.id),
        "X-WC-Webhook-Delivery-ID": number,
        "Connection": "close",
    }
    return Delivery(hook, hook.topic, hook.url, headers, body)


def payload(shop: Shop, hook: Webhook, record_id: int) -> Body:
    """Return what a delivery says now: the record, its id alone for a deletion, or the error of a lost one."""
    if hook.topic.endswith(".deleted"):
        return {"id": record_id}
    with shop.locked():
        if hook.topic.startswith("order."):
            order = None if record_id in shop.unloadable else shop.orders.get(record_id)
            return order_body(shop, order, shop.home) if order else errors.order_id().body()
        customer = shop.customers.get(record_id)
        if customer is None:
            return errors.customer_id().body()
        return customer_body(shop, customer, shop.home)


def post(sent: Delivery, timeout: float) -> int | None:
    """Send a delivery and return the status it got; None where there was no answer within ``timeout`` seconds."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.post(
                sent.url, data=sent.body, headers=sent.headers, timeout=timeout, allow_redirects=False
            )
        except requests.RequestException as problem:
            log.info("webhook not delivered: %s", type(problem).__name__)
            return None
        return answer.status_code


def _agent(shop: Shop) -> str:
    return f"WooCommerce/{shop.profile.version} Hookshot (WordPress/{shop.profile.wordpress_version})"


def escaped(body: Body) -> bytes:
    """Write JSON as PHP does: ASCII only, no spaces, slashes escaped."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode("ascii")


def signature(secret: str, body: bytes) -> str:
    """Sign a payload as WooCommerce does.

    >>> signature("secret", b"{}")
    'dzJZAsrKgS3CWXM6rNBGtzgXNyx3e42VtAJkdHRRbhM='
    """
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
