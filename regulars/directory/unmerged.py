"""What has arrived about a person and is not merged yet: change rows after the last one that a published version holds.

Read with the transforms' own eyes, so that a profile shows beforehand exactly what the next version will say. A change
row is about a person where it is of their account, of an order that is theirs, or of an order that will be: placed by
the account, or by a guest with the person's e-mail; where strangers share that, by one of the person's name. What the
published version already knows is left out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl

from regulars.models import ChangeRow
from transforms.identity import ACCOUNT, ALIASES, normalise_email
from transforms.identity_keys import fold_name
from transforms.people import people
from transforms.schemas import CUSTOMERS, TIME, empty
from transforms.staged_schemas import RAW, STAGED_ORDERS
from transforms.staging import stage_customers, stage_orders

ORDER, CUSTOMER = "order", "customer"
Stage = Callable[[pl.LazyFrame], pl.LazyFrame]
# Columns of `CUSTOMERS` that a changed account changes, each with what people call it.
PROFILE_COLUMNS: Mapping[str, str] = {
    "email": "e-mail",
    "first_name": "first name",
    "last_name": "last name",
    "username": "username",
    "role": "role",
    "company": "company",
    "phone": "phone",
    "billing": "billing address",
    "shipping": "shipping address",
    "country": "country",
    "city": "city",
}
# The orders and the keys of nobody, as `people` reads them.
NUMBERED = {"person_number": pl.UInt32(), "customer_key": pl.String(), "order_id": pl.Int64(), "created_at": TIME}
CARRIED = ("is_paying_customer", "avatar_url", "created_at", "modified_at")


@dataclass(frozen=True)
class Arrived:
    """The newest that arrived about one record: `resource` is `order` or `customer`, `resource_id` the shop's id.

    `gone` says that the shop deleted it (or put the order into its trash). `is_new` says that the published version
    has no such record. Orders have `number`, `status`, `total` and `currency` where the shop sent them; an account has
    `changed`, the columns of `PROFILE_COLUMNS` that differ. `received_at` is UTC.
    """

    seq: int
    resource: str
    resource_id: int
    received_at: datetime
    gone: bool = False
    is_new: bool = False
    number: str | None = None
    status: str | None = None
    total: Decimal | None = None
    currency: str | None = None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unmerged:
    """Everything that arrived about a person, the newest first.

    `profile` holds columns of `CUSTOMERS` with the values that the next version will have, empty where no account row
    arrived. `complete` is False where more change rows wait than were looked through.
    """

    changes: tuple[Arrived, ...] = ()
    profile: Mapping[str, Any] = field(default_factory=dict)
    complete: bool = True

    @property
    def changed(self) -> frozenset[str]:
        """Return the columns of `CUSTOMERS` whose value is not the published one."""
        return frozenset(name for change in self.changes for name in change.changed)

    @property
    def last_seq(self) -> int:
        """Return the number of the newest change row among them, 0 where there is none."""
        return max((change.seq for change in self.changes), default=0)


def unmerged(
    rows: Iterable[ChangeRow],
    person: Mapping[str, Any],
    orders: pl.DataFrame,
    *,
    shared: bool = False,
    complete: bool = True,
) -> Unmerged:
    """Return what `rows` say about a person beyond the published row of `CUSTOMERS` and their published `orders`.

    `shared` says that strangers order under the person's e-mail (`PublishedTables.strangers_share`): a guest's order is
    then theirs where it bears their full name, and one without a name is shown on nobody.
    """
    rows = list(rows)
    accounts = [row for row in rows if row.resource == CUSTOMER and row.resource_id == person["woocommerce_id"]]
    account, profile = _account(accounts, person)
    changes = _orders([row for row in rows if row.resource == ORDER], person, orders, shared=shared)
    changes += [account] if account is not None else []
    changes.sort(key=lambda change: change.seq, reverse=True)
    return Unmerged(changes=tuple(changes), profile=profile, complete=complete)


def arrived_account(
    rows: Iterable[ChangeRow], shop: str, woocommerce_id: int, as_of: datetime
) -> dict[str, Any] | None:
    """Return the row of `CUSTOMERS` of an account that no version has yet, from change rows.

    Such a person has no order and no score yet. None where the rows do not tell of the account, or of its deletion.
    """
    told = [row for row in rows if row.resource == CUSTOMER and row.resource_id == woocommerce_id]
    if _deleted(told) or not (newest := _newest(told, stage_customers)):
        return None
    nothing = {"orders_count": 0, "gross": Decimal(0), "refunded": Decimal(0), "net": Decimal(0), "segments": []}
    key = {"shop": shop, "customer_key": f"{ACCOUNT}{woocommerce_id}", "woocommerce_id": woocommerce_id}
    return {**dict.fromkeys(CUSTOMERS), **_profile(newest[woocommerce_id][0]), **nothing, **key, "as_of": as_of}


def _deleted(rows: Iterable[ChangeRow]) -> dict[int, ChangeRow]:
    """Return the last deletion of each record that was not restored after it; an update after it may just be late."""
    gone: dict[int, ChangeRow] = {}
    for row in sorted(rows, key=lambda row: row.seq):
        if row.topic.endswith(".deleted"):
            gone[row.resource_id] = row
        elif row.topic.endswith(".restored"):
            gone.pop(row.resource_id, None)
    return gone


def _newest(rows: Iterable[ChangeRow], stage: Stage) -> dict[int, tuple[ChangeRow, dict[str, Any]]]:
    """Return the row of each record that was modified last, with its staged columns. Deliveries change places."""
    alive = [row for row in rows if not row.topic.endswith(".deleted")]
    pairs = zip(alive, stage(_raw(alive)).collect().to_dicts(), strict=True)
    newest: dict[int, tuple[ChangeRow, dict[str, Any]]] = {}
    for row, told in sorted(pairs, key=lambda pair: (pair[1]["modified_at"] or pair[0].received_at, pair[0].seq)):
        newest[row.resource_id] = (row, told)
    return newest


def _raw(rows: Sequence[ChangeRow]) -> pl.LazyFrame:
    bodies = [
        {"id": row.resource_id, "body": row.body.decode("utf-8", "replace"), "observed_at": row.received_at}
        for row in rows
    ]
    return pl.LazyFrame(bodies, schema=dict(RAW))


def _profile(row: ChangeRow) -> dict[str, Any]:
    """Return the columns of `CUSTOMERS` that an account's body decides, as the next version will have them."""
    accounts = stage_customers(_raw([row])).with_columns(deleted_at=pl.lit(None, dtype=TIME))
    no_orders = pl.DataFrame(schema=dict(STAGED_ORDERS))
    everybody = people(accounts, empty(NUMBERED), empty(NUMBERED), empty(ALIASES), lambda _: no_orders)
    (one,) = everybody.select(*PROFILE_COLUMNS, *CARRIED).collect().to_dicts()
    return one


