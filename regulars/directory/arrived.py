"""People whose account has arrived and is in no published version yet."""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from regulars.directory.layout import Manifest
from regulars.directory.query import Person
from regulars.directory.unmerged import CUSTOMER, arrived_account
from regulars.inbox.delivery import LARGEST_ID
from regulars.inbox.port import Inbox
from regulars.records.ports import Records
from transforms.identity import ACCOUNT
from transforms.schemas import CUSTOMER_CURRENCIES

DIGITS: Final = len(str(LARGEST_ID))


def account_id(key: str) -> int | None:
    """Return the shop's id of an account by its key; None for guests and for what is the key of nobody.

    >>> account_id("woo:12"), account_id("woo:012"), account_id("guest:12"), account_id("woo:99999999999999999999")
    (12, None, None, None)
    """
    digits = key.removeprefix(ACCOUNT)
    if digits == key or len(digits) > DIGITS or not (digits.isascii() and digits.isdecimal()):
        return None
    number = int(digits)
    return number if str(number) == digits and 0 < number <= LARGEST_ID else None


def arrived_person(shop: str, key: str, about: Manifest, inbox: Inbox, records: Records) -> Person | None:
    """Return somebody whose account arrived after the version that `about` describes; None where there is nobody.

    Raises InboxError, RecordsError where a store is away.
    """
    number = account_id(key)
    if number is None:
        return None
    rows = inbox.changes_of(shop, CUSTOMER, number, about.change_seq)
    row = arrived_account(rows, shop, number, about.as_of)
    return None if row is None else new_person(row, records)


def new_person(row: Mapping[str, Any], records: Records) -> Person:
    """Return the person of a row of `arrived_account`, with what was already written about them."""
    shop, key = row["shop"], row["customer_key"]
    tagged = {**row, "tags": list(records.tags_of(shop, key))}
    currencies = pl.DataFrame(schema=dict(CUSTOMER_CURRENCIES))
    return Person(row=tagged, currencies=currencies, segments=(), hidden=records.hidden(shop).get(key))
