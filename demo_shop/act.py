"""``python -m demo_shop.act``: do something in a running shop through its REST API, to watch it arrive elsewhere.

``order`` places an order, for a random account or a new guest; ``edit-customer`` gives a customer a new phone number.
Over HTTP requests are signed with OAuth 1.0a, over HTTPS the key travels in a Basic header.
"""

import argparse
import base64
import hashlib
import hmac
import random
import secrets
import sys
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests

from demo_shop import environment
from demo_shop.auth import Signed, base_string
from demo_shop.model import ApiKey
from demo_shop.params import Raw
from demo_shop.people import invent

TIMEOUT = 30


class Refused(Exception):
    """The shop did not do what it was asked; the message says why."""


class Caller:
    """Calls one shop's API with one key."""

    def __init__(self, url: str, key: ApiKey, certificate: str | None = None) -> None:
        """Keep the shop's address, the key, and a private certificate authority if there is one."""
        self.url = url.rstrip("/")
        self.key = key
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = certificate or True

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Call ``/wp-json/wc/v3/…`` and return the JSON. Raises :class:`Refused` for every failure."""
        target = f"{self.url}/wp-json/wc/v3/{path}"
        headers = {}
        if target.startswith("https:"):
            pair = f"{self.key.consumer_key}:{self.key.consumer_secret}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            query = self._signed(method, target, query)
        try:
            answer = self.session.request(
                method, f"{target}?{urlencode(query, quote_via=quote)}", json=body, headers=headers, timeout=TIMEOUT
            )
        except requests.RequestException as problem:
            raise Refused(f"The shop at {self.url} does not answer ({type(problem).__name__}).") from problem
        try:
            found = answer.json()
        except requests.JSONDecodeError as problem:
            raise Refused(f"{self.url} answered {answer.status_code} without JSON: is it a shop?") from problem
        if not answer.ok:
            raise Refused(f"The shop refused ({answer.status_code}): {found.get('message', '')}")
        return found

    def _signed(self, method: str, target: str, query: dict[str, str]) -> dict[str, str]:
        """Add the OAuth parameters to a query."""
        parts = urlsplit(target)
        signed: Raw = {
            **query,
            "oauth_consumer_key": self.key.consumer_key,
            "oauth_timestamp": str(int(time.time())),
            "oauth_nonce": secrets.token_hex(16),
            "oauth_signature_method": "HMAC-SHA256",
        }
        message = base_string(Signed(parts.scheme, parts.netloc, method, parts.path, "", ""), signed)
        made = hmac.new(f"{self.key.consumer_secret}&".encode(), message.encode(), hashlib.sha256).digest()
        return {**{k: str(v) for k, v in signed.items()}, "oauth_signature": base64.b64encode(made).decode()}


def place_order(caller: Caller, customer_id: int | None, rng: random.Random) -> str:
    """Place a paid order of two products and return what was done; without an id, a new guest's or an account's."""
    products = caller.call("GET", "products", per_page="50")
    chosen = rng.sample([p for p in products if p["price"]], k=min(2, len(products)))
    lines = [
        {"product_id": p["variations"][0] if p["variations"] else p["id"], "quantity": rng.randint(1, 3)}
        for p in chosen
    ]
    if customer_id is None and rng.random() < 0.5:
        found = caller.call("GET", "customers", per_page="50", orderby="registered_date", order="desc")
        customer_id = rng.choice(found)["id"] if found else None
    if customer_id is not None:
        customer = caller.call("GET", f"customers/{customer_id}")
        billing = customer["billing"] | {"email": customer["billing"]["email"] or customer["email"]}
    else:
        billing = invent(rng, rng.randint(10_000, 99_999)).address._asdict()
    order = caller.call(
        "POST",
        "orders",
        {"customer_id": customer_id or 0, "billing": billing, "line_items": lines, "payment_method": "bacs", "set_paid": True},
    )  # fmt: skip
    buyer = f"customer {customer_id}" if customer_id else "a new guest"
    return f"Placed order {order['id']} over {order['total']} {order['currency']} for {buyer}."


def edit_customer(caller: Caller, customer_id: int | None, rng: random.Random) -> str:
    """Give a customer, by default a random one, a new phone number and return what was done."""
    if customer_id is None:
        customer_id = rng.choice(caller.call("GET", "customers", per_page="50"))["id"]
    phone = f"+49 30 {rng.randint(100000, 999999)}"
    caller.call("PUT", f"customers/{customer_id}", {"billing": {"phone": phone}})
    return f"Gave customer {customer_id} the phone number {phone}."


def main(argv: Sequence[str] | None = None) -> int:
    """Do one thing in a running shop and print it. Returns 1 with one sentence when that fails."""
    parser = argparse.ArgumentParser(prog="python -m demo_shop.act", description=(__doc__ or "").split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("order", "edit-customer"):
        command = commands.add_parser(name)
        command.add_argument("--url", default="http://127.0.0.1:8080")
        command.add_argument("--id", type=int, help="the customer; a random one by default")
        command.add_argument("--cacert", help="a private certificate authority to trust")
        command.add_argument("--seed", type=int, help="choose the same things again")
    arguments = parser.parse_args(argv)
    caller = Caller(arguments.url, environment.api_key(), arguments.cacert)
    act = place_order if arguments.command == "order" else edit_customer
    try:
        print(act(caller, arguments.id, random.Random(arguments.seed)))
    except Refused as problem:
        print(problem, file=sys.stderr)
        return 1
    finally:
        caller.session.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
