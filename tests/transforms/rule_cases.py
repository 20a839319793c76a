"""Trees for hypothesis, and people for the compiler."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import strategies as st

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
    Query,
    Rule,
    Term,
)
from transforms.schemas import CUSTOMERS

BERLIN = "Europe/Berlin"
AS_OF = datetime(2026, 11, 1, 23, tzinfo=UTC)  # 00:00 of 2 November in Berlin

_WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6)
_FEW_WORDS = st.sampled_from(
    ["vip", "VIP", "Straße", "STRASSE", "ΟΔΟΣ", "οδος", "ﬁ", "e\u0301", "é", "a", '"', "\\", "DE"]
)
_INTS = st.integers(-3, 12)
_AMOUNTS = st.decimals(-50, 50, places=2)
_HALVES = st.integers(-4, 30).map(lambda halves: Decimal(halves) / 2)
_DAYS = st.dates(date(2026, 10, 20), date(2026, 11, 5))
_AGES = st.builds(Age, st.integers(0, 20), st.sampled_from(["days", "weeks"]))


def _values(field: Field, op: str) -> st.SearchStrategy[Any]:
    if op in ("is null", "is not null"):
        return st.none()
    if op in ("older than", "within"):
        return _AGES
    single = {
        Kind.INT: _INTS,
        Kind.MONEY: _AMOUNTS,
        Kind.NUMBER: _HALVES,
        Kind.TEXT: _FEW_WORDS | _WORDS,
        Kind.DATE: _DAYS,
        Kind.BOOL: st.booleans(),
        Kind.LIST: _FEW_WORDS | _WORDS,
    }[field.kind]
    if field.values and op in ("=", "!=", "in", "not in"):
        single = st.sampled_from(field.values)
    if op == "between":
        return st.lists(single, min_size=2, max_size=2).map(lambda ends: tuple(sorted(ends)))
    return st.lists(single, min_size=1, max_size=3).map(tuple) if op in ("in", "not in") else single


def _comparisons(table: Mapping[str, Field], make: Any) -> st.SearchStrategy[Any]:
    def of_field(field: Field) -> st.SearchStrategy[Any]:
        return st.sampled_from(field.operators).flatmap(
            lambda op: _values(field, op).map(lambda value: make(field.name, op, value))
        )

    return st.sampled_from(sorted(table.values(), key=lambda field: field.name)).flatmap(of_field)


def conditions() -> st.SearchStrategy[Condition]:
    """One condition on any field, with any operator that fits it."""
    return _comparisons(FIELDS, Condition)


def queries() -> st.SearchStrategy[Query]:
    """One query about orders or what was bought, with a few terms of any kind."""
    orders = st.lists(_comparisons(ORDER_TERMS, Term), min_size=1, max_size=4)
    bought = st.lists(_comparisons(BOUGHT_TERMS, Term), min_size=1, max_size=4)
    return st.builds(OrdersQuery, orders.map(tuple)) | st.builds(BoughtQuery, bought.map(tuple))


def in_segments() -> st.SearchStrategy[InSegment]:
    """A segment by any name."""
    return st.builds(InSegment, _FEW_WORDS | _WORDS)


def rules_on_people() -> st.SearchStrategy[Rule]:
    """Any small tree over fields of the customers table alone."""
    return trees(conditions())


def rules() -> st.SearchStrategy[Rule]:
    """Any small tree with leaves of every kind."""
    return trees(conditions() | queries() | in_segments())


def trees(leaves: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    """Any small tree over `leaves`."""

    def grow(part: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
        parts = st.lists(part, min_size=2, max_size=3).map(tuple)
        return st.builds(Not, part) | st.builds(And, parts) | st.builds(Or, parts)

    return st.recursive(leaves, grow, max_leaves=12)


def a_person(**values: Any) -> dict[str, Any]:
    """One row of customers; what is not given is absent, as for somebody without an order."""
    return dict.fromkeys(CUSTOMERS) | {"customer_key": "guest:1", "orders_count": 0} | values


def people(*rows: Mapping[str, Any]) -> pl.LazyFrame:
    """A customers frame of `rows`; with `tags` where the rows have them."""
    tagged = {"tags": pl.List(pl.String())} if any("tags" in row for row in rows) else {}
    return pl.LazyFrame(list(rows), schema={**CUSTOMERS, **tagged})


_TEXTS = st.none() | st.just("") | _FEW_WORDS | _WORDS
_TIMES = st.none() | st.integers(-13 * 86_400, 4 * 86_400).map(lambda seconds: AS_OF + timedelta(seconds=seconds))


@st.composite
def persons(draw: st.DrawFn) -> dict[str, Any]:
    """A person with any mixture of known and absent values, near the values that `conditions` uses."""
    row = a_person(customer_key=draw(st.sampled_from(["woo:1", "guest:1", "guest-order:1"])))
    for field in FIELDS.values():
        for column in field.columns:
            match field.kind:
                case Kind.INT:
                    row[column] = draw(st.none() | st.integers(0, 12))
                case Kind.MONEY:
                    row[column] = draw(st.none() | _AMOUNTS)
                case Kind.NUMBER:
                    row[column] = draw(st.none() | _HALVES.map(float if column == "median_days_between" else Decimal))
                case Kind.TEXT:
                    row[column] = draw(_TEXTS | st.sampled_from(field.values or ("DE",)))
                case Kind.DATE:
                    row[column] = draw(_TIMES)
                case Kind.LIST:
                    row[column] = draw(st.none() | st.lists(_FEW_WORDS, max_size=3))
    row["is_paying_customer"] = draw(st.none() | st.booleans())
    return row
