"""The rule language of segments: read, print, compile, and say in words.

`orders_count >= 3 and total_spent >= 200 and last_order older than 90 days`. Fields stand in one table
(`rule_fields`), terms of queries in two (`rule_terms`), the tree in `rule_tree`, its values in `rule_values`, the text
in `rule_text` and `rule_print`, the meaning of each comparison in `rule_compile`, that of queries in `rule_queries`,
segments that name one another in `rule_segments`; what others use is all here.
"""

from dataclasses import dataclass

from transforms.rule_compile import compile_rule, flag_name, fold, folded_field
from transforms.rule_criteria import from_criteria
from transforms.rule_errors import RuleError, excerpt
from transforms.rule_fields import ALIASES, FIELDS, OPERATORS, Field, Kind
from transforms.rule_json import from_dict, to_dict
from transforms.rule_known import unknown_values
from transforms.rule_past import todays_values, without_past
from transforms.rule_print import leaf_text, to_text, value_text
from transforms.rule_queries import QUERY_TABLES, query_keys, with_flags
from transforms.rule_segments import (
    EvaluationOrder,
    SegmentRule,
    by_id,
    evaluation_order,
    named_by,
    place_of,
    refuse_circle,
    refuse_unknown,
    rules_behind,
)
from transforms.rule_terms import BOUGHT_TERMS, ORDER_TERMS, TermField
from transforms.rule_text import parse
from transforms.rule_tree import (
    MAX_LEAVES,
    MAX_LEVELS,
    MAX_TERMS,
    MAX_TEXT,
    And,
    BoughtQuery,
    Condition,
    InSegment,
    Leaf,
    Not,
    Or,
    OrdersQuery,
    Query,
    Rule,
    Term,
    check_size,
    conditions,
    leaves,
    queries,
    segments_named,
    terms_of,
)
from transforms.rule_values import Age, Value
from transforms.rule_words import DATE_PHRASES, PHRASES, words

__all__ = [
    "ALIASES",
    "BOUGHT_TERMS",
    "DATE_PHRASES",
    "FIELDS",
    "MAX_LEAVES",
    "MAX_LEVELS",
    "MAX_TERMS",
    "MAX_TEXT",
    "OPERATORS",
    "ORDER_TERMS",
    "PHRASES",
    "QUERY_TABLES",
    "STARTING_SEGMENTS",
    "Age",
    "And",
    "BoughtQuery",
    "Condition",
    "EvaluationOrder",
    "Field",
    "InSegment",
    "Kind",
    "Leaf",
    "Not",
    "Or",
    "OrdersQuery",
    "Query",
    "Rule",
    "RuleError",
    "SegmentRule",
    "StartingSegment",
    "Term",
    "TermField",
    "Value",
    "by_id",
    "check_size",
    "compile_rule",
    "conditions",
    "evaluation_order",
    "excerpt",
    "flag_name",
    "fold",
    "folded_field",
    "from_criteria",
    "from_dict",
    "leaf_text",
    "leaves",
    "named_by",
    "parse",
    "place_of",
    "queries",
    "query_keys",
    "refuse_circle",
    "refuse_unknown",
    "rules_behind",
    "segments_named",
    "terms_of",
    "to_dict",
    "to_text",
    "todays_values",
    "unknown_values",
    "value_text",
    "with_flags",
    "without_past",
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
