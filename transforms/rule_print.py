"""The canonical text of a rule. Brackets that group nothing new are left out: `(a)` prints as `a`."""

from datetime import date
from decimal import Decimal

from transforms.rule_errors import RuleError
from transforms.rule_fields import AGES
from transforms.rule_tree import (
    MAX_TEXT,
    And,
    BoughtQuery,
    InSegment,
    Leaf,
    Not,
    Or,
    OrdersQuery,
    Rule,
    Term,
    check_size,
)
from transforms.rule_values import Age, Value


def to_text(rule: Rule) -> str:
    """Return the canonical text of `rule`. Raises RuleError where the rule or its text is too large.

    >>> from transforms.rule_text import parse
    >>> to_text(parse("ORDERS_COUNT>=3 AND (country in ('DE','AT'))"))
    'orders_count >= 3 and country in ("DE", "AT")'
    """
    check_size(rule)
    text = _print(rule)
    if len(text) > MAX_TEXT:
        raise RuleError(f"The text of a rule has at most {MAX_TEXT} characters; this one has {len(text)}.")
    return text


def leaf_text(leaf: Leaf) -> str:
    """Return the canonical text of one leaf, of any length."""
    match leaf:
        case OrdersQuery(terms):
            return f"orders({', '.join(map(_term, terms))})"
        case BoughtQuery(terms):
            return f"bought({', '.join(map(_term, terms))})"
        case InSegment(segment):
            return f"in_segment({value_text(segment)})"
    return _comparison(leaf.field, leaf.op, leaf.value)


def value_text(value: Value) -> str:
    """Return a value as a rule writes it; a tuple as a list in brackets."""
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return f"({', '.join(value_text(item) for item in value)})"
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
    return str(value)


def _print(rule: Rule) -> str:
    if isinstance(rule, Not):
        return f"not {_print_part(rule.part)}"
    if isinstance(rule, And | Or):
        return (" and " if isinstance(rule, And) else " or ").join(_print_part(part) for part in rule.parts)
    return leaf_text(rule)


def _print_part(rule: Rule) -> str:
    text = _print(rule)
    return f"({text})" if isinstance(rule, And | Or) else text


def _term(term: Term) -> str:
    # The day is what an age is of: `within 90 days` says it without its name.
    name = "" if term.op in AGES and isinstance(term.value, Age) and term.name == "day" else term.name
    return _comparison(name, term.op, term.value).lstrip()


def _comparison(name: str, op: str, value: Value) -> str:
    if value is None:
        return f"{name} {op}"
    if op == "between" and isinstance(value, tuple):
        low, high = value
        return f"{name} {op} {value_text(low)} and {value_text(high)}"
    return f"{name} {op} {value_text(value)}"
