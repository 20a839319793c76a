"""Webhooks: what is subscribed, what waits, and the couriers that deliver it.

Deliveries look and behave like the real ones: signed with base64 of HMAC-SHA256 over the raw bytes, never retried, in
queue order where one runner delivers, the record's state at delivery rather than at the event, several waiting events of
one record and webhook collapsed into one, delivery ids that repeat within a second, seven failures in a row disable.

One thing differs on purpose: stock WordPress refuses private and loopback hosts and unusual ports; here they are
delivered to, since that is where a demo's receiver listens.
"""

import random
import secrets
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from demo_shop import deliveries, errors
from demo_shop.changes import Shop
from demo_shop.deliveries import Delivery, Webhook, escaped, signature

__all__ = ["HOOKS", "Delivery", "Webhook", "Webhooks", "escaped", "signature", "start_courier"]

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


class Waiting(NamedTuple):
    """One delivery that waits its turn; without a record it is a ping."""

    webhook_id: int
    record_id: int | None


class Webhooks:
    """The shop's webhooks and their queue. It listens to the shop; :meth:`run` is a courier's loop.

    With ``manual`` nothing is delivered by itself: a test steps through the queue with :meth:`deliver_next`,
    :meth:`drop_next`, :meth:`duplicate_next` and :meth:`shuffle`, or seals a delivery now and sends it later.
    """

    def __init__(
        self,
        shop: Shop,
        *,
        timeout: float = 60.0,
        pause: float = 0.2,
        secret: str = "",
        runners: int = 1,
        manual: bool = False,
        post: Callable[[Delivery, float], int | None] = deliveries.post,
    ) -> None:
        """Listen to a shop. ``pause``: seconds an event waits, so that several of one record become one.

        ``secret`` is used for webhooks created without one; a random one otherwise, as in the real shop. ``runners``
        deliver side by side: with more than one, deliveries change places. ``post`` sends one within so many seconds and
        returns the status it got.
        """
        self.shop = shop
        self.timeout = timeout
        self.pause = pause
        self.default_secret = secret
        self._post = post
        self.runners = 0 if manual else runners
        self.hooks: dict[int, Webhook] = {}
        self.delivered = 0
        self._queue: deque[Waiting] = deque()
        self._wake = threading.Condition()
        self._busy = 0
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
                    self._busy += 1
                try:
                    if sealed := self._seal(item):
                        self.send(sealed)
                finally:
                    with self._wake:
                        self._busy -= 1
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

    @property
    def waiting(self) -> list[Waiting]:
        """What waits to be delivered, the next one first."""
        with self._wake:
            return list(self._queue)

    def seal_next(self) -> Delivery | None:
        """Take the next delivery out of the queue as it would be sent now, to :meth:`send` it later or never."""
        with self._wake:
            item = self._queue.popleft() if self._queue else None
        return self._seal(item) if item else None

    def deliver_next(self) -> int | None:
        """Deliver what is next and return the status it got; None without an answer, or where nothing waits."""
        sealed = self.seal_next()
        return self.send(sealed) if sealed else None

    def drop_next(self) -> bool:
        """Lose what is next, as a shop does whose background queue is cleared; return whether something waited."""
        with self._wake:
            return bool(self._queue and self._queue.popleft())

    def duplicate_next(self) -> None:
        """Let what is next be delivered once more, after everything that waits now."""
        with self._wake:
            self._queue.extend(list(self._queue)[:1])

    def shuffle(self, rng: random.Random) -> None:
        """Bring what waits into another order."""
        with self._wake:
            items = list(self._queue)
            rng.shuffle(items)
            self._queue = deque(items)

    def _seal(self, item: Waiting) -> Delivery | None:
        hook = self.hooks.get(item.webhook_id)
        if hook is None:
            return None
        if item.record_id is None:
            return deliveries.ping(self.shop, hook)
        return deliveries.delivery(self.shop, hook, item.record_id)

    def send(self, sealed: Delivery) -> int | None:
        """Send a delivery and count how it went: 200 to 302 is success, the seventh failure in a row disables.

        While the ping has not been answered with exactly 200, another one follows each delivery.
        """
        hook = sealed.hook
        status = self._post(sealed, self.timeout)
        if not sealed.topic:
            hook.pending = hook.pending and status != 200
            return status
        with self._wake:
            self.delivered += 1
            if status is not None and 200 <= status <= 302:
                hook.failures = 0
            elif hook.failures >= FAILURES_KEPT:
                hook.status, hook.modified = "disabled", self.shop.now()
            else:
                hook.failures += 1
        if hook.pending:
            self.send(deliveries.ping(self.shop, hook))
        return status


def start_courier(webhooks: Webhooks) -> Callable[[], None]:
    """Start the couriers in the background, one a runner, and return what stops them."""
    threads = [
        threading.Thread(target=webhooks.run, name=f"webhook-courier-{number}", daemon=True)
        for number in range(webhooks.runners)
    ]
    for thread in threads:
        thread.start()

    def stop() -> None:
        webhooks.stop()
        for thread in threads:
            thread.join(timeout=2)

    return stop
