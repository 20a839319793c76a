"""``python -m demo_shop.act``: do something in a running shop through its REST API, to watch it arrive elsewhere.

``order`` places an order, for a random account or a new guest; ``edit-customer`` gives a customer a new phone number;
``trash``, ``restore``, ``delete``, ``touch``, ``refund`` and ``unrefund`` take an order, ``delete-customer`` a customer;
``fault`` makes the shop fail (``python -m demo_shop.act fault reset --times 3``), ``fault none`` lets it answer again.
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
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests

from demo_shop import environment
from demo_shop.auth import Signed, base_string
from demo_shop.faults import KINDS
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
        if target.startswith("https:"):
            return self._send(method, target, body, query, self._basic())
        return self._send(method, target, body, self._signed(method, target, query), {})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call ``/demo/…``, the controls that only a shop on this machine has. Raises :class:`Refused`."""
        return self._send(method, f"{self.url}/demo/{path}", body, {}, self._basic())

    def _basic(self) -> dict[str, str]:
        pair = f"{self.key.consumer_key}:{self.key.consumer_secret}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def _send(self, method: str, target: str, body: Any, query: dict[str, str], headers: dict[str, str]) -> Any:
        try:
            answer = self.session.request(
                method, f"{target}?{urlencode(query, quote_via=quote)}", json=body, headers=headers, timeout=TIMEOUT
            )
        except requests.RequestException as problem:
            raise Refused(
                f"The shop at {self.url} does not answer ({type(problem).__name__}): is the demo running?"
            ) from problem
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


def _an_order(caller: Caller, order_id: int | None, rng: random.Random, **query: str) -> dict[str, Any]:
    """Return an order by id, or a random one of the newest. Raises :class:`Refused` where there is none."""
    if order_id is not None:
        return dict(caller.call("GET", f"orders/{order_id}"))
    found = caller.call("GET", "orders", per_page="50", **query)
    if not found:
        raise Refused("The shop has no such order.")
    return dict(rng.choice(found))


def trash(caller: Caller, order_id: int | None, rng: random.Random) -> str:
    """Move an order to the trash and return what was done."""
    order = _an_order(caller, order_id, rng)["id"]
    caller.call("DELETE", f"orders/{order}")
    return f"Moved order {order} to the trash."


def restore(caller: Caller, order_id: int | None, rng: random.Random) -> str:
    """Take an order out of the trash, as an administrator does, and return what was done."""
    order = _an_order(caller, order_id, rng, status="trash")["id"]
    caller.control("POST", "acts", {"act": "restore", "with": {"order_id": order}})
    return f"Took order {order} out of the trash."


def delete(caller: Caller, order_id: int | None, rng: random.Random) -> str:
    """Delete an order for good, which no webhook tells, and return what was done."""
    order = _an_order(caller, order_id, rng)["id"]
    caller.call("DELETE", f"orders/{order}", force="true")
    return f"Deleted order {order} for good. No webhook tells of it."


def touch(caller: Caller, order_id: int | None, rng: random.Random) -> str:
    """Save an order without a change and return what was done."""
    order = _an_order(caller, order_id, rng)["id"]
    caller.call("PUT", f"orders/{order}", {})
    return f"Saved order {order} without a change."


def refund(caller: Caller, order_id: int | None, rng: random.Random) -> str:
    """Refund one unit of money of an order and return what was done."""
    order = _an_order(caller, order_id, rng, status="completed")["id"]
    made = caller.call("POST", f"orders/{order}/refunds", {"amount": "1.00", "reason": "goodwill"})
    return f"Refunded {made['amount']} of order {order} (refund {made['id']})."


def unrefund(caller: Caller, order_id: int | None, rng: random.Random) -> str:
    """Delete the newest refund of an order, by default of a random refunded one, and return what was done."""
    if order_id is None:
        found = caller.call("GET", "refunds", per_page="50")
        order_id = rng.choice(found)["parent_id"] if found else None
    refunds = caller.call("GET", f"orders/{order_id}/refunds") if order_id is not None else []
    if not refunds:
        raise Refused("The shop has no such refund.")
    caller.call("DELETE", f"orders/{order_id}/refunds/{refunds[0]['id']}", force="true")
    return f"Deleted refund {refunds[0]['id']} of order {order_id}. No webhook tells of it."


def delete_customer(caller: Caller, customer_id: int | None, rng: random.Random) -> str:
    """Delete a customer, by default a random one, and return what was done."""
    if customer_id is None:
        customer_id = rng.choice(caller.call("GET", "customers", per_page="50"))["id"]
    caller.call("DELETE", f"customers/{customer_id}", force="true")
    return f"Deleted customer {customer_id}. Their orders belong to nobody now."


ACTS: dict[str, Callable[[Caller, int | None, random.Random], str]] = {
    "order": place_order,
    "edit-customer": edit_customer,
    "delete-customer": delete_customer,
    "trash": trash,
    "restore": restore,
    "delete": delete,
    "touch": touch,
    "refund": refund,
    "unrefund": unrefund,
}


def fault(caller: Caller, arguments: argparse.Namespace) -> str:
    """Switch a fault on, or all of them off, and return what was done."""
    if arguments.kind == "none":
        caller.control("DELETE", "faults")
        return "The shop answers as it should."
    options = {name: getattr(arguments, name) for name in ("path", "skip", "retry_after", "seconds")}
    times = arguments.times or None
    caller.control("POST", "faults", {"kind": arguments.kind, "times": times, **options})
    return f"The shop fails from now on ({arguments.kind}), {f'{times} times' if times else 'until `fault none`'}."


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo_shop.act", description=(__doc__ or "").split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in (*ACTS, "fault"):
        command = commands.add_parser(name)
        command.add_argument("--url", default="http://127.0.0.1:8080")
        command.add_argument("--cacert", help="a private certificate authority to trust")
        if name != "fault":
            command.add_argument("--id", type=int, help="the order or customer; a random one by default")
            command.add_argument("--seed", type=int, help="choose the same things again")
    command.add_argument("kind", choices=("none", *KINDS))
    command.add_argument("--times", type=int, default=1, help="how many requests fail; 0: until `fault none`")
    command.add_argument("--path", default="", help="only requests whose path contains this")
    command.add_argument("--skip", type=int, default=0, help="let so many requests pass first")
    command.add_argument("--retry-after", type=int, default=600, help="what 429 and 503 answers ask for, in seconds")
    command.add_argument("--seconds", type=float, default=5.0, help="how long a slow answer takes")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Do one thing in a running shop and print it. Returns 1 with one sentence when that fails."""
    arguments = _arguments(argv)
    caller = Caller(arguments.url, environment.api_key(), arguments.cacert)
    try:
        if arguments.command == "fault":
            print(fault(caller, arguments))
        else:
            print(ACTS[arguments.command](caller, arguments.id, random.Random(arguments.seed)))
    except Refused as problem:
        print(problem, file=sys.stderr)
        return 1
    finally:
        caller.session.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
