"""Which deliveries of a batch say nothing new: one rule for every store. See `port.Inbox.commit`."""

from collections.abc import Sequence
from typing import Any

from regulars.inbox.delivery import Delivery, Outcome
from regulars.inbox.rows import KEY, values_of

Key = tuple[Any, ...]
Object = tuple[str, str, int]
Said = tuple[str, bytes]


class Batch:
    """Deliveries in the order in which they are to be stored.

    `values` are what is stored of each; `keys` tell a repeat by its ids (in the order of `KEY`, None where the shop named
    none); `objects` are what each is about: shop, resource and id.
    """

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self._deliveries = deliveries
        self.values = [values_of(delivery) for delivery in deliveries]
        self.keys = [_key_of(delivery) for delivery in deliveries]
        self.objects: list[Object] = [
            (delivery.shop, delivery.content.resource, delivery.content.resource_id) for delivery in deliveries
        ]

    def judged(self, seen: set[Key], newest: dict[Object, Said]) -> tuple[list[Outcome], list[int]]:
        """Return what becomes of each delivery, and the positions of those that are to be stored.

        `seen` are keys of rows that are there, `newest` topic and digest of the newest row of each object; both may tell
        of more than this batch, and both are changed by what is to be stored.
        """
        outcomes: list[Outcome] = []
        new: list[int] = []
        for position, delivery in enumerate(self._deliveries):
            content, key, about = delivery.content, self.keys[position], self.objects[position]
            said = (delivery.topic, content.body_sha256)
            if (key is not None and key in seen) or (content.dated and newest.get(about) == said):
                outcomes.append("duplicate")
                continue
            newest[about] = said
            if key is not None:
                seen.add(key)
            new.append(position)
            outcomes.append("ignored" if content.reason else "processed")
        return outcomes, new


def _key_of(delivery: Delivery) -> Key | None:
    if delivery.webhook_id is None or delivery.delivery_id is None:
        return None
    named = {
        "delivery_id": delivery.delivery_id,
        "body_sha256": delivery.content.body_sha256,
        "webhook_id": delivery.webhook_id,
        "shop": delivery.shop,
        "topic": delivery.topic,
    }
    return tuple(named[name] for name in KEY)
