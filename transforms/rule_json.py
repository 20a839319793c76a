"""A rule as JSON objects, for a builder and the API: `from_dict(to_dict(rule)) == rule`."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from transforms.rule_errors import RuleError
from transforms.rule_fields import AGES, Field, Kind
from transforms.rule_terms import BOUGHT_TERMS, ORDER_TERMS, TermField
from transforms.rule_tree import (
    MAX_LEAVES,
    MAX_LEVELS,
    MAX_TERMS,
    And,
    BoughtQuery,
    Condition,
    InSegment,
    Not,
    Or,
    OrdersQuery,
    Rule,
    Term,
    check_size,
    field_named,
    term_named,
)
from transforms.rule_values import MAX_LIST, Age, Value, day


def to_dict(rule: Rule) -> dict[str, Any]:
    """Return `rule` as JSON objects, one a node.

    `{"all": […]}`, `{"any": […]}`, `{"not": …}`, `{"field", "op", "value"}`, `{"in_segment": "vip"}`, and
    `{"orders": […]}`, `{"bought": […]}` with terms `{"term", "op", "value"}`. Money and numbers are text, a date is ISO
    text, an age is `{"days": n}` or `{"weeks": n}`; `is null` has no value.
    """
    match rule:
        case Not(part):
            return {"not": to_dict(part)}
        case And(parts):
            return {"all": [to_dict(part) for part in parts]}
        case Or(parts):
            return {"any": [to_dict(part) for part in parts]}
        case InSegment(segment):
            return {"in_segment": segment}
        case OrdersQuery(terms) | BoughtQuery(terms):
            query = "orders" if isinstance(rule, OrdersQuery) else "bought"
            return {query: [_comparison("term", term.name, term.op, term.value) for term in terms]}
    return _comparison("field", rule.field, rule.op, rule.value)


def from_dict(tree: Mapping[str, Any]) -> Rule:
    """Return the rule of what `to_dict` made, or a builder. Raises RuleError where it is none."""
    rule = _from_dict(tree, 1)
    check_size(rule)
    return rule


def _comparison(key: str, name: str, op: str, value: Value) -> dict[str, Any]:
    leaf: dict[str, Any] = {key: name, "op": op}
    return leaf if value is None else leaf | {"value": _to_json(value)}


def _from_dict(tree: object, level: int) -> Rule:
    if level > MAX_LEVELS:
        raise RuleError(f"A rule nests at most {MAX_LEVELS} levels deep.", expected=f"{MAX_LEVELS} levels")
    match tree:
        case {"all": [*parts], **rest} if not rest:
            return And(tuple(_from_dict(part, level + 1) for part in parts[: MAX_LEAVES + 1]))
        case {"any": [*parts], **rest} if not rest:
            return Or(tuple(_from_dict(part, level + 1) for part in parts[: MAX_LEAVES + 1]))
        case {"not": part, **rest} if not rest:
            return Not(_from_dict(part, level + 1))
    return _leaf(tree)


def _leaf(tree: object) -> Rule:
    match tree:
        case {"in_segment": str(segment), **rest} if not rest:
            return InSegment(segment)
        case {"orders": [*terms], **rest} if not rest:
            return OrdersQuery(_terms(terms, ORDER_TERMS))
        case {"bought": [*terms], **rest} if not rest:
            return BoughtQuery(_terms(terms, BOUGHT_TERMS))
        case {"field": str(name), "op": str(op), **rest} if rest.keys() <= {"value"}:
            return Condition(name, op, _from_json(field_named(name), op, rest.get("value")))
    right = (
        "all, any, not, orders, bought, in_segment, or field with op and value, "
        'as in {"field": "orders_count", "op": ">=", "value": 3}'
    )
    raise RuleError(f"A part of the rule is none of {right}.", expected=right)


def _terms(terms: list[object], table: Mapping[str, TermField]) -> tuple[Term, ...]:
    return tuple(_term(term, table) for term in terms[: MAX_TERMS + 1])


def _term(tree: object, table: Mapping[str, TermField]) -> Term:
    match tree:
        case {"term": str(name), "op": str(op), **rest} if rest.keys() <= {"value"}:
            return Term(name, op, _from_json(term_named(name, table), op, rest.get("value")))
    right = 'term with op and value, as in {"term": "count", "op": ">=", "value": 2}'
    raise RuleError(f"In a query each part is a {right}.", expected=right)


def _to_json(value: Value) -> Any:
    match value:
        case Age(amount, unit):
            return {unit: amount}
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
        case tuple():
            return [_to_json(item) for item in value]
    return value


def _from_json(field: Field, op: str, value: Any) -> Any:
    if op in AGES:
        match value:
            case {"days": amount, **rest} if not rest:
                return Age(amount)
            case {"weeks": amount, **rest} if not rest:
                return Age(amount, "weeks")
    elif isinstance(value, list):
        return tuple(_single(field, item) for item in value[: MAX_LIST + 1])
    return _single(field, value)


def _single(field: Field, value: Any) -> Any:
    return day(value) if field.kind == Kind.DATE and isinstance(value, str) else value
