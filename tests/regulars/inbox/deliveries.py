"""Builders of deliveries for tests."""

from datetime import UTC, datetime

from regulars.inbox.delivery import Delivery, read_content

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


def a_delivery(
    body: bytes = b'{"id": 5}', topic: str = "order.updated", shop: str = "shop", at: datetime = NOON, **ids: str | None
) -> Delivery:
    """Return a verified delivery; `ids` are its webhook_id and delivery_id, where the shop named them."""
    return Delivery(shop=shop, topic=topic, content=read_content(topic, body), body=body, received_at=at, **ids)


def of_order(number: int, modified: str = "2026-11-22T08:10:25", **more: str) -> Delivery:
    """Return the delivery of an order that was modified then."""
    return a_delivery(b'{"id": %d, "date_modified_gmt": "%s"}' % (number, modified.encode()), **more)  # type: ignore[arg-type]
