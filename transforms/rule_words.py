"""A rule as a plain phrase, for cards and for people who read no rules."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from transforms.rule_fields import AGES, FIELDS, Field, Kind
from transforms.rule_terms import BOUGHT_TERMS, ORDER_TERMS
from transforms.rule_tree import (
    And,
    BoughtQuery,
    Condition,
    InSegment,
    Not,
    Or,
    OrdersQuery,
    Query,
    Rule,
    Term,
    check_size,
    terms_of,
)
from transforms.rule_values import Value

# How operators read in a sentence; the builder shows the same words.
PHRASES = {
    "=": "is",
    "!=": "is not",
    "<": "below",
    "<=": "at most",
    ">": "above",
    ">=": "at least",
    "in": "is one of",
    "not in": "is none of",
    "is null": "is unknown",
    "is not null": "is known",
}
DATE_PHRASES = {"=": "on", "!=": "not on", "<": "before", "<=": "on or before", ">": "after", ">=": "on or after"}
NO_NAMES: Mapping[str, str] = {}
_COUNT_PHRASES = {"=": "exactly", "!=": "not", "<": "fewer than", ">": "more than", "in": "one of", "not in": "none of"}
_ONE = {
    "orders": "order",
    "pieces": "piece",
    "active months": "active month",
    "different products": "different product",
}


def words(rule: Rule, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return `rule` as a plain phrase for a card, without a closing full stop. Texts in it are a person's: escape them.

    `names` gives the names of segments by id; a segment that is not in it reads as the rule writes it.

    >>> from transforms.rule_text import parse
    >>> words(parse("orders_count >= 3 and last_order older than 90 days"))
    'at least 3 orders and last order more than 90 days ago'
    """
    check_size(rule)
    return _words(rule, names)


def _words(rule: Rule, names: Mapping[str, str]) -> str:
    match rule:
        case Not(part):
            return f"not ({_words(part, names)})"
        case And(parts) | Or(parts):
            told = [f"({_words(part, names)})" if isinstance(part, And | Or) else _words(part, names) for part in parts]
            return _listed(told, "and" if isinstance(rule, And) else "or")
        case InSegment(segment):
            return f"in the segment “{names.get(segment, segment)}”"
        case OrdersQuery():
            return _orders_words(rule)
        case BoughtQuery():
            return _bought_words(rule)
    return _comparison_words(FIELDS[rule.field], rule)


def _orders_words(query: OrdersQuery) -> str:
    counts, sums, each = _sorted_terms(query)
    said = _listed(counts, "and") if counts else "at least 1 order"
    such = f" with {_listed(each, 'and')}" if each else ""
    return f"{said}{such}{_altogether(sums)}"


def _bought_words(query: BoughtQuery) -> str:
    counts, sums, each = _sorted_terms(query)
    such = f" with {_listed(each, 'and')}" if each else ""
    often = f" in {_listed(counts, 'and')}" if counts else ""
    return f"bought something{such}{often}{_altogether(sums)}"


def _sorted_terms(query: Query) -> tuple[list[str], list[str], list[str]]:
    """Return the words of the counts, of the other terms over what remains, and of the terms of each order or line."""
    table = terms_of(query)
    told: tuple[list[str], list[str], list[str]] = ([], [], [])
    for term in query.terms:
        kind = 0 if term.name == "count" else 1 if table[term.name].together else 2
        told[kind].append(_comparison_words(table[term.name], term))
    return told


def _altogether(sums: Sequence[str]) -> str:
    return f", altogether {_listed(sums, 'and')}" if sums else ""


def _comparison_words(field: Field, leaf: Condition | Term) -> str:
    value = leaf.value
    match field.kind:
        case Kind.BOOL:
            return field.yes_no[value is (leaf.op == "!=")]
        case Kind.LIST if value is None:
            return f"no {field.label}" if leaf.op == "is null" else f"some {field.label}"
        case Kind.DATE if value is not None:
            return f"{field.label} {_date_words(leaf.op, value)}"
        case Kind.INT if field.unit and value is not None and field.name not in _EACH:
            phrase = _COUNT_PHRASES.get(leaf.op) or PHRASES.get(leaf.op, leaf.op)
            unit = _ONE.get(field.unit, field.unit) if value == 1 else field.unit
            return f"{phrase} {_value_words(leaf.op, value)} {unit}"
    phrase = PHRASES.get(leaf.op, leaf.op)
    if isinstance(leaf, Term):
        # After "with": status one of “completed”, category “Mugs”.
        phrase = "" if leaf.op == "=" else phrase.removeprefix("is ")
    label = "" if field.name == "sum" else field.label
    return " ".join(piece for piece in (label, phrase, _value_words(leaf.op, value)) if piece)


# Of an order or a line the name is said: "items at least 3", where "at least 3 pieces" would be of all together.
_EACH = frozenset(name for name, term in {**ORDER_TERMS, **BOUGHT_TERMS}.items() if not term.together)


def _date_words(op: str, value: Value) -> str:
    said = _value_words(op, value)
    if op in AGES:
        return f"more than {said} ago" if op == "older than" else f"within the last {said}"
    return f"{DATE_PHRASES.get(op, op)} {said}"


def _value_words(op: str, value: Value) -> str:
    match value:
        case None:
            return ""
        case tuple():
            return (" and " if op == "between" else ", ").join(_value_words("=", item) for item in value)
        case str():
            return f"“{value}”"
        case Decimal():
            return f"{value:,f}"
        case date():
            return value.isoformat()
    return str(value)


def _listed(parts: Sequence[str], join: str) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {join} {parts[-1]}"
