"""What a verified delivery says: which object of the shop it is about, or why that cannot be told.

WooCommerce signs whatever its API answers at the moment of delivery, and that may be an error object ("Invalid ID.")
where the object is gone. Such bodies, and everything else without a usable id, become dead letters with a reason.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

import orjson

# What the shop is asked to tell of, and what the receiver takes.
TOPICS = (
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "order.created",
    "order.updated",
    "order.deleted",
    "order.restored",
)
LARGEST_ID = 2**63 - 1
NO_ID = 0
TOPIC_LETTERS = 100
UNKNOWN_TOPIC = "the topic is not one of those that are merged"

Outcome = Literal["processed", "duplicate", "ignored"]


@dataclass(frozen=True)
class Content:
    """What stands in a delivery's body.

    `resource` is `order` or `customer`; `resource_id` is 0 where the body names none. `dated`: the body carries a
    modification date, so that the same bytes again mean the same state. `reason` is set where it cannot be merged.
    """

    resource: str
    resource_id: int
    dated: bool
    body_sha256: bytes
    reason: str | None = None


@dataclass(frozen=True)
class Delivery:
    """One verified delivery on its way into an inbox. `received_at` is UTC.

    `webhook_id` and `delivery_id` are as the shop's unsigned headers had them: they help to find a delivery again, but
    the shop repeats them, and nothing may rely on one.
    """

    shop: str
    topic: str
    content: Content
    body: bytes
    received_at: datetime
    webhook_id: str | None = None
    delivery_id: str | None = None


def kept_topic(text: str) -> str:
    r"""Return a topic as it is kept: at most 100 characters, all of them printable.

    >>> kept_topic("order.updated"), kept_topic("a\x1b[31mb" + "c" * 200)[:8]
    ('order.updated', 'a?[31mbc')
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text[:TOPIC_LETTERS])


def read_content(topic: str, body: bytes) -> Content:
    """Return what `body` says under a topic, one of `TOPICS`. Never raises: what cannot be read has a reason.

    An error object names no object, and neither does anything beside it that is signed: which one it was about cannot be
    told safely, now or later. Comparing everything with the shop finds it.
    """
    resource = topic.partition(".")[0]
    digest = sha256(body).digest()
    if topic not in TOPICS:
        return Content(resource, NO_ID, dated=False, body_sha256=digest, reason=UNKNOWN_TOPIC)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:  # also for NaN, and for nesting deeper than the parser goes
        return Content(resource, NO_ID, dated=False, body_sha256=digest, reason="the body is not JSON")
    reason = _reason(resource, parsed)
    if reason:
        return Content(resource, NO_ID, dated=False, body_sha256=digest, reason=reason)
    dated = bool(parsed.get("date_modified_gmt") or parsed.get("date_modified"))
    return Content(resource, parsed["id"], dated=dated, body_sha256=digest)


def _reason(resource: str, parsed: Any) -> str | None:
    """Return why the parsed body cannot be merged, or None. Reasons hold nothing out of the body."""
    if not isinstance(parsed, dict):
        return "the body is not a JSON object"
    if "id" not in parsed:
        return "the shop sent an error in place of the object" if "code" in parsed else "the body has no id"
    if type(parsed["id"]) is not int or not 0 < parsed["id"] <= LARGEST_ID:
        return "the id is not a positive integer"
    # The topic header is not signed: a body replayed under another resource's topic must not be merged there.
    is_order = "line_items" in parsed
    if (resource == "customer" and is_order) or (resource == "order" and "is_paying_customer" in parsed):
        return f"the body is not of a {resource}"
    return None
