"""Builders of published data for tests: people by hand, a few of them tricky, published through the real writer."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from regulars.directory.layout import MANIFEST, SINCE_SCHEMA_2, table_file
from regulars.directory.lookup import remove_lookups
from regulars.directory.publish import publish
from transforms.schemas import PUBLISHED

SHOP = "demo"
AS_OF = datetime(2026, 11, 11, 23, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def a_person(number: int, **fields: Any) -> dict[str, Any]:
    """Return one row of `customers`: an account without orders unless told otherwise."""
    row: dict[str, Any] = dict.fromkeys(PUBLISHED["customers"])
    row |= {
        "shop": SHOP,
        "customer_key": f"woo:{number}",
        "woocommerce_id": number,
        "email": f"person{number}@example.com",
        "first_name": f"First{number}",
        "last_name": f"Last{number}",
        "role": "customer",
        "is_paying_customer": False,
        "country": "DE",
        "city": "Berlin",
        "created_at": AS_OF - timedelta(days=400),
        "modified_at": AS_OF - timedelta(days=40),
        "orders_count": 0,
        "gross": Decimal(0),
        "refunded": Decimal(0),
        "net": Decimal(0),
        "segments": [],
        "as_of": AS_OF,
    }
    return row | fields


def a_buyer(number: int, *, orders: int = 3, net: str = "120.00", days: int = 12, **fields: Any) -> dict[str, Any]:
    """Return one row of `customers` with counted orders; `refunded` may be given, gross follows."""
    amount, refunded = Decimal(net), Decimal(fields.pop("refunded", "0"))
    bought: dict[str, Any] = {
        "currency": "EUR",
        "orders_count": orders,
        "gross": amount + refunded,
        "refunded": refunded,
        "net": amount,
        "average_order": (amount / orders).quantize(Decimal("0.000001")),
        "first_order_at": AS_OF - timedelta(days=days + 30 * (orders - 1), hours=-9),
        "last_order_at": AS_OF - timedelta(days=days, hours=-9),
        "recency_days": days,
        "r": 5,
        "f": 3,
        "m": 4,
        "rfm_group": "Loyal",
        "is_paying_customer": True,
    }
    return a_person(number, **(bought | fields))


def an_order(order_id: int, customer_key: str, **fields: Any) -> dict[str, Any]:
    """Return one row of `orders`: completed and counted unless told otherwise."""
    row: dict[str, Any] = dict.fromkeys(PUBLISHED["orders"])
    total = Decimal(fields.get("total", "40.00"))
    row |= {
        "shop": SHOP,
        "order_id": order_id,
        "number": str(order_id),
        "customer_key": customer_key,
        "status": "completed",
        "counted": True,
        "total": total,
        "refunded": Decimal(0),
        "net": total,
        "discount": Decimal(0),
        "shipping": Decimal("4.90"),
        "tax": Decimal("6.39"),
        "currency": "EUR",
        "payment_method": "Credit card",
        "coupons": [],
        "items": 2,
        "created_at": AS_OF - timedelta(days=12, hours=9),
        "order_day": 20_000,
    }
    return row | fields | {"total": total}


def a_line(order_id: int, line_id: int, **fields: Any) -> dict[str, Any]:
    """Return one row of `order_lines`."""
    row = {
        "shop": SHOP,
        "order_id": order_id,
        "line_id": line_id,
        "product_id": 7,
        "variation_id": None,
        "sku": "TEA-1",
        "name": "Green tea",
        "quantity": 2,
        "subtotal": Decimal("20.00"),
        "total": Decimal("20.00"),
        "tax": Decimal("3.20"),
    }
    return row | fields


def a_refund(refund_id: int, order_id: int, customer_key: str, amount: str, **fields: Any) -> dict[str, Any]:
    """Return one row of `refunds`."""
    row = {
        "shop": SHOP,
        "refund_id": refund_id,
        "order_id": order_id,
        "customer_key": customer_key,
        "amount": Decimal(amount),
        "currency": "EUR",
        "counted": True,
        "reason": "arrived broken",
        "created_at": AS_OF - timedelta(days=5),
        "refund_day": 20_007,
    }
    return row | fields


def currencies_of(person: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of `customer_currencies` that follow from a row of `customers`: its main currency alone."""
    if person["currency"] is None:
        return []
    return [{name: person[name] for name in PUBLISHED["customer_currencies"]}]


