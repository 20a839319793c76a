"""Whether changes can reach us: the webhooks in the shop, and the address that they are sent to.

From here only a part of it can be known: that an address answers us does not prove that it answers the shop.
"""

import socket
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

import requests

from regulars.doctor.findings import Visit
from regulars.errors import SettingsError, ShopError, ShopRefused
from regulars.inbox import TOPICS
from regulars.shop.client import ShopClient
from regulars.shop.fingerprint import LOOPBACK
from regulars.shop.webhook_secrets import RECEIVER_PATH, present_secret
from regulars.shop.webhooks import delivery_base, look

# `wp_http_validate_url` of WordPress refuses other ports, and private addresses, unless a filter allows them.
PORTS: Final = frozenset({80, 443, 8080})
TIMEOUT: Final = (5.0, 10.0)
ONLY_THE_SHOP: Final = "Only a delivery of the shop proves that the shop reaches it too."


def check_webhooks(visit: Visit, client: ShopClient) -> None:
    """Find what became of our webhooks in the shop."""
    visit.now("asking for its webhooks")
    shop, cron = visit.shop.name, visit.settings.sync_cron
    if not present_secret(visit.shop):
        visit.unsure(
            "webhooks",
            f"No secret is set for webhooks: changes come with the pulls alone ({cron}).",
            "Set WOOCOMMERCE_WEBHOOK_SECRET to any long random text (webhook_secret in shops.toml), then run "
            f"`regulars webhooks install --shop {shop}`.",
        )
        return
    try:
        found = look(client, shop, _base(visit))
    except ShopRefused as error:
        visit.unsure("webhooks", f"The key may not see webhooks. {error.message}")
    except ShopError as error:
        visit.unsure("webhooks", f"The webhooks could not be read. {error.message}")
    else:
        _find_states(visit, {state.topic: state.status for state in found.states}, elsewhere=len(found.elsewhere))


def _base(visit: Visit) -> str | None:
    """Return the address that the shop delivers to, None where it is not known: then any of ours will do."""
    try:
        return delivery_base(visit.shop.name, visit.settings.public_url)
    except SettingsError:
        return None


def _find_states(visit: Visit, states: Mapping[str, str], *, elsewhere: int) -> None:
    shop, wrong = visit.shop.name, {topic: state for topic, state in states.items() if state != "active"}
    if not wrong:
        visit.well("webhooks", f"All {len(states)} webhooks are active in the shop.")
    elif set(wrong.values()) == {"absent"} and len(wrong) == len(states):
        other = f" {elsewhere} deliver to another address of ours." if elsewhere else ""
        visit.unsure(
            "webhooks",
            f"The shop delivers nothing here: changes come with the pulls alone ({visit.settings.sync_cron}).{other}",
            f"Run `regulars webhooks {'repair' if elsewhere else 'install'} --shop {shop}` with a key that may write.",
        )
    else:
        told = "; ".join(f"{state}: {', '.join(_of(wrong, state))}" for state in dict.fromkeys(wrong.values()))
        visit.ill(
            "webhooks",
            f"Webhooks do not deliver ({told}). WooCommerce disables one after failures in a row, and what happened "
            "meanwhile comes with the next pull.",
            f"Run `regulars webhooks repair --shop {shop}`.",
        )


def _of(states: Mapping[str, str], state: str) -> Iterable[str]:
    return (topic for topic, each in states.items() if each == state)


def check_public_address(visit: Visit) -> None:
    """Find whether the shop could reach the address that webhooks are sent to."""
    url = visit.settings.public_url
    if not url:
        visit.unsure(
            "public address",
            "REGULARS_PUBLIC_URL is not set, so the shop can reach us only if it runs on this machine.",
            f"Let a proxy or tunnel pass {RECEIVER_PATH}/ on to port {visit.settings.http_port}, and set its address.",
        )
        return
    visit.now("calling the address that webhooks are sent to")
    try:
        address = f"{delivery_base(visit.shop.name, url)}/{TOPICS[0]}"
    except SettingsError as error:  # what it says does not repeat the address, which may hold a password
        visit.ill("public address", error.message, RIGHT)
        return
    parts = urlsplit(address)
    if parts.hostname in LOOPBACK and urlsplit(visit.shop.url).hostname in LOOPBACK:
        visit.well("public address", f"Shop and receiver run on this machine: webhooks go to {parts.netloc}.")
        return
    if fault := _fault_of(parts) or _fault_of_name(parts.hostname or ""):
        visit.ill("public address", f"Webhooks are to go to {parts.netloc}: {fault}.", RIGHT)
        return
    call_from_here(visit, address)


RIGHT: Final = (
    "Use an https address that the whole internet can look up, on port 443 (stock WordPress takes 80 and 8080 too)."
)


def _fault_of(parts: SplitResult) -> str:
    """Return what stock WordPress would refuse in the address, empty where nothing."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return "" if port in PORTS else f"stock WordPress delivers to ports 80, 443 and 8080 only, not to {port}"


def _fault_of_name(host: str) -> str:
    """Return why a shop elsewhere cannot reach the host by its name, empty where it may."""
    try:
        found = {ip_address(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return f"the name {host} cannot be looked up"
    if not any(each.is_global for each in found):
        return f"{host} is a private address, to which stock WordPress does not deliver"
    return ""


def call_from_here(visit: Visit, address: str) -> None:
    """Find what answers at `address`. An unsigned delivery must be refused with 401: then it was our receiver."""
    where = urlsplit(address).netloc
    try:
        answer = requests.post(address, json={}, timeout=TIMEOUT, allow_redirects=False, stream=True)
    except requests.exceptions.SSLError:
        advice = "Without a certificate that everybody accepts the shop does not deliver: WordPress checks it."
        visit.ill("public address", f"{where} answers without a valid certificate.", advice)
        return
    except requests.RequestException:
        visit.unsure(
            "public address",
            f"Nobody answers at {where} when called from here.",
            f"Is `regulars up` running, and the proxy or tunnel? Some networks cannot call themselves. {ONLY_THE_SHOP}",
        )
        return
    with answer:
        status = answer.status_code
    if status != 401:
        advice = f"The proxy must pass {RECEIVER_PATH}/ on to port {visit.settings.http_port} as it is, not redirected."
        visit.ill("public address", f"{address} answers {status} where the receiver would answer 401.", advice)
    elif address.startswith("http://"):
        visit.unsure(
            "public address", f"Our receiver answers at {where}, but over http: orders lie open on the way.", RIGHT
        )
    else:
        visit.well("public address", f"Our receiver answers at {where} when called from here. {ONLY_THE_SHOP}")
