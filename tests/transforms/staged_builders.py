"""Builders of small shops: one row each, with what a test does not care about filled in."""

import gzip
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from transforms.days import EPOCH, zone
from transforms.identity import DEFAULT_FORM, LINKED_ALIASES, REGISTERED, EmailForm
from transforms.marts import build_marts
from transforms.staged_schemas import RAW, RAW_DELETIONS, STAGED

BODIES = Path(__file__).parents[1] / "fixtures" / "bodies"
SEEN = datetime(2026, 11, 22, 12, tzinfo=UTC)
AS_OF = datetime(2026, 6, 30, 22, tzinfo=UTC)  # 00:00 of 1 July in Berlin
BERLIN = "Europe/Berlin"
NOT_COUNTED = ("pending", "cancelled", "failed", "checkout-draft", "trash")
HASH_KEY = bytes(range(32))

Row = dict[str, Any]


def recorded(name: str) -> list[Row]:
    """Return the recorded bodies of 'orders', 'refunds', 'customers' or 'products'."""
    text = gzip.decompress((BODIES / f"{name}.ndjson.gz").read_bytes()).decode()
    return [json.loads(line) for line in text.splitlines()]


def raw(bodies: Iterable[Row | str], first_id: int = 1) -> pl.LazyFrame:
    """Return raw rows of these bodies, seen at SEEN; a body given as text gets the next id from `first_id`."""
    rows = [
        {
            "id": body["id"] if isinstance(body, dict) else first_id + index,
            "parent_id": body.get("parent_id") if isinstance(body, dict) else None,
            "observed_at": SEEN,
            "observed_by": "pull",
            "body": json.dumps(body) if isinstance(body, dict) else body,
        }
        for index, body in enumerate(bodies)
    ]
    return pl.LazyFrame(rows, schema=dict(RAW))


def an_address(**fields: str) -> Row:
    """Return an address with these fields, the others null."""
    return fields


def an_order(order_id: int, **fields: Any) -> Row:
    """Return a staged order: 10 EUR, completed, of account 1, on 2026-05-01 at noon UTC, shop in Berlin."""
    row: Row = {
        "order_id": order_id,
        "number": str(order_id),
        "status": "completed",
        "currency": "EUR",
        "woocommerce_id": 1,
        "total": Decimal(10),
        "discount": Decimal(0),
        "shipping": Decimal(0),
        "shipping_tax": Decimal(0),
        "tax": Decimal(0),
        "items": 1,
        "coupons": [],
        "refund_ids": [],
        "created_at": datetime(2026, 5, 1, 12, tzinfo=UTC),
        "observed_at": SEEN,
    } | fields
    return row | {"order_day": _day(row["created_at"])}


def a_guest_order(order_id: int, email: str | None, **fields: Any) -> Row:
    """Return a staged order of a guest with this e-mail."""
    billing = an_address(email=email) if email else an_address()
    return an_order(order_id, **({"woocommerce_id": 0, "email": email, "billing": billing} | fields))


def a_refund(refund_id: int, order_id: int, amount: str | Decimal = "1", **fields: Any) -> Row:
    """Return a staged refund of 1 on 2026-05-10 at noon UTC."""
    row: Row = {
        "refund_id": refund_id,
        "order_id": order_id,
        "amount": Decimal(amount),
        "created_at": datetime(2026, 5, 10, 12, tzinfo=UTC),
        "observed_at": SEEN,
    } | fields
    return row | {"refund_day": _day(row["created_at"])}


def an_order_line(order_id: int, line_id: int, **fields: Any) -> Row:
    """Return a staged line of 1 piece for 10, without tax."""
    amounts: Row = {"quantity": 1, "subtotal": Decimal(10), "total": Decimal(10), "tax": Decimal(0)}
    return {"order_id": order_id, "line_id": line_id, **amounts} | fields


def an_account(woocommerce_id: int, **fields: Any) -> Row:
    """Return a staged account, whose e-mail is `a<id>@mail.example`."""
    return {
        "woocommerce_id": woocommerce_id,
        "email": f"a{woocommerce_id}@mail.example",
        "role": "customer",
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "observed_at": SEEN,
    } | fields


def a_deletion(kind: str, object_id: int, at: datetime) -> Row:
    """Return a tombstone."""
    return {"key": f"{kind}:{object_id}", "object": kind, "id": object_id, "observed_at": at}


def frame(rows: Iterable[Row], schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Return rows as a frame of `schema`, what they lack as null."""
    return pl.LazyFrame(list(rows), schema=dict(schema))


def aliases(pairs: Mapping[str, str | tuple[str, str]] | None = None) -> pl.LazyFrame:
    """Return an aliases frame: `{alias: key}` for registered ones, `{alias: (key, link)}` for others."""
    linked = [(alias, (key, REGISTERED) if isinstance(key, str) else key) for alias, key in (pairs or {}).items()]
    rows = [(alias, key, link) for alias, (key, link) in linked]
    return pl.LazyFrame(rows, schema=dict(LINKED_ALIASES), orient="row")


def staged(**rows: Iterable[Row]) -> dict[str, pl.LazyFrame]:
    """Return all staged tables, with these rows: `staged(orders=[an_order(1)])`."""
    schemas = {**STAGED, "deletions": RAW_DELETIONS}
    return {name: frame(rows.get(name, ()), schema) for name, schema in schemas.items()}


def marts(
    tables: Mapping[str, pl.LazyFrame],
    *,
    as_of: datetime = AS_OF,
    not_counted: tuple[str, ...] = NOT_COUNTED,
    timezone: str = BERLIN,
    known_aliases: Mapping[str, str | tuple[str, str]] | None = None,
    form: EmailForm = DEFAULT_FORM,
    only: Collection[str] = (),
) -> dict[str, pl.DataFrame]:
    """Return the collected marts of these staged tables, all or `only` some."""
    built = build_marts(
        tables,
        shop="lab",
        as_of=as_of,
        timezone=timezone,
        not_counted=not_counted,
        hash_key=HASH_KEY,
        aliases=aliases(known_aliases),
        form=form,
    )
    wanted = {name: table for name, table in built.items() if name in only or not only}
    return dict(zip(wanted, pl.collect_all(list(wanted.values())), strict=True))


def person(tables: Mapping[str, pl.DataFrame], customer_key: str) -> Row:
    """Return the one row of a person."""
    return tables["customers"].row(by_predicate=pl.col("customer_key") == customer_key, named=True)


def _day(at: datetime | None) -> int | None:
    return None if at is None else (at.astimezone(zone(BERLIN)).date() - EPOCH).days
