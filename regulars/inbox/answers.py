"""The shop's answers to what we wrote there: they come in as change rows, by the one way in."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from regulars.inbox.delivery import Delivery, Outcome, read_content
from regulars.inbox.port import Inbox


def append_answer(inbox: Inbox, shop: str, topic: str, item: Mapping[str, Any], received_at: datetime) -> Outcome:
    """Commit the object that the shop answered with after a create or an edit, as if the shop had delivered it.

    Args:
        inbox: Where change rows are kept.
        shop: The shop's name.
        topic: What happened: `customer.created`, `customer.updated` …, one of `TOPICS`.
        item: The object as the shop's REST API answered it.
        received_at: When the answer had come, in UTC.

    Returns:
        "processed"; "duplicate" where the shop's own webhook told the same before; "ignored" for a dead letter.

    Raises:
        InboxUnavailable: Nothing is stored. The edit did happen in the shop: its webhook or the next pull will tell.
    """
    body = json.dumps(item, separators=(",", ":")).encode()
    delivery = Delivery(shop=shop, topic=topic, content=read_content(topic, body), body=body, received_at=received_at)
    return inbox.commit([delivery])[0]
