"""What a rule means, read in plain Python: one person, one order, one comparison at a time. No Polars, no cleverness."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from transforms.rules import (
    FIELDS,
    Age,
    And,
    Condition,
    Field,
    InSegment,
    Not,
    Or,
    OrdersQuery,
    Query,
    Rule,
    Term,
    segments_named,
)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Shop:
    """All that rules look at. `rules` are the saved segments by id; `names` their names."""

    as_of: datetime
    timezone: str
    orders: Sequence[Row] = ()
    lines: Sequence[Row] = ()
    products: Mapping[int, Row] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    @property
    def zone(self) -> ZoneInfo:
        """The shop's time zone."""
        return ZoneInfo(self.timezone)

    def id_of(self, named: str) -> str | None:
        """Return the id of a segment that is named by its id or its name."""
        if named in self.rules:
            return named
        return next((each for each, name in self.names.items() if name.casefold() == named.casefold()), None)


def broken(segment_id: str, shop: Shop) -> bool:
    """Say whether a segment leads to one that there is not, or to one that leads back to itself."""
    reached = _reached(segment_id, shop)
    return None in reached or any(each in _reached(each, shop) for each in {segment_id, *reached})


def _reached(segment_id: str | None, shop: Shop) -> set[str | None]:
    reached: set[str | None] = set()
    todo = [segment_id]
    while todo:
        here = todo.pop()
        for named in segments_named(shop.rules[here]) if here is not None else ():
            following = shop.id_of(named)
            if following not in reached:
                reached.add(following)
                todo.append(following)
    return reached


def is_member(segment_id: str, person: Row, shop: Shop) -> bool:
    """Say whether a person is in a segment that is not broken."""
    alive = person["deleted_at"] is None and person["customer_key"] not in shop.hidden
    return alive and holds(shop.rules[segment_id], person, shop)


def holds(rule: Rule, person: Row, shop: Shop) -> bool:
    """Say whether `rule` is true for a person."""
    if isinstance(rule, Not):
        return not holds(rule.part, person, shop)
    if isinstance(rule, And):
        return all(holds(part, person, shop) for part in rule.parts)
    if isinstance(rule, Or):
        return any(holds(part, person, shop) for part in rule.parts)
    if isinstance(rule, InSegment):
        return is_member(shop.id_of(rule.segment), person, shop)
    if isinstance(rule, Condition):
        return _fits(rule, _value(FIELDS[rule.field], person), shop)
    return _query_holds(rule, person, shop)


def _query_holds(query: Query, person: Row, shop: Shop) -> bool:
    orders = [
        order
        for order in shop.orders
        if order["customer_key"] == person["customer_key"]
        and order["created_at"] is not None
        and order["created_at"] < shop.as_of
        and order["deleted_at"] is None
        and (order["counted"] or any(term.name == "status" for term in query.terms))
    ]
    if isinstance(query, OrdersQuery):
        kept = [order for order in orders if all(_order_fits(term, order, shop) for term in query.terms)]
        found = [(order, order["total"], 0) for order in kept]
    else:
        by_id = {order["order_id"]: order for order in orders}
        found = [
            (by_id[line["order_id"]], line["total"] + line["tax"], line["quantity"])
            for line in shop.lines
            if line["order_id"] in by_id
            and all(
                _line_fits(term, line, shop) and _order_fits(term, by_id[line["order_id"]], shop, bought=True)
                for term in query.terms
            )
        ]
    together = {
        "count": len({order["order_id"] for order, _, _ in found}),
        "pieces": sum(quantity for _, _, quantity in found),
        "sum": sum(amount for order, amount, _ in found if order["currency"] == person["currency"] is not None),
    }
    asked = [term for term in query.terms if term.name in together]
    if not any(term.name == "count" for term in asked) and together["count"] == 0:
        return False
    return all(_compare(term.op, together[term.name], term.value) for term in asked)


def _order_fits(term: Term, order: Row, shop: Shop, *, bought: bool = False) -> bool:
    match term.name:
        case "day":
            return _fits(term, order["created_at"], shop)
        case "coupon":
            return _any_fits(term, [code.strip() for code in order["coupons"] or []])
        case "status":
            return _any_fits(term, [order["status"]])
        case "payment_method" | "currency" | "number" if not bought:
            return _any_fits(term, [order[term.name]])
        case "total" | "net" | "items" if not bought:
            return _fits(term, order[term.name], shop)
    return True


def _line_fits(term: Term, line: Row, shop: Shop) -> bool:
    product = shop.products.get(line["product_id"], {"name": None, "sku": None, "categories": None})
    match term.name:
        case "product":
            return _any_fits(term, [line["name"], product["name"]])
        case "sku":
            return _any_fits(term, [line["sku"], product["sku"]])
        case "category":
            return _any_fits(term, product["categories"] or [])
        case "product_id" | "quantity":
            return _fits(term, line[term.name], shop)
    return True


def _any_fits(term: Term, values: Sequence[Any]) -> bool:
    """Say whether one of several texts fits; for "not equal", whether there is one and none is equal."""
    known = [_plain(value) for value in values if value not in (None, "")]
    if term.op in ("is null", "is not null"):
        return (not known) == (term.op == "is null")
    wanted = _plain(term.value)
    if term.op in ("!=", "not in"):
        return bool(known) and not any(_compare("=" if term.op == "!=" else "in", value, wanted) for value in known)
    return any(_compare(term.op, value, wanted) for value in known)


def _fits(leaf: Condition | Term, value: Any, shop: Shop) -> bool:
    if leaf.op in ("is null", "is not null"):
        return (value in (None, [])) == (leaf.op == "is null")
    if value is None:
        return False
    if isinstance(leaf.value, Age):
        age = (shop.as_of.astimezone(shop.zone).date() - value.astimezone(shop.zone).date()).days
        return value < shop.as_of and (age > leaf.value.days if leaf.op == "older than" else age <= leaf.value.days)
    if isinstance(value, datetime):
        value = value.astimezone(shop.zone).date()
    return _compare(leaf.op, _plain(value), _plain(leaf.value))


def _value(field: Field, person: Row) -> Any:
    if field.name == "is_account":
        return person["customer_key"].startswith("woo:")
    if field.name == "name":
        return " ".join(part for part in (person["first_name"], person["last_name"]) if part) or None
    value = person.get(field.columns[0])
    return None if value == "" else value


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFKC", value).upper().lower().replace("ς", "σ")
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _compare(op: str, left: Any, right: Any) -> bool:
    return {
        "=": lambda: left == right,
        "!=": lambda: left != right,
        "<": lambda: left < right,
        "<=": lambda: left <= right,
        ">": lambda: left > right,
        ">=": lambda: left >= right,
        "contains": lambda: right in left,
        "starts with": lambda: left.startswith(right),
        "ends with": lambda: left.endswith(right),
        "in": lambda: left in right,
        "not in": lambda: left not in right,
        "between": lambda: right[0] <= left <= right[1],
    }[op]()
