"""Webhooks: what is subscribed, what waits, and the courier that delivers it.

Deliveries look and behave like the real ones: signed with base64 of HMAC-SHA256 over the raw bytes, never retried,
one runner in queue order, the record's state at delivery rather than at the event, several waiting events of one
record and webhook collapsed into one, delivery ids that repeat within a second, seven failures in a row disable.

One thing differs on purpose: stock WordPress refuses private and loopback hosts and unusual ports; here they are
delivered to, since that is where a demo's receiver listens.
"""

import base64
import hashlib
import hmac
import json
import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import requests

from demo_shop import errors
from demo_shop.changes import Shop
from demo_shop.render import Body, order_body
from demo_shop.render_people import customer_body

log = logging.getLogger(__name__)

HOOKS = {
    "customer.created": ["user_register", "woocommerce_created_customer", "woocommerce_new_customer"],
    "customer.updated": ["profile_update", "woocommerce_update_customer"],
    "customer.deleted": ["delete_user"],
    "order.created": ["woocommerce_new_order"],
    "order.updated": ["woocommerce_update_order", "woocommerce_order_refunded"],
    "order.deleted": ["wp_trash_post", "woocommerce_trash_order"],
    "order.restored": ["untrashed_post", "woocommerce_untrash_order"],
}
"""The topics, and the WordPress hooks that their records name."""

FAILURES_KEPT = 6
"""``failure_count`` stops here: the next failure in a row disables the webhook."""


@dataclass(slots=True)
class Webhook:
    """One subscription. ``pending`` means that its ping has not been answered with 200 yet."""

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


class Waiting(NamedTuple):
    """One delivery that waits its turn; without a record it is a ping."""

    webhook_id: int
    record_id: int | None


