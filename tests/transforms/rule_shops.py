"""Random small shops and random rules over them, from a seed: few values, so that comparisons often just hit or miss."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import polars as pl

from tests.transforms.rule_cases import a_person
from tests.transforms.rule_oracle import Shop
from transforms.rules import (
    BOUGHT_TERMS,
    FIELDS,
    ORDER_TERMS,
    Age,
    And,
    BoughtQuery,
    Condition,
    Field,
    InSegment,
    Kind,
    Not,
    Or,
    OrdersQuery,
    Rule,
    Term,
)
from transforms.schemas import CUSTOMERS, ORDER_LINES, ORDERS, PRODUCTS

ZONES = ("UTC", "Europe/Berlin", "Pacific/Auckland", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia")
WORDS = ("vip", "VIP", "Straße", "STRASSE", "ΟΔΟΣ", "οδος", "ﬁ", "é", "e\u0301", "a", "a.c", "Ａ", '"', "\\", "%", "DE")
CODES = ("EUR", "USD", "completed", "Completed", "processing", "cancelled")
AMOUNTS = tuple(Decimal(text) for text in ("-5", "0", "0.000001", "9.99", "10", "50", "50.000001", "120.5"))


class RandomShop:
    """A shop made of a seed: its tables for the compiler, and the same rows for the plain reading."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.as_of = datetime(2026, 4, 5, tzinfo=UTC) + timedelta(minutes=self.random.randrange(0, 60 * 24 * 20, 30))
        self.timezone = self.random.choice(ZONES)
        self.people = [self._person(number) for number in range(12)]
        self.orders = [self._order(number) for number in range(40)]
        self.products = {number: self._product(number) for number in range(1, 6)}
        self.lines = [self._line(number) for number in range(70)]
        keys = [person["customer_key"] for person in self.people]
        self.hidden = frozenset(self.random.sample(keys, 2))

    def tables(self) -> dict[str, pl.LazyFrame]:
        """Return the tables that queries read."""
        return {
            "orders": pl.LazyFrame(self.orders, schema=dict(ORDERS)),
            "order_lines": pl.LazyFrame(self.lines, schema=dict(ORDER_LINES)),
            "products": pl.LazyFrame(list(self.products.values()), schema=dict(PRODUCTS)),
        }

    def customers(self) -> pl.LazyFrame:
        """Return everybody, with tags."""
        return pl.LazyFrame(self.people, schema={**CUSTOMERS, "tags": pl.List(pl.String())})

    def plain(self, rules: Mapping[str, Rule], names: Mapping[str, str]) -> Shop:
        """Return the shop as the plain reading sees it."""
        return Shop(self.as_of, self.timezone, self.orders, self.lines, self.products, rules, names, self.hidden)

    def rule(self, segments: Sequence[str], depth: int = 3) -> Rule:
        """Return a random rule that may name `segments`."""
        if depth == 0 or self.random.random() < 0.3:
            return self._leaf(segments)
        shape = self.random.random()
        if shape < 0.2:
            return Not(self.rule(segments, depth - 1))
        parts = tuple(self.rule(segments, depth - 1) for _ in range(self.random.randint(2, 3)))
        return And(parts) if shape < 0.55 else Or(parts)

    def _leaf(self, segments: Sequence[str]) -> Rule:
        kind = self.random.random()
        if kind < 0.1 and segments:
            return InSegment(self.random.choice(segments))
        if kind < 0.35:
            return OrdersQuery(self._terms(ORDER_TERMS))
        if kind < 0.6:
            return BoughtQuery(self._terms(BOUGHT_TERMS))
        return self._comparison(FIELDS, Condition)

    def _terms(self, table: Mapping[str, Field]) -> tuple[Term, ...]:
        return tuple(self._comparison(table, Term) for _ in range(self.random.randint(1, 3)))

    def _comparison(self, table: Mapping[str, Field], make: Callable[[str, str, Any], Any]) -> Any:
        field = self.random.choice(list(table.values()))
        op = self.random.choice(field.operators)
        return make(field.name, op, self._value(field, op))

    def _value(self, field: Field, op: str) -> Any:
        if op in ("is null", "is not null"):
            return None
        if op in ("older than", "within"):
            return Age(self.random.randint(0, 12), self.random.choice(["days", "days", "weeks"]))
        if op == "between":
            return tuple(sorted(self._single(field) for _ in range(2)))
        single = (lambda: self.random.choice(field.values)) if field.values else (lambda: self._single(field))
        if op in ("in", "not in"):
            return tuple(single() for _ in range(self.random.randint(1, 3)))
        return single() if op in ("=", "!=") else self._single(field)

    def _single(self, field: Field) -> Any:
        match field.kind:
            case Kind.INT:
                return self.random.randint(-1, 5)
            case Kind.MONEY:
                return self.random.choice(AMOUNTS)
            case Kind.NUMBER:
                return Decimal(self.random.randint(0, 8)) / 2
            case Kind.DATE:
                return (self.as_of - timedelta(days=self.random.randint(-2, 12))).date()
            case Kind.BOOL:
                return self.random.random() < 0.5
        return self._word() if field.name not in ("status", "currency") else self.random.choice(CODES)

    def _word(self) -> str:
        return self.random.choice(WORDS)

    def _maybe(self, make: Callable[[], Any], nothing: Any = None) -> Any:
        return nothing if self.random.random() < 0.2 else make()

    def _instant(self) -> datetime:
        # On the hour and just before it: where days begin.
        ago = timedelta(minutes=30 * self.random.randint(-48, 48 * 12), microseconds=self.random.choice([0, 1]))
        return self.as_of - ago

    def _person(self, number: int) -> dict[str, Any]:
        kind = self.random.choice(["woo", "guest", "guest-order"])
        row = a_person(customer_key=f"{kind}:{number}", tags=self._maybe(self._words))
        for field in FIELDS.values():
            for column in field.columns:
                if column not in ("customer_key", "tags"):
                    row[column] = self._maybe(lambda field=field, column=column: self._of(field, column))
        return row | {"deleted_at": self.as_of if self.random.random() < 0.1 else None}

    def _of(self, field: Field, column: str) -> Any:
        match field.kind:
            case Kind.LIST:
                return self._words()
            case Kind.DATE:
                return self._instant()
            case Kind.TEXT:
                if field.values:
                    return self.random.choice([*field.values[:3], *field.values[:3], *WORDS, ""])
                return self.random.choice([*WORDS, ""]) if field.name != "currency" else self.random.choice(CODES[:2])
        value = self._single(field)
        return float(value) if column == "median_days_between" else value

    def _words(self) -> list[str]:
        return [self._word() for _ in range(self.random.randint(0, 3))]

    def _order(self, number: int) -> dict[str, Any]:
        owner = self.random.choice(self.people[:9])  # some people have no order
        return dict.fromkeys(ORDERS) | {
            "order_id": number,
            "customer_key": owner["customer_key"],
            "status": self._maybe(lambda: self.random.choice(CODES[2:])),
            "counted": self.random.random() < 0.7,
            "total": self.random.choice(AMOUNTS),
            "net": self.random.choice(AMOUNTS),
            "currency": self.random.choice(CODES[:2]),
            "payment_method": self._maybe(self._word, nothing=""),
            "number": self._word(),
            "coupons": self._maybe(self._words),
            "items": self._maybe(lambda: self.random.randint(0, 4)),
            "created_at": self._instant(),
            "deleted_at": self._maybe(lambda: None, nothing=self.as_of),
        }

    def _product(self, number: int) -> dict[str, Any]:
        texts = {"name": self._maybe(self._word), "sku": self._maybe(self._word, nothing="")}
        return dict.fromkeys(PRODUCTS) | texts | {"product_id": number, "categories": self._maybe(self._words)}

    def _line(self, number: int) -> dict[str, Any]:
        return dict.fromkeys(ORDER_LINES) | {
            "line_id": number,
            "order_id": self.random.randint(0, 44),  # some are of an order that is gone
            "product_id": self._maybe(lambda: self.random.randint(1, 7)),  # some of a product that is gone
            "name": self._maybe(self._word),
            "sku": self._maybe(self._word, nothing=""),
            "quantity": self.random.randint(-1, 4),
            "total": self.random.choice(AMOUNTS),
            "tax": self.random.choice(AMOUNTS),
        }
