"""What only the machine the demo runs on may do: switch faults, and do what the real REST API does not offer.

``/demo/faults`` and ``/demo/acts`` answer to loopback addresses that show one of the shop's keys with write permission in
a Basic header. The real shop has no such paths; a client of WooCommerce never asks for them.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any

import orjson

from demo_shop.answers import Answer, Incoming
from demo_shop.changes import Shop
from demo_shop.errors import ApiError
from demo_shop.faults import Load

PREFIX = "/demo/"
_OPTIONS = {"times", "path", "method", "skip", "retry_after", "seconds"}

ACTS: Mapping[str, Callable[..., Any]] = {
    "restore": Shop.restore_order,
    "clean-up": Shop.clean_up,
    "role": Shop.change_role,
    "user-meta": Shop.edit_user_meta,
    "write-order": Shop.write_order,
    "settings": Shop.change_settings,
    "break": Shop.break_record,
    "mend": Shop.mend_record,
}
"""What ``POST /demo/acts`` takes as ``{"act": name, "with": {the method's arguments}}``."""


def control(shop: Shop, request: Incoming, caller: str) -> Answer:
    """Answer a request below ``/demo/`` from the address ``caller``; never raises for what a client can send."""
    if not _is_local(caller) or not _holds_key(shop, request.authorization):
        return _said(403, "The demo's controls answer to this machine alone, with a key that may write.")
    try:
        sent = orjson.loads(request.body or b"{}")
        if request.path == f"{PREFIX}faults":
            return _faults(shop, request.method, sent)
        if request.path == f"{PREFIX}acts":
            return _act(shop, sent)
    except KeyError as problem:
        return _said(404, f"There is no {problem}.")
    except (AttributeError, TypeError, ValueError, ApiError) as problem:
        return _said(400, str(problem))
    return _said(404, f"The demo's controls are {PREFIX}faults and {PREFIX}acts.")


def _act(shop: Shop, sent: dict[str, Any]) -> Answer:
    """Do what is asked. Raises ``KeyError`` for an act or a record that is not there."""
    act = ACTS[sent.get("act", "")]
    with shop.locked():
        act(shop, **sent.get("with", {}))
    return _said(200, "Done.")


def _faults(shop: Shop, method: str, sent: dict[str, Any]) -> Answer:
    """Show the faults (GET), take them all away (DELETE), add one or set how long answers take (POST)."""
    faults = shop.faults
    if method == "DELETE":
        faults.clear()
    elif method == "POST":
        if "kind" in sent:
            faults.add(sent["kind"], **{name: sent[name] for name in _OPTIONS & sent.keys()})
        if "load" in sent:
            faults.load = Load(**sent["load"])
    return Answer(200, orjson.dumps({"pending": faults.pending, "load": faults.load}), _JSON)


_JSON = [("Content-Type", "application/json")]


def _said(status: int, message: str) -> Answer:
    return Answer(status, orjson.dumps({"message": message}), _JSON)


def _is_local(caller: str) -> bool:
    try:
        return ip_address(caller).is_loopback
    except ValueError:
        return False


def _holds_key(shop: Shop, authorization: str) -> bool:
    kind, _, pair = authorization.partition(" ")
    try:
        name, _, secret = base64.b64decode(pair, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return False
    key = shop.keys.get(name)
    if kind.lower() != "basic" or key is None or key.permissions == "read":
        return False
    return hmac.compare_digest(key.consumer_secret.encode(), secret.encode())