def frame(table: str, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Return a frame of a published table's schema."""
    return pl.DataFrame(list(rows), schema=dict(PUBLISHED[table]), orient="row")


def manifest(**fields: Any) -> dict[str, Any]:
    """Return the manifest's fields as the one who publishes gives them."""
    given = {
        "shop": SHOP,
        "shop_name": "Tea & Co",
        "as_of": AS_OF,
        "timezone": BERLIN,
        "published_at": AS_OF - timedelta(hours=8),
        "synced_at": AS_OF - timedelta(hours=8, seconds=14),
        "change_seq": 3,
        "live": True,
    }
    return given | fields


def publish_people(
    folder: Path,
    people: Iterable[Mapping[str, Any]],
    *,
    more_currencies: Iterable[Mapping[str, Any]] = (),
    keep: int = 3,
    about: Mapping[str, Any] | None = None,
    **rows: Iterable[Mapping[str, Any]],
) -> str:
    """Publish these people (and rows of other tables) in `folder`; return the version."""
    people = list(people)
    tables: dict[str, pl.DataFrame | pl.LazyFrame] = {name: frame(name, rows.get(name, ())) for name in PUBLISHED}
    tables["customers"] = frame("customers", people)
    currencies = [row for person in people for row in currencies_of(person)]
    tables["customer_currencies"] = frame("customer_currencies", [*currencies, *more_currencies])
    return publish(folder, tables, manifest(**(about or {})), keep)


# The columns that versions of schema 1 do not have.
SINCE_SCHEMA_2_COLUMNS = {
    "customers": [
        "median_days_between",
        "days_to_second",
        "active_months",
        "products_count",
        "categories",
        "coupons",
        "refund_rate",
    ],
    "orders": ["identity"],
}


def as_of_schema_1(version_folder: Path) -> None:
    """Make a version what the release before schema 2 wrote: fewer tables, fewer columns, no derived files."""
    for table in SINCE_SCHEMA_2:
        table_file(version_folder, table).unlink()
    for table, columns in SINCE_SCHEMA_2_COLUMNS.items():
        file = table_file(version_folder, table)
        pl.read_parquet(file).drop(columns).write_parquet(file)
    remove_lookups(version_folder)
    manifest_file = version_folder / MANIFEST
    written = json.loads(manifest_file.read_text())
    rows = {table: rows for table, rows in written["rows"].items() if table not in SINCE_SCHEMA_2}
    manifest_file.write_text(json.dumps(written | {"schema_version": 1, "rows": rows}))


def also_in(person: Mapping[str, Any], currency: str, net: str, orders: int = 1) -> dict[str, Any]:
    """Return a row of `customer_currencies` for what a person spent outside the main currency."""
    (row,) = currencies_of(person)
    amount = Decimal(net)
    return row | {
        "currency": currency,
        "orders_count": orders,
        "gross": amount,
        "refunded": Decimal(0),
        "net": amount,
        "average_order": amount / orders,
    }


HOSTILE = "**bold** [x](javascript:alert(1)) <img src=x onerror=alert(1)> $\\frac{1}{2}$ :material/delete: :red[no]"


def tricky_people() -> list[dict[str, Any]]:
    """Return people whose names, amounts or gaps have broken screens before."""
    return [
        a_buyer(
            1, first_name="Ærøskøbing", last_name="Müller-Lüdenscheidt", email="mueller@example.com", net="1318.40"
        ),
        a_buyer(2, first_name="שרה", last_name="כהן", email="sara@example.co.il", net="88.10", country="IL", days=2),
        a_buyer(3, first_name="👩‍🚀", last_name="🦄", email="emoji@example.com", net="12.00", days=1, orders=1),
        a_buyer(4, first_name=HOSTILE, last_name="", email="<b>x</b>@example.com", net="99.99", days=400),
        a_buyer(5, first_name="Ned", last_name="Negative", net="-25.50", refunded="125.50", orders=1, days=95),
        a_buyer(6, first_name="Tuva", last_name="Twocoins", net="310.00", orders=6, phone="+49 170 1234567"),
        a_person(7, first_name="Nora", last_name="Never"),
        a_buyer(
            8,
            customer_key="guest:0f3a9c2b11d04e77",
            woocommerce_id=None,
            role=None,
            created_at=None,
            first_name="Gustav",
            last_name="Guest",
        ),
        a_buyer(
            9,
            customer_key="guest-order:4711",
            woocommerce_id=None,
            role=None,
            created_at=None,
            email=None,
            first_name=None,
            last_name=None,
            orders=1,
            net="5.00",
        ),
        a_buyer(10, first_name="Dora", last_name="Deleted", deleted_at=AS_OF - timedelta(days=3), net="70.00"),
        a_buyer(11, first_name="=HYPERLINK(1)", last_name="a\r\n\tb" + "x" * 300, company="Ünïcøde GmbH & Co. KG"),
    ]
