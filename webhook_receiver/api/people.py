"""One customer as the API tells of them: what is published, with what arrived since laid over it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from regulars.directory.arrived import account_id, arrived_person, new_person
from regulars.directory.query import Person
from regulars.directory.unmerged import CUSTOMER, arrived_account, unmerged
from regulars.errors import NothingPublished, RecordNotFound
from regulars.models import ChangeRow, Hidden
from regulars.shop.customers import Saved
from regulars.shop.fields import fingerprint
from transforms.schemas import ORDERS, empty
from webhook_receiver.api.house import House, nobody
from webhook_receiver.api.models import row_of

# Names in the answer, by the column of `CUSTOMERS` each comes from where the two differ.
RENAMED: Final = {
    "created": "created_at",
    "modified": "modified_at",
    "deleted_in_shop": "deleted_at",
    "first_order": "first_order_at",
}
SAME: Final = (
    *("first_name", "last_name", "username", "role", "company", "phone", "billing", "shipping", "country", "city"),
    *("recency_days", "median_days_between", "days_to_second", "active_months", "products_count", "r", "f", "m"),
)


@dataclass(frozen=True)
class Found:
    """A person, and whether all that arrived about their profile is in the published version."""

    person: Person
    merged: bool = True

    @property
    def key(self) -> str:
        """The key of today."""
        return str(self.person.row["customer_key"])

    @property
    def version(self) -> str:
        """What the next edit of the profile can be made from."""
        return fingerprint(self.person.row)


def find(house: House, shop: str, key: str) -> Found:
    """Return a person as of the last change row. Raises RecordNotFound, NothingPublished where nobody can be told of."""
    try:
        person = house.directory(shop).person(key)
    except RecordNotFound:
        return _arrived(house, shop, house.key_now(shop, key))
    number = person.row["woocommerce_id"]
    if number is None:
        return Found(person)
    rows = _rows_of(house, shop, number)
    profile = unmerged(rows, person.row, empty(ORDERS).collect()).profile if rows else {}
    if not profile:
        return Found(person)
    row = {**person.row, **profile}
    return Found(Person(row, person.currencies, person.segments, person.hidden), merged=False)


def exists(house: House, shop: str, key: str) -> str:
    """Return today's key of a person. Raises RecordNotFound where nobody has it."""
    return find(house, shop, key).key


def _rows_of(house: House, shop: str, number: int) -> list[ChangeRow]:
    manifest = house.manifest(shop)
    return house.inbox.changes_of(shop, CUSTOMER, number, manifest.change_seq if manifest else 0)


def _arrived(house: House, shop: str, key: str) -> Found:
    if account_id(key) is None:
        raise nobody()
    manifest = house.manifest(shop)
    if manifest is None:
        raise NothingPublished("Nothing is published yet: the first sync of this shop has not ended.")
    person = arrived_person(shop, key, manifest, house.inbox, house.records)
    if person is None:
        raise nobody()
    return Found(person, merged=False)


def made(house: House, shop: str, saved: Saved) -> Found:
    """Return somebody who was created in the shop just now."""
    now = datetime.now(UTC)
    told = ChangeRow(
        seq=0,
        shop=shop,
        topic="customer.created",
        resource=CUSTOMER,
        resource_id=saved.woocommerce_id,
        received_at=now,
        body=orjson.dumps(saved.item),
    )
    row = arrived_account([told], shop, saved.woocommerce_id, now)
    if row is None:  # a shop that answers with nothing but an id
        raise nobody()
    return Found(new_person(row, house.records), merged=False)


def customer(shop: str, found: Found, notice: str = "") -> dict[str, Any]:
    """Return the fields of a `Customer`."""
    person = found.person
    row = {**person.row, "name": name_of(person.row)}
    return {
        **row_of(shop, row, list(row["tags"]), list(person.segments)),
        **{name: row[name] for name in SAME},
        **{name: row[column] for name, column in RENAMED.items()},
        **{name: list(row[name] or ()) for name in ("categories", "coupons")},
        "refund_rate": None if row["refund_rate"] is None else f"{row['refund_rate'].normalize():f}",
        "spend": [_spend(one) for one in person.currencies.iter_rows(named=True)],
        "hidden": mark(person.hidden),
        "merged": found.merged,
        "notice": notice,
    }


def name_of(row: Mapping[str, Any]) -> str | None:
    """Return what a person is called: as lists do, the name, else the company, else the e-mail address."""
    full = " ".join(part.strip() for part in (row["first_name"] or "", row["last_name"] or "") if part.strip())
    return full or (row["company"] or "").strip() or (row["email"] or "").strip() or None


def _spend(row: Mapping[str, Any]) -> dict[str, Any]:
    same = ("currency", "orders_count", "gross", "refunded", "net", "average_order")
    return {
        **{name: row[name] for name in same},
        "first_order": row["first_order_at"],
        "last_order": row["last_order_at"],
    }


def mark(hidden: Hidden | None) -> dict[str, Any] | None:
    """Return who deleted a person here, and when."""
    return None if hidden is None else {"at": hidden.at, "author": hidden.author}
