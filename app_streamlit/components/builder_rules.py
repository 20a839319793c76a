"""From rows to a rule, and back. Pure: no widget is drawn here.

A rule has rows where rows can say all of it: no deeper than groups go, and with values that their inputs can hold.
Whatever has no rows is edited as text.
"""

from collections.abc import Callable, Mapping, Sequence

from app_streamlit.components.builder_rows import MOST_DEPTH, Group, Item, Leaf, Member, Question, Row
from app_streamlit.components.builder_values import LISTS, value_of, words_of
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
    Not,
    Or,
    OrdersQuery,
    Rule,
    RuleError,
    Term,
)

ORDERS, BOUGHT, SEGMENT = "orders", "bought", "in_segment"
TERMS: Mapping[str, Mapping[str, Field]] = {ORDERS: ORDER_TERMS, BOUGHT: BOUGHT_TERMS}


def rows_of(rule: Rule) -> tuple[str, list[Item]] | None:
    """Return the join and the items of a rule, None for one that rows cannot say."""
    if isinstance(rule, And | Or):
        join, parts = _join_of(rule), rule.parts
    elif isinstance(rule, Not) and isinstance(rule.part, And | Or):
        join, parts = f"not {_join_of(rule.part)}", rule.part.parts
    elif isinstance(rule, Not) and isinstance(rule.part, Not):
        join, parts = "not or", (rule.part,)
    else:
        join, parts = "and", (rule,)
    if any(_depth(part) > MOST_DEPTH for part in parts):
        return None
    items = [_item_of(part) for part in parts]
    try:
        # A word with blanks around it, say, cannot be typed into a row: opening and saving it would change it.
        return (join, items) if rule_of(join, items) == rule else None
    except RuleError:
        return None


def rule_of(join: str, items: Sequence[Item]) -> Rule:
    """Return the rule of rows and groups. Raises RuleError where a value does not fit."""
    parts = tuple(_rule(item) for item in items)
    if not parts:
        raise RuleError("The rule is empty. Add a condition.")
    rule = parts[0]
    if len(parts) > 1:
        rule = And(parts) if join.endswith("and") else Or(parts)
    return Not(rule) if join.startswith("not ") else rule


def new_leaf(kind: str, suggested: Callable[[str], Sequence[str]], segments: Sequence[str]) -> Leaf:
    """Return a first condition of a kind that says something as it is.

    `suggested` knows the values of a term, `segments` are the ids of those that may be asked for.
    """
    if kind == SEGMENT:
        return Member(segments[0])
    if kind == ORDERS:
        return Question(ORDERS, (Row("count", ">=", ("2",)), Row("day", "within", ("90",))))
    for term in ("category", "product"):
        if values := suggested(term):
            return Question(BOUGHT, (Row(term, "=", (values[0],)),))
    return Question(BOUGHT, (Row("count", ">=", ("1",)),))


def problem_of(item: Leaf, about: str = "") -> str:
    """Return the sentence on what is wrong with a row, empty where it is right; `about` names the question it is in."""
    if isinstance(item, Row) and item.op in LISTS and not item.values:
        return "Choose or type at least one value."
    try:
        _term(about, item) if about and isinstance(item, Row) else _rule(item)
    except RuleError as error:
        return error.message
    return ""


def _rule(item: Item) -> Rule:
    if isinstance(item, Group):
        return rule_of(item.join, item.items)
    leaf: Rule
    match item:
        case Row():
            leaf = Condition(item.field, item.op, value_of(FIELDS[item.field].kind, item))
        case Member():
            leaf = InSegment(item.segment)
        case Question():
            terms = tuple(_term(item.about, row) for row in item.terms)
            leaf = OrdersQuery(terms) if item.about == ORDERS else BoughtQuery(terms)
    return Not(leaf) if item.negated else leaf


def _term(about: str, row: Row) -> Term:
    # The tables of the two kinds of questions are apart; the question checks that a term is of its own.
    return Term(row.field, row.op, value_of(TERMS[about][row.field].kind, row))


def _item_of(rule: Rule) -> Item:
    match rule:
        case Not(part) if isinstance(part, And | Or):
            return Group(f"not {_join_of(part)}", tuple(map(_item_of, part.parts)))
        case Not(part) if isinstance(part, Not):
            return Group("not or", (_item_of(part),))
        case Not(part):
            return _leaf_of(part, negated=True)
        case And() | Or():
            return Group(_join_of(rule), tuple(map(_item_of, rule.parts)))
    return _leaf_of(rule, negated=False)


def _leaf_of(leaf: Rule, *, negated: bool) -> Leaf:
    match leaf:
        case InSegment(segment):
            return Member(segment, negated)
        case OrdersQuery(terms):
            return Question(ORDERS, tuple(map(_row_of, terms)), negated)
        case BoughtQuery(terms):
            return Question(BOUGHT, tuple(map(_row_of, terms)), negated)
    assert isinstance(leaf, Condition)
    unit = leaf.value.unit if isinstance(leaf.value, Age) else "days"
    return Row(leaf.field, leaf.op, words_of(leaf.value), unit, negated)


def _row_of(term: Term) -> Row:
    unit = term.value.unit if isinstance(term.value, Age) else "days"
    return Row(term.name, term.op, words_of(term.value), unit)


def _join_of(rule: And | Or) -> str:
    return "and" if isinstance(rule, And) else "or"


def _depth(rule: Rule) -> int:
    """Return how many groups stand within each other where `rule` is drawn; a row is none."""
    match rule:
        case And(parts) | Or(parts) | Not(And(parts) | Or(parts)):
            return 1 + max(map(_depth, parts))
        case Not(Not() as inner):
            return 1 + _depth(inner)
    return 0
