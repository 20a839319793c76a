"""Our webhooks in a shop: what there is of them, creating them, and mending them.

Ours are those whose delivery address ends in `/api/customers/webhooks/<shop>/<topic>` with a topic of ours; nobody
else's are ever touched. `base` is such an address without its topic. What WooCommerce does (9.9): it tells status and
address of a webhook, never its secret or how often it failed; seven failures in a row disable it; made active again it
keeps its count, so that a single failure more disables it again, until a delivery succeeds.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

from regulars.errors import SettingsError, ShopRecordGone
from regulars.inbox import TOPICS
from regulars.models import ShopConfig, WebhookState
from regulars.shop.client import API, ShopClient
from regulars.shop.port import Item, ShopReader
from regulars.shop.webhook_secrets import RECEIVER_PATH, derived_secret, present_secret

Status = Literal["active", "paused", "disabled"]
BEST_FIRST: tuple[Status, ...] = ("active", "paused", "disabled")


@dataclass(frozen=True)
class Webhook:
    """One webhook of ours as the shop shows it. `id` is the shop's, `url` where it delivers to."""

    id: int
    topic: str
    status: Status
    url: str


@dataclass(frozen=True)
class Webhooks:
    """Our webhooks in a shop at the moment `at` (UTC).

    `here` deliver to the address that was asked for, by topic, the best of each topic first; what comes after it is a
    double. `elsewhere` deliver to another address of ours: an old one, or another installation's.
    """

    at: datetime
    here: tuple[Webhook, ...]
    elsewhere: tuple[Webhook, ...] = ()

    def first(self, topic: str) -> Webhook | None:
        """Return the webhook of a topic, None where it is absent."""
        return next((hook for hook in self.here if hook.topic == topic), None)

    @property
    def doubles(self) -> tuple[Webhook, ...]:
        """The webhooks of a topic after the first one: each event arrives once more through them."""
        return tuple(hook for hook in self.here if hook != self.first(hook.topic))

    @property
    def states(self) -> list[WebhookState]:
        """How each of our topics stands, in the order of `TOPICS`."""
        found = [(topic, self.first(topic)) for topic in TOPICS]
        return [
            WebhookState(
                topic=topic,
                status=hook.status if hook else "absent",
                webhook_id=hook.id if hook else None,
                checked_at=self.at,
            )
            for topic, hook in found
        ]


@dataclass(frozen=True)
class Repair:
    """What was done, by topic. `silent` were not active before: what happened meanwhile in the shop was never told.

    `moved` delivered to another address of ours, `removed` are ids of doubles.
    """

    created: tuple[str, ...]
    mended: tuple[str, ...]
    moved: tuple[str, ...]
    removed: tuple[int, ...]
    silent: tuple[str, ...]


class WebhookClient(ShopClient):
    """A client that can also delete a webhook."""

    def delete(self, webhook_id: int) -> None:
        """Delete a webhook for good; one that is gone is fine. Never retried."""
        try:
            self._send("DELETE", f"{API}webhooks/{webhook_id}", {"force": "true"}, {})
        except ShopRecordGone:
            return


