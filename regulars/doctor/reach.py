"""Whether changes can reach us: the webhooks in the shop, and the address that they are sent to.

From here only a part of it can be known: that an address answers us does not prove that it answers the shop.
"""

import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

import requests

from regulars.doctor.findings import Visit
from regulars.errors import ShopError, ShopRefused
from regulars.inbox import TOPICS
from regulars.settings import Settings
from regulars.shop.client import ShopClient

WEBHOOKS: Final = "/api/customers/webhooks"
# `wp_http_validate_url` of WordPress refuses other ports, and private addresses, unless a filter allows them.
PORTS: Final = frozenset({80, 443, 8080})
TIMEOUT: Final = (5.0, 10.0)
ONLY_THE_SHOP: Final = (
    "Only a delivery proves that the shop reaches it: `regulars webhooks status` shows what arrived last."
)


def delivery_base(settings: Settings, shop: str) -> str:
    """Return the address that webhooks of `shop` are sent to, the topic after it."""
    public = settings.public_url.rstrip("/") if settings.public_url else f"http://{settings.host}:{settings.http_port}"
    return f"{public}{WEBHOOKS}/{shop}"


def check_webhooks(visit: Visit, client: ShopClient) -> None:
    """Find what became of our webhooks in the shop."""
    visit.now("asking for its webhooks")
    base = delivery_base(visit.settings, visit.shop.name)
    if visit.shop.webhook_secret is None:
        visit.unsure(
            "webhooks",
            f"No secret is set for webhooks: changes come with the pulls alone ({visit.settings.sync_cron}).",
            "Set WOOCOMMERCE_WEBHOOK_SECRET to any long random text (webhook_secret in shops.toml), then run "
            f"`regulars webhooks install --shop {visit.shop.name}`.",
        )
        return
    try:
        found = {
            str(hook.get("topic")): str(hook.get("status"))
            for page in client.pages("webhooks", {"status": "all"})
            for hook in page.items
            if hook.get("delivery_url") == f"{base}/{hook.get('topic')}"
        }
    except ShopRefused as error:
        visit.unsure("webhooks", f"The key may not see webhooks. {error.message}")
        return
    except ShopError as error:
        visit.unsure("webhooks", f"The webhooks could not be read. {error.message}")
        return
    _find_states(visit, {topic: found.get(topic, "absent") for topic in TOPICS})


def _find_states(visit: Visit, states: dict[str, str]) -> None:
    shop, wrong = visit.shop.name, {topic: state for topic, state in states.items() if state != "active"}
    if not wrong:
        visit.well("webhooks", f"All {len(states)} webhooks are active in the shop.")
    elif set(wrong.values()) == {"absent"} and len(wrong) == len(states):
        visit.unsure(
            "webhooks",
            f"The shop has no webhooks of ours: changes come with the pulls alone ({visit.settings.sync_cron}).",
            f"Run `regulars webhooks install --shop {shop}` with a key that may write.",
        )
    else:
        told = "; ".join(f"{state}: {', '.join(_of(wrong, state))}" for state in dict.fromkeys(wrong.values()))
        visit.ill(
            "webhooks",
            f"Webhooks do not deliver ({told}). WooCommerce disables one after failures in a row, and what happened "
            "meanwhile comes with the next pull.",
            f"Run `regulars webhooks repair --shop {shop}`.",
        )


def _of(states: dict[str, str], state: str) -> Iterable[str]:
    return (topic for topic, each in states.items() if each == state)


def check_public_address(visit: Visit) -> None:
    """Find whether the shop could reach the address that webhooks are sent to."""
    url = visit.settings.public_url
    if not url:
        visit.unsure(
            "public address",
            "REGULARS_PUBLIC_URL is not set, so the shop can reach us only if it runs on this machine.",
            f"Let a proxy or tunnel pass {WEBHOOKS}/ on to port {visit.settings.http_port}, and set its address.",
        )
        return
    visit.now("calling the address that webhooks are sent to")
    parts = urlsplit(url)
    if fault := _fault_of(parts):
        visit.ill("public address", f"REGULARS_PUBLIC_URL is {url}: {fault}.", RIGHT)
        return
    if fault := _fault_of_name(parts.hostname or ""):
        visit.ill("public address", f"REGULARS_PUBLIC_URL is {url}: {fault}.", RIGHT)
        return
    _call(visit, url)


RIGHT: Final = (
    "Use an https address that the whole internet can look up, on port 443 (stock WordPress takes 80 and 8080 too)."
)


def _fault_of(parts: SplitResult) -> str:
    """Return what stock WordPress would refuse in the address, empty where nothing."""
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "its port is no number"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "that is no address such as https://hooks.example.com"
    if port not in PORTS:
        return f"stock WordPress delivers to ports 80, 443 and 8080 only, not to {port}"
    return ""


def _fault_of_name(host: str) -> str:
    """Return why a shop elsewhere cannot reach the host by its name, empty where it may."""
    try:
        found = {ip_address(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return f"the name {host} cannot be looked up"
    if not any(each.is_global for each in found):
        return f"{host} is a private address, to which stock WordPress does not deliver"
    return ""


def _call(visit: Visit, url: str) -> None:
    """An unsigned delivery must be refused with 401: then it was our receiver that answered."""
    address = f"{delivery_base(visit.settings, visit.shop.name)}/{TOPICS[0]}"
    try:
        answer = requests.post(address, json={}, timeout=TIMEOUT, allow_redirects=False, stream=True)
    except requests.exceptions.SSLError:
        advice = "Without a certificate that everybody accepts the shop does not deliver: WordPress checks it."
        visit.ill("public address", f"{url} answers without a valid certificate.", advice)
        return
    except requests.RequestException:
        visit.unsure(
            "public address",
            f"Nobody answers at {url} when called from here.",
            f"Is `regulars up` running, and the proxy or tunnel? Some networks cannot call themselves. {ONLY_THE_SHOP}",
        )
        return
    with answer:
        status = answer.status_code
    if status != 401:
        advice = f"The proxy must pass {WEBHOOKS}/ on to port {visit.settings.http_port} as it is, without a redirect."
        visit.ill("public address", f"{address} answers {status} where the receiver would answer 401.", advice)
        return
    if url.startswith("http://"):
        visit.unsure(
            "public address", f"Our receiver answers at {url}, but over http: orders lie open on the way.", RIGHT
        )
        return
    visit.well("public address", f"Our receiver answers at {url} when called from here. {ONLY_THE_SHOP}")
