"""Creating and editing a customer: the shop is asked first, and its answer comes in as a change row.

App and API both write customers through here. A write is sent once: where the shop's answer is lost, the error says that
the shop may have obeyed, and how to find out. Nothing is sent that would change nothing.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from regulars.errors import (
    NoAccount,
    RegularsError,
    ShopAnswerUnreadable,
    ShopBusy,
    ShopError,
    ShopUnreachable,
    StaleVersion,
)
from regulars.inbox.answers import append_answer
from regulars.inbox.port import Inbox
from regulars.models import EventKind, ShopConfig
from regulars.records.ports import Events
from regulars.shop.client import ShopClient
from regulars.shop.fields import CustomerFields, NewCustomer, editable, fingerprint, given, nested
from regulars.shop.port import Item

# Somebody waits in front of a form: shorter than the patience of a sync.
PATIENCE: Final = 10.0
TIMEOUT: Final = (10.0, 45.0)
DETAIL_LENGTH: Final = 500
# What the shop had not done for sure where it answered so: WordPress was not reached, or refused at once.
TURNED_AWAY: Final = (429, 503)


@dataclass(frozen=True)
class Saved:
    """What the shop has now. `changed` are the paths that were written, none where nothing differed.

    `key` is the person's. `late` is a sentence where the shop obeyed, and only the copy here could not be told yet: the
    next webhook or full read brings it.
    """

    key: str
    woocommerce_id: int
    item: Item
    changed: tuple[str, ...]
    late: str = ""

    @property
    def fingerprint(self) -> str:
        """The state that the next edit can be made from."""
        return fingerprint(self.item)


def create_customer(shop: ShopConfig, fields: NewCustomer, *, records: Events, inbox: Inbox, author: str) -> Saved:
    """Create a customer in the shop.

    Raises ShopRequestInvalid with the shop's words by field, ShopRefused where the key may not write, ShopUnreachable
    (`sent`: it may have been created all the same), or another ShopError.
    """
    values = given(fields)
    with closing(_client(shop)) as client:
        try:
            item = client.post("customers", nested(values))
        except ShopError as error:
            raise _uncertain(error, MAY_BE_CREATED) from error
    late = _record(shop.name, item, "created", values, records=records, inbox=inbox, author=author)
    return Saved(key_of(item), item["id"], item, tuple(values), late)


def edit_customer(
    shop: ShopConfig,
    woocommerce_id: int | None,
    changes: CustomerFields,
    *,
    records: Events,
    inbox: Inbox,
    author: str,
    expected: str | None = None,
) -> Saved:
    """Change a customer in the shop; fields that are not given, or are so already, are not sent.

    `expected` is the `fingerprint` of the customer as the editor saw it: where the shop has another state by now,
    nothing is sent and StaleVersion is raised: `current` has every path's value in the shop, `yours` what was given.
    (WooCommerce has no versions: an edit there in the moment between our look and our write can still be overwritten.)

    Raises NoAccount for a guest (no id), ShopRecordGone where the shop has no such customer, and what
    `create_customer` raises.
    """
    if woocommerce_id is None:
        raise NoAccount(
            "This customer ordered as a guest and has no account in the shop, so there is nothing there to edit. The "
            "name and address come from the orders."
        )
    path = f"customers/{woocommerce_id}"
    with closing(_client(shop)) as client:
        before = client.get(path).items[0]
        if expected is not None and fingerprint(before) != expected:
            raise StaleVersion(
                "Somebody changed this customer in the shop in between; look at what it has now and edit it again.",
                current=editable(before),
                yours=given(changes),
            )
        values = _differing(given(changes), before)
        if not values:
            return Saved(f"woo:{woocommerce_id}", woocommerce_id, before, ())
        try:
            item = client.put(path, nested(values))
        except ShopError as error:
            raise _uncertain(error, MAY_BE_SAVED) from error
    late = _record(shop.name, item, "edited", values, records=records, inbox=inbox, author=author)
    return Saved(key_of(item), item["id"], item, tuple(values), late)


def current_customer(shop: ShopConfig, woocommerce_id: int) -> Item:
    """Return the customer as the shop has it now. Raises ShopRecordGone or another ShopError."""
    with closing(_client(shop)) as client:
        return client.get(f"customers/{woocommerce_id}").items[0]


MAY_BE_CREATED: Final = (
    "The shop may have created the customer all the same: look for the e-mail address among its customers before you "
    "try again."
)
MAY_BE_SAVED: Final = (
    "The shop may have saved the changes all the same: look at the customer there, or open the form again, before you "
    "try again."
)


def _client(shop: ShopConfig) -> ShopClient:
    return ShopClient(shop, patience=PATIENCE, timeout=TIMEOUT)


def _differing(values: Mapping[str, str], before: Item) -> dict[str, str]:
    there = editable(before)
    return {path: value for path, value in values.items() if there[path] != value}


def _uncertain(error: ShopError, sentence: str) -> ShopError:
    """Return the error of a write whose answer is missing, with what that means; any other error as it is."""
    lost = isinstance(error, ShopUnreachable) and error.sent
    broken = isinstance(error, ShopBusy) and error.status not in TURNED_AWAY
    if not (lost or broken or isinstance(error, ShopAnswerUnreadable)):
        return error
    unsure = ShopUnreachable(f"{error.message} {sentence}")
    unsure.sent, unsure.retry = True, False
    return unsure


def key_of(item: Item) -> str:
    """Return the key of the person whose account this is. Raises ShopAnswerUnreadable where the answer has no id."""
    number = item.get("id")
    if type(number) is not int or number <= 0:
        raise ShopAnswerUnreadable("The shop's answer to the write has no id. Look for the customer in the shop.")
    return f"woo:{number}"


def _record(
    shop: str, item: Item, kind: EventKind, values: Mapping[str, str], *, records: Events, inbox: Inbox, author: str
) -> str:
    """Take the shop's answer in and write the event; return what could not be. The shop has obeyed, whatever fails."""
    key = key_of(item)
    topic = "customer.created" if kind == "created" else "customer.updated"
    late: list[str] = []
    try:
        append_answer(inbox, shop, topic, item, datetime.now(UTC))
    except RegularsError as error:
        late.append(f"The shop has it; the copy here learns of it with the next webhook or full read: {error.message}")
    try:
        records.add_event(shop, key, kind, author, ", ".join(values)[:DETAIL_LENGTH])
    except RegularsError as error:
        late.append(f"The timeline does not show it: {error.message}")
    return " ".join(late)