def delivery_base(shop: str, url: str | None) -> str:
    """Return the address, without its topic, that `shop` is to deliver to, where `url` is how it reaches us.

    Raises SettingsError where `url` is not set or is no such address.
    """
    if not url:
        raise SettingsError(
            "The shop must be told where to deliver to: set REGULARS_PUBLIC_URL to the address under which it reaches the "
            "webhook receiver, such as https://hooks.example.com, or name one with --url."
        )
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError(
            "The address to deliver to (REGULARS_PUBLIC_URL or --url) must be one such as https://hooks.example.com, "
            "without user, password, query or fragment."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{RECEIVER_PATH}/{shop}"


def look(client: ShopReader, shop: str, base: str | None) -> Webhooks:
    """Return our webhooks in the shop; where `base` is None, all of ours count as here. A key that reads is enough.

    Raises ShopError; ShopRefused where the key's user may not see webhooks.
    """
    at = datetime.now(UTC)
    ours = [
        hook
        for page in client.pages("webhooks", {"status": "all"})
        for item in page.items
        if (hook := _ours(item, shop)) is not None
    ]
    ours.sort(key=lambda hook: (TOPICS.index(hook.topic), BEST_FIRST.index(hook.status), hook.id))
    here = tuple(hook for hook in ours if base is None or hook.url == f"{base}/{hook.topic}")
    return Webhooks(at, here, tuple(hook for hook in ours if hook not in here))


def install(client: WebhookClient, shop: ShopConfig, base: str) -> tuple[str, ...]:
    """Create the webhooks that are absent, each with the secret of its endpoint, and return their topics.

    What is there is left as it is. Raises SettingsError without a webhook secret, ShopRefused where the key may not
    write, or another ShopError: what was created until then stays, and a second call goes on.
    """
    secret = _secret(shop)
    there = look(client, shop.name, base)
    absent = tuple(topic for topic in TOPICS if there.first(topic) is None)
    for topic in absent:
        _create(client, shop, secret, base, topic)
    return absent


def repair(client: WebhookClient, shop: ShopConfig, base: str) -> Repair:
    """Bring each topic to one active webhook that delivers to `base` and has the present secret.

    Creates the absent, moves those that deliver to another address of ours where there is none here, gives each its
    secret again (nobody can ask which one it has), makes it active, and deletes doubles. Raises as `install` does; a
    second call goes on.
    """
    secret = _secret(shop)
    there = look(client, shop.name, base)
    created, mended, moved = [], [], []
    for topic in TOPICS:
        known = there.first(topic) or next((hook for hook in there.elsewhere if hook.topic == topic), None)
        if known is None or not _set(client, known, _wanted(shop, secret, base, topic)):
            _create(client, shop, secret, base, topic)
            created.append(topic)
        elif known.url != f"{base}/{topic}":
            moved.append(topic)
        else:
            mended.append(topic)
    for double in there.doubles:
        client.delete(double.id)
    return Repair(
        created=tuple(created),
        mended=tuple(mended),
        moved=tuple(moved),
        removed=tuple(double.id for double in there.doubles),
        silent=tuple(state.topic for state in there.states if state.status != "active"),
    )


def install_webhooks(shop: ShopConfig, base: str) -> int:
    """Create the webhooks that do not deliver to `base` yet; return how many. See `install`."""
    with closing(WebhookClient(shop)) as client:
        return len(install(client, shop, base))


def _secret(shop: ShopConfig) -> str:
    secret = present_secret(shop)
    if not secret:
        raise SettingsError("Webhooks need a secret: set WOOCOMMERCE_WEBHOOK_SECRET to any long random text.")
    return secret


def _wanted(shop: ShopConfig, secret: str, base: str, topic: str) -> Item:
    return {
        "name": f"Regulars: {topic}",
        "topic": topic,
        "delivery_url": f"{base}/{topic}",
        "secret": derived_secret(secret, shop.name, topic),
        "status": "active",
    }


def _create(client: ShopClient, shop: ShopConfig, secret: str, base: str, topic: str) -> None:
    client.post("webhooks", _wanted(shop, secret, base, topic))


def _set(client: ShopClient, known: Webhook, wanted: Item) -> bool:
    """Make a webhook what is wanted; False where somebody deleted it meanwhile."""
    try:
        client.put(f"webhooks/{known.id}", wanted)
    except ShopRecordGone:
        return False
    return True


def _ours(item: Item, shop: str) -> Webhook | None:
    """Return the webhook if it is one of ours, None for anybody else's."""
    number, topic, url, status = (item.get(name) for name in ("id", "topic", "delivery_url", "status"))
    if not isinstance(url, str) or type(number) is not int or topic not in TOPICS:
        return None
    if not any(url.rstrip("/").endswith(end) for end in _ends(shop)):
        return None
    return Webhook(number, topic, status if status in ("active", "paused") else "disabled", url)


def _ends(shop: str) -> Iterator[str]:
    return (f"{RECEIVER_PATH}/{shop}/{topic}" for topic in TOPICS)
