"""The rule language of segments: read, print, compile, and say in words.

`orders_count >= 3 and total_spent >= 200 and last_order older than 90 days`. Fields stand in one table
(`rule_fields`), the tree in `rule_tree`, the text in `rule_text`, the meaning of each comparison in `rule_compile`;
what others use is all here.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from transforms.rule_compile import compile_rule, fold, folded_field
from transforms.rule_fields import ALIASES, FIELDS, OPERATORS, Field, Kind
from transforms.rule_text import parse, to_text
from transforms.rule_tree import (
    MAX_LEAVES,
    MAX_LEVELS,
    MAX_TEXT,
    Age,
    And,
    Condition,
    Not,
    Or,
    Rule,
    RuleError,
    Value,
    check_size,
    conditions,
    from_dict,
    to_dict,
)

__all__ = [
    "ALIASES",
    "FIELDS",
    "MAX_LEAVES",
    "MAX_LEVELS",
    "MAX_TEXT",
    "OPERATORS",
    "STARTING_SEGMENTS",
    "Age",
    "And",
    "Condition",
    "Field",
    "Kind",
    "Not",
    "Or",
    "Rule",
    "RuleError",
    "StartingSegment",
    "Value",
    "compile_rule",
    "conditions",
    "fold",
    "folded_field",
    "from_dict",
    "parse",
    "to_dict",
    "to_text",
    "words",
]


@dataclass(frozen=True)
class StartingSegment:
    """A segment that every shop begins with. `rule` is canonical text."""

    id: str
    name: str
    rule: str
    description: str


STARTING_SEGMENTS: tuple[StartingSegment, ...] = (
    StartingSegment("vip", "VIP", "m = 5 and f >= 4", "They spend the most and come back often."),
    StartingSegment(
        "frequent-buyers",
        "Frequent buyers",
        "orders_count >= 5 and last_order within 365 days",
        "Five orders or more, the last of them within a year.",
    ),
    StartingSegment("new", "New", "first_order within 30 days", "Their first order came in the last 30 days."),
    StartingSegment(
        "slipping",
        "Slipping",
        "orders_count >= 2 and last_order older than 90 days and last_order within 180 days",
        "They came back before, and have been away for three to six months.",
    ),
    StartingSegment(
        "inactive",
        "Inactive",
        "orders_count >= 1 and last_order older than 180 days",
        "They bought once or more, but not in the last 180 days.",
    ),
)

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
_COUNT_PHRASES = {"=": "exactly", "!=": "not", "<": "fewer than", ">": "more than", "in": "one of", "not in": "none of"}
DATE_PHRASES = {"=": "on", "!=": "not on", "<": "before", "<=": "on or before", ">": "after", ">=": "on or after"}


def words(rule: Rule) -> str:
    """Return `rule` as a plain phrase for a card, without a closing full stop. Texts in it are a person's: escape them.

    >>> words(parse("orders_count >= 3 and last_order older than 90 days"))
    'at least 3 orders and last order more than 90 days ago'
    """
    check_size(rule)
    return _words(rule)


def _words(rule: Rule) -> str:
    if isinstance(rule, Condition):
        return _leaf_words(rule)
    if isinstance(rule, Not):
        return f"not ({_words(rule.part)})"
    parts = [f"({_words(part)})" if isinstance(part, And | Or) else _words(part) for part in rule.parts]
    return f"{', '.join(parts[:-1])} {'and' if isinstance(rule, And) else 'or'} {parts[-1]}"


def _leaf_words(leaf: Condition) -> str:
    field, value = FIELDS[leaf.field], leaf.value
    match field.kind:
        case Kind.BOOL:
            return field.yes_no[value is (leaf.op == "!=")]
        case Kind.LIST if value is None:
            return f"no {field.label}" if leaf.op == "is null" else f"some {field.label}"
        case Kind.DATE if value is not None:
            return f"{field.label} {_date_words(leaf.op, value)}"
        case Kind.INT if field.unit and value is not None:
            phrase = _COUNT_PHRASES.get(leaf.op) or PHRASES[leaf.op]
            return f"{phrase} {_value_words(value)} {'order' if value == 1 and field.unit == 'orders' else field.unit}"
    return f"{field.label} {PHRASES.get(leaf.op, leaf.op)} {'' if value is None else _value_words(value)}".rstrip()


def _date_words(op: str, value: Value) -> str:
    if op == "older than":
        return f"more than {_value_words(value)} ago"
    if op == "within":
        return f"within the last {_value_words(value)}"
    return f"{DATE_PHRASES[op]} {_value_words(value)}"


def _value_words(value: Value) -> str:
    if isinstance(value, tuple):
        return ", ".join(_value_words(item) for item in value)
    if isinstance(value, str):
        return f"“{value}”"
    if isinstance(value, Decimal):
        return f"{value:,f}"
    return value.isoformat() if isinstance(value, date) else str(value)