class Webhooks:
    """The shop's webhooks and their queue. It listens to the shop; :meth:`run` is the courier's loop."""

    def __init__(self, shop: Shop, *, timeout: float = 60.0, pause: float = 0.2, secret: str = "") -> None:
        """Listen to a shop. ``pause``: seconds an event waits, so that several of one record become one.

        ``secret`` is used for webhooks created without one; a random one otherwise, as in the real shop.
        """
        self.shop = shop
        self.timeout = timeout
        self.pause = pause
        self.default_secret = secret
        self.hooks: dict[int, Webhook] = {}
        self.delivered = 0
        self._queue: deque[Waiting] = deque()
        self._wake = threading.Condition()
        self._busy = False
        self._stopping = threading.Event()
        self._next_id = 1
        shop.listeners.append(self.on_event)

    def on_event(self, topic: str, record_id: int) -> None:
        """Queue an event for every active webhook of its topic; events while paused or disabled are lost."""
        with self._wake:
            for hook in self.hooks.values():
                item = Waiting(hook.id, record_id)
                if hook.topic == topic and hook.status == "active" and item not in self._queue:
                    self._queue.append(item)
            self._wake.notify_all()

    def create(self, topic: str, url: str, *, name: str = "", secret: str = "", status: str = "active") -> Webhook:
        """Subscribe a URL to a topic and ping it; a failing ping does not stop the creation.

        Raises :class:`errors.ApiError` (400) for an unknown topic or a URL that is none.
        """
        if topic not in HOOKS:
            raise errors.ApiError(
                400,
                "woocommerce_rest_shop_webhook_invalid_topic",
                "Webhook topic is required and must be valid.",
            )
        if not url.startswith(("http://", "https://")):
            raise errors.ApiError(
                400,
                "woocommerce_rest_shop_webhook_invalid_delivery_url",
                "Webhook delivery URL must be a valid URL starting with http:// or https://.",
            )
        key = secret or self.default_secret or secrets.token_urlsafe(38)[:50]
        title = name or f"Webhook created on {topic}"
        with self._wake:
            hook = Webhook(self._next_id, title, topic, url, key, self.shop.now(), status)
            self._next_id += 1
            self.hooks[hook.id] = hook
        self._ping(hook)
        return hook

    def update(self, hook: Webhook, fields: dict[str, Any]) -> Webhook:
        """Change a webhook; a pending ping is sent again on every save, and anew on activation."""
        activated = fields.get("status") == "active" and hook.status != "active"
        for name, value in fields.items():
            setattr(hook, name, value)
        hook.modified = self.shop.now()
        hook.pending = hook.pending or activated
        self._ping(hook)
        return hook

    def delete(self, hook_id: int) -> Webhook:
        """Remove a webhook."""
        with self._wake:
            return self.hooks.pop(hook_id)

    def _ping(self, hook: Webhook) -> None:
        if hook.status == "active" and hook.pending:
            with self._wake:
                self._queue.append(Waiting(hook.id, None))
                self._wake.notify_all()

    def run(self) -> None:
        """Deliver the queue in order until :meth:`stop`."""
        while not self._stopping.is_set():
            with self._wake:
                self._wake.wait_for(lambda: self._queue or self._stopping.is_set())
            self._stopping.wait(self.pause)
            while not self._stopping.is_set():
                with self._wake:
                    if not self._queue:
                        break
                    item = self._queue.popleft()
                    self._busy = True
                try:
                    self._deliver(item)
                finally:
                    with self._wake:
                        self._busy = False
                        self._wake.notify_all()

    def stop(self) -> None:
        """End the courier's loop; what still waits is lost, as when a shop is switched off."""
        self._stopping.set()
        with self._wake:
            self._wake.notify_all()

    def settle(self, timeout: float = 10.0) -> bool:
        """Wait until nothing waits or is under way; return False when that takes longer than ``timeout`` seconds."""
        with self._wake:
            return self._wake.wait_for(lambda: not self._queue and not self._busy, timeout)

    def _deliver(self, item: Waiting) -> None:
        hook = self.hooks.get(item.webhook_id)
        if hook is None:
            return
        if item.record_id is None:
            self._send_ping(hook)
            return
        payload = escaped(self.payload(hook, item.record_id))
        status = self._post(hook.url, payload, headers=self._headers(hook, payload))
        self.delivered += 1
        if status is not None and 200 <= status <= 302:
            hook.failures = 0
        elif hook.failures >= FAILURES_KEPT:
            hook.status, hook.modified = "disabled", self.shop.now()
        else:
            hook.failures += 1
        if hook.pending:
            self._send_ping(hook)

    def _send_ping(self, hook: Webhook) -> None:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": self._agent()}
        if self._post(hook.url, f"webhook_id={hook.id}".encode(), headers=headers) == 200:
            hook.pending = False

    def _post(self, url: str, body: bytes, *, headers: dict[str, str]) -> int | None:
        with requests.Session() as session:
            session.trust_env = False
            try:
                answer = session.post(url, data=body, headers=headers, timeout=self.timeout, allow_redirects=False)
            except requests.RequestException as problem:
                log.info("webhook not delivered: %s", type(problem).__name__)
                return None
            return answer.status_code

    def _agent(self) -> str:
        profile = self.shop.profile
        return f"WooCommerce/{profile.version} Hookshot (WordPress/{profile.wordpress_version})"

    def _headers(self, hook: Webhook, payload: bytes) -> dict[str, str]:
        resource, event = hook.topic.split(".")
        delivery = hashlib.md5(f"{hook.id}{self.shop.now()}".encode(), usedforsecurity=False).hexdigest()
        return {
            "User-Agent": self._agent(),
            "Accept": "*/*",
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": f"{self.shop.profile.home or self.shop.home}/",
            "X-WC-Webhook-Topic": hook.topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": signature(hook.secret, payload),
            "X-WC-Webhook-ID": str(hook.id),
            "X-WC-Webhook-Delivery-ID": delivery,
            "Connection": "close",
        }

    def payload(self, hook: Webhook, record_id: int) -> Body:
        """Return what a delivery says now: the record, its id alone for a deletion, or the error of a lost one."""
        if hook.topic.endswith(".deleted"):
            return {"id": record_id}
        with self.shop.locked():
            if hook.topic.startswith("order."):
                order = None if record_id in self.shop.unloadable else self.shop.orders.get(record_id)
                return order_body(self.shop, order, self.shop.home) if order else errors.order_id().body()
            customer = self.shop.customers.get(record_id)
            if customer is None:
                return errors.customer_id().body()
            return customer_body(self.shop, customer, self.shop.home)


def escaped(body: Body) -> bytes:
    """Write JSON as PHP does: ASCII only, no spaces, slashes escaped."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode("ascii")


def signature(secret: str, payload: bytes) -> str:
    """Sign a payload as WooCommerce does.

    >>> signature("secret", b"{}")
    'dzJZAsrKgS3CWXM6rNBGtzgXNyx3e42VtAJkdHRRbhM='
    """
    return base64.b64encode(hmac.new(secret.encode(), payload, hashlib.sha256).digest()).decode()


def start_courier(webhooks: Webhooks) -> Callable[[], None]:
    """Start the courier in the background and return what stops it."""
    thread = threading.Thread(target=webhooks.run, name="webhook-courier", daemon=True)
    thread.start()

    def stop() -> None:
        webhooks.stop()
        thread.join(timeout=2)

    return stop
