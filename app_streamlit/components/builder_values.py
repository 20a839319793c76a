"""From the words in a row to the values of a rule, and back. Pure: no widget is drawn here."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from app_streamlit.components.builder_rows import Row
from transforms.rfm import RFM_GROUPS
from transforms.rules import Age, Field, Kind, Value

NO_VALUE = ("is null", "is not null")
AGES = ("older than", "within")
LISTS = ("in", "not in")
BETWEEN = "between"
# What a new row of a kind begins with; texts begin empty, since nobody knows whose city is meant.
_FIRST = {Kind.INT: "3", Kind.MONEY: "200", Kind.NUMBER: "0.5", Kind.BOOL: "yes"}
_SECOND = {Kind.INT: "5", Kind.MONEY: "500", Kind.NUMBER: "1"}
_AMOUNTS = {Kind.INT, Kind.MONEY, Kind.NUMBER}
_EXAMPLE = {Kind.INT: "3", Kind.MONEY: "200", Kind.NUMBER: "0.5", Kind.DATE: "2026-01-31"}
_USUAL = {Kind.INT: ">=", Kind.MONEY: ">=", Kind.NUMBER: ">=", Kind.DATE: "older than", Kind.TEXT: "=", Kind.BOOL: "="}


def words_of(value: Value) -> tuple[str, ...]:
    """Return the words that a row shows for a value; of an age, the number alone."""
    match value:
        case None:
            return ()
        case bool():
            return ("yes" if value else "no",)
        case tuple():
            return tuple(map(_word, value))
        case Age():
            return (str(value.amount),)
    return (_word(value),)


def value_of(kind: Kind, row: Row) -> Any:
    """Return what the row's words mean; what means nothing stays text, so that the rule's own check can name it."""
    if row.op in NO_VALUE:
        return None
    if row.op in AGES:
        return _age(row)
    if row.op in LISTS:
        return tuple(_single(kind, word) for word in row.values)
    if row.op == BETWEEN:
        return tuple(_single(kind, word) for word in (*row.values, "", "")[:2])
    return _single(kind, row.value)


def fitting(row: Row, field: Field, before: Field, old_op: str) -> Row:
    """Return the row with an operator and words that suit `field`, keeping what still does of those of `before`."""
    alike = before.kind == field.kind or {before.kind, field.kind} <= _AMOUNTS
    op = row.op if alike and row.op in field.operators else usual_op(field)
    return Row(field.name, op, _kept(field, op, row, before, old_op), row.unit, row.negated)


def first_row(field: Field) -> Row:
    """Return a row that asks for this field, filled in as far as one can guess."""
    return fitting(Row(field.name, ""), field, field, "")


def usual_op(field: Field) -> str:
    """Return the operator that people mostly mean."""
    usual = _USUAL.get(field.kind, "contains")
    return usual if usual in field.operators else field.operators[0]


def example(field: Field, op: str) -> str:
    """Return what an empty input shows."""
    return "90" if op in AGES else _EXAMPLE.get(field.kind, "text")


def _kept(field: Field, op: str, row: Row, before: Field, old_op: str) -> tuple[str, ...]:
    if op in NO_VALUE:
        return ()
    same_kind = before.kind == field.kind and (op in AGES) == (old_op in AGES)
    words = row.values if same_kind and (field == before or field.kind not in (Kind.TEXT, Kind.LIST)) else ()
    first = words[:1] or (("90",) if op in AGES else (_FIRST.get(field.kind, ""),))
    if op in LISTS:
        return words or tuple(filter(None, first))
    if op == BETWEEN:
        return words[:2] if len(words) > 1 else (*first, _above(first[0], _SECOND.get(field.kind, "")))
    if field.name == "rfm_group" and op in ("=", "!=") and first[0] not in RFM_GROUPS:
        return (RFM_GROUPS[0],)
    return first


def _above(first: str, second: str) -> str:
    """Return the second end of a new "between", never below the first."""
    try:
        return first if Decimal(first) > Decimal(second) else second
    except InvalidOperation:
        return second


def _word(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _age(row: Row) -> Age | str:
    amount = _whole(row.value)
    return amount if isinstance(amount, str) else Age(amount, "weeks" if row.unit == "weeks" else "days")


def _single(kind: Kind, text: str) -> Any:
    match kind:
        case Kind.INT:
            return _whole(text)
        case Kind.BOOL:
            return text == "yes"
        case Kind.DATE:
            return _day(text.strip())
    return text.strip()


def _whole(text: str) -> int | str:
    digits = text.strip().replace(" ", "")
    return int(digits) if digits.removeprefix("-").isdecimal() and len(digits) < 17 else text


def _day(text: str) -> date | str:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text