def _account(rows: Sequence[ChangeRow], person: Mapping[str, Any]) -> tuple[Arrived | None, Mapping[str, Any]]:
    """Return what the rows of a person's account change, and the profile they lead to.

    Neither where the published version is newer or says the same.
    """
    for row in _deleted(rows).values():
        known = person["deleted_at"] is not None
        return None if known else Arrived(row.seq, CUSTOMER, row.resource_id, row.received_at, gone=True), {}
    for row, told in _newest(rows, stage_customers).values():
        profile = _profile(row)
        changed = tuple(name for name in PROFILE_COLUMNS if profile[name] != person[name])
        if changed and not _older(told["modified_at"], person["modified_at"]):
            return Arrived(row.seq, CUSTOMER, row.resource_id, row.received_at, changed=changed), profile
    return None, {}


def _orders(
    rows: Sequence[ChangeRow], person: Mapping[str, Any], published: pl.DataFrame, *, shared: bool
) -> list[Arrived]:
    if not rows:
        return []
    known = {order["order_id"]: order for order in published.iter_rows(named=True)}
    gone = _deleted(rows)
    # A deletion carries nothing but the id: it is this person's where the order is.
    found = [_gone(row, known[number]) for number, row in gone.items() if number in known]
    for number, (row, order) in _newest(rows, _stage_orders).items():
        if number not in gone and (number in known or _theirs(order, person, shared=shared)):
            found.append(_order(row, order, known.get(number)))
    return [change for change in found if change is not None]


def _stage_orders(raw: pl.LazyFrame) -> pl.LazyFrame:
    return stage_orders(raw, "UTC")  # the zone decides the order's day alone, which is not shown


def _theirs(order: Mapping[str, Any], person: Mapping[str, Any], *, shared: bool) -> bool:
    """Return whether an order that is not published yet will be this person's."""
    if order["woocommerce_id"]:
        return bool(order["woocommerce_id"] == person["woocommerce_id"])
    email = normalise_email(order["email"] or "")
    same = email is not None and email == normalise_email(person["email"] or "")
    return same and (not shared or _full_name(order["billing"] or {}) == _full_name(person) is not None)


def _full_name(named: Mapping[str, Any]) -> str | None:
    return fold_name(" ".join(named.get(part) or "" for part in ("first_name", "last_name")))


def _order(row: ChangeRow, order: Mapping[str, Any], known: Mapping[str, Any] | None) -> Arrived | None:
    """Return an order's news, None where the published version is newer or shows the same."""
    shown = {name: order[name] for name in ("number", "status", "total", "currency")}
    if known is not None:
        same = known["deleted_at"] is None and all(value == known[name] for name, value in shown.items())
        if same or _older(order["modified_at"], known["modified_at"]):
            return None
    return Arrived(row.seq, ORDER, row.resource_id, row.received_at, is_new=known is None, **shown)


def _gone(row: ChangeRow, known: Mapping[str, Any]) -> Arrived | None:
    if known["deleted_at"] is not None or known["status"] == "trash":
        return None
    shown = {name: known[name] for name in ("number", "status", "total", "currency")}
    return Arrived(row.seq, ORDER, row.resource_id, row.received_at, gone=True, **shown)


def _older(arrived: datetime | None, published: datetime | None) -> bool:
    return arrived is not None and published is not None and arrived < published
