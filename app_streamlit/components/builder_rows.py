"""A rule as the builder shows it: rows of words, and groups of rows, one level deep. Pure: no widget is drawn here.

A *join* says how the parts of a rule or of a group belong together; "none of these" and "not all of these" are the two
readings of "not". A rule that nests deeper has no rows: it is edited as text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

from transforms.rfm import RFM_GROUPS
from transforms.rules import FIELDS, Age, And, Condition, Field, Kind, Not, Or, Rule, RuleError, Value

JOINS: Mapping[str, str] = {
    "and": "all of these",
    "or": "any of these",
    "not or": "none of these",
    "not and": "not all of these",
}
NO_VALUE = ("is null", "is not null")
AGES = ("older than", "within")
LISTS = ("in", "not in")


@dataclass(frozen=True)
class Row:
    """One condition as it stands on the screen: words, not yet values."""

    field: str
    op: str
    value: str = ""
    unit: str = "days"


@dataclass(frozen=True)
class Group:
    """Rows that belong together, by a join of their own."""

    join: str
    rows: tuple[Row, ...]


Item: TypeAlias = Row | Group
# Where a row stands: its place among the items, and for a row of a group its place there.
Path: TypeAlias = tuple[int, ...]

NEW_ROW = Row("total_spent", ">=", "200")


def rows_of(rule: Rule) -> tuple[str, list[Item]] | None:
    """Return the join and the items of a rule, None for one that nests deeper than groups."""
    negated, bare = (True, rule.part) if isinstance(rule, Not) else (False, rule)
    parts = bare.parts if isinstance(bare, And | Or) else (bare,)
    items = [_item_of(part) for part in parts]
    join = "and" if isinstance(bare, And) else "or"
    if len(parts) == 1 and not negated:
        join = "and"
    kept = [item for item in items if item is not None]
    return (f"not {join}" if negated else join, kept) if len(kept) == len(items) else None


def rule_of(join: str, items: Sequence[Item]) -> Rule:
    """Return the rule of rows and groups. Raises RuleError where a value does not fit."""
    return _joined(
        join, [_leaf(item) if isinstance(item, Row) else _joined(item.join, _leaves(item)) for item in items]
    )


def problem_of(row: Row) -> str:
    """Return the sentence on what is wrong with a row, empty where it is right."""
    try:
        _leaf(row)
    except RuleError as error:
        return error.message
    return ""


def put(items: Sequence[Item], path: Path, row: Row | None) -> list[Item]:
    """Return the items with another row at `path`; None takes it away, and with the last row its group."""
    changed = list(items)
    place, *inner = path
    item = changed[place]
    if not inner or isinstance(item, Row):
        changed[place : place + 1] = [] if row is None else [row]
        return changed
    rows = list(item.rows)
    rows[inner[0] : inner[0] + 1] = [] if row is None else [row]
    changed[place : place + 1] = [replace(item, rows=tuple(rows))] if rows else []
    return changed


def at(items: Sequence[Item], path: Path) -> Row:
    """Return the row at `path`."""
    item = items[path[0]]
    return item if isinstance(item, Row) else item.rows[path[1]]


def fitting(row: Row, old: Row) -> Row:
    """Return the row with an operator and a value that suit its field, keeping what still does."""
    field = FIELDS[row.field]
    op = row.op if row.op in field.operators else _usual(field)
    same_kind = FIELDS[old.field].kind == field.kind and (op in AGES) == (old.op in AGES)
    value = row.value if same_kind else {Kind.INT: "3", Kind.MONEY: "200", Kind.BOOL: "yes"}.get(field.kind, "")
    if op in AGES and not same_kind:
        value = "90"
    if field.name == "rfm_group" and op in ("=", "!=") and value not in RFM_GROUPS:
        value = RFM_GROUPS[0]
    return Row(row.field, op, value, row.unit)


def _item_of(part: Rule) -> Item | None:
    if isinstance(part, Condition):
        return _row_of(part)
    negated, bare = (True, part.part) if isinstance(part, Not) else (False, part)
    leaves = bare.parts if isinstance(bare, And | Or) else (bare,)
    rows = [_row_of(leaf) for leaf in leaves if isinstance(leaf, Condition)]
    if len(rows) != len(leaves):
        return None
    join = "and" if isinstance(bare, And) else "or"
    return Group(f"not {join}" if negated else join, tuple(rows))


def _joined(join: str, parts: Sequence[Rule]) -> Rule:
    if not parts:
        raise RuleError("The rule is empty. Add a condition.")
    rule = parts[0]
    if len(parts) > 1:
        rule = And(tuple(parts)) if join.endswith("and") else Or(tuple(parts))
    return Not(rule) if join.startswith("not ") else rule


def _leaves(group: Group) -> list[Rule]:
    return [_leaf(row) for row in group.rows]


def _leaf(row: Row) -> Condition:
    return Condition(row.field, row.op, _value_of(FIELDS[row.field], row))


def _row_of(leaf: Condition) -> Row:
    value = leaf.value
    if isinstance(value, Age):
        return Row(leaf.field, leaf.op, str(value.amount), value.unit)
    if isinstance(value, tuple):
        return Row(leaf.field, leaf.op, ", ".join(map(str, value)))
    if isinstance(value, bool):
        return Row(leaf.field, leaf.op, "yes" if value else "no")
    return Row(leaf.field, leaf.op, "" if value is None else _words_of(value))


def _words_of(value: Value) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _value_of(field: Field, row: Row) -> Any:
    """Return what the row's words mean; what means nothing stays text, so that the rule's own check can name it."""
    if row.op in NO_VALUE:
        return None
    if row.op in AGES:
        return _age(row)
    if row.op in LISTS:
        return tuple(_single(field, part.strip()) for part in row.value.split(",") if part.strip())
    return _single(field, row.value.strip())


def _age(row: Row) -> Age | str:
    amount = _whole(row.value)
    if isinstance(amount, str):
        return amount
    return Age(amount, "weeks" if row.unit == "weeks" else "days")


def _single(field: Field, text: str) -> Any:
    match field.kind:
        case Kind.INT:
            return _whole(text)
        case Kind.BOOL:
            return text == "yes"
        case Kind.DATE:
            return _day(text)
    return text


def _whole(text: str) -> int | str:
    plain_number = text.strip().replace(" ", "")
    return int(plain_number) if plain_number.lstrip("-").isdecimal() and len(plain_number) < 17 else text


def _day(text: str) -> date | str:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def _usual(field: Field) -> str:
    usual = {Kind.INT: ">=", Kind.MONEY: ">=", Kind.DATE: "older than", Kind.TEXT: "=", Kind.BOOL: "="}
    return usual.get(field.kind, field.operators[0])
