"""A rule as one Polars expression over the customers table.

Terms. *Absent* is null, and for text also the empty string; a list is absent when it is missing or empty. A comparison
with an absent value is false, and so `not` of it is true; only `is null` asks for absence itself.
*Days* are the shop's: an instant's calendar day in the shop's time zone. The *age* of an instant is the day of `as_of`
minus its own day, the same number as `recency_days`; `older than N` is age > N, `within N` is age <= N. Instants at or
after `as_of`, which is exclusive, have no age: both are false. Text compares folded: compatibility forms made alike
(NFKC), then without regard to case.

A query and a segment are each read from a Boolean column, which `flag_name` names and the caller lays over the table.
"""

from collections.abc import Mapping
from datetime import date, datetime
from hashlib import sha256
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from transforms.rule_days import COMPARE, compare_day, is_older, is_within
from transforms.rule_fields import FIELDS, Field, Kind
from transforms.rule_print import leaf_text
from transforms.rule_tree import And, BoughtQuery, Condition, InSegment, Not, Or, OrdersQuery, Rule, check_size
from transforms.rule_values import Age, Value
from transforms.schemas import CUSTOMERS, MONEY

_LITERALS: Mapping[Kind, pl.DataType] = {
    Kind.INT: pl.Int64(),
    Kind.MONEY: MONEY,
    Kind.BOOL: pl.Boolean(),
}


# Folding a million texts takes a hundred milliseconds, comparing them ten: readers that ask often fold once.
AS_WRITTEN: Mapping[str, str] = {}


def compile_rule(rule: Rule, *, as_of: datetime, timezone: str, folded: Mapping[str, str] = AS_WRITTEN) -> pl.Expr:
    """Return `rule` as one balanced Boolean expression over `schemas.CUSTOMERS`, never null.

    `as_of` is the exclusive instant (with a time zone) from which ages count; `timezone` is the shop's IANA name.
    A column `tags` (list of text) is used where the frame has one, else everybody is without tags. `folded` names, by
    text or list field, columns of the frame that hold what `folded_field` gives; other texts are folded on the way. For each
    query and each segment named in the rule the frame has a Boolean column `flag_name(leaf)`; null there is false.
    Raises RuleError for a rule that is too large, ValueError for an `as_of` without a time zone.

    >>> from datetime import UTC
    >>> from transforms.rule_text import parse
    >>> expr = compile_rule(parse("total_spent > 9.99"), as_of=datetime(2026, 1, 1, tzinfo=UTC), timezone="UTC")
    >>> pl.DataFrame({"net": ["9.99", "10", None]}).select(pl.col("net").cast(MONEY)).select(expr).to_series().to_list()
    [False, True, False]
    """
    if as_of.tzinfo is None:
        raise ValueError("as_of needs a time zone")
    check_size(rule)
    return _compile(rule, _Frame(as_of, timezone, folded))


def folded_field(name: str) -> pl.Expr:
    """Return a text or list field as rules compare it, over `schemas.CUSTOMERS`; null where it is absent."""
    field = FIELDS[name]
    return _column(field).list.eval(fold(pl.element())) if field.kind == Kind.LIST else fold(_column(field))


def flag_name(leaf: OrdersQuery | BoughtQuery | InSegment) -> str:
    """Return the name of the Boolean column that says for whom `leaf` is true: the same leaf, the same name.

    >>> flag_name(InSegment("vip"))
    '_flag_9202eb63f277c60e'
    """
    return f"_flag_{sha256(leaf_text(leaf).encode()).hexdigest()[:16]}"


class _Frame(NamedTuple):
    """What a rule is compiled for."""

    as_of: datetime
    timezone: str
    folded: Mapping[str, str]


def fold(text: pl.Expr) -> pl.Expr:
    """Return `text` as rules and searches compare it: NFKC, without regard to case (ß is ss, ς is σ)."""
    # Upper before lower is nearly Unicode's full case folding; Polars has none of its own.
    folded = text.str.normalize("NFKC").str.to_uppercase().str.to_lowercase()
    return folded.str.replace_all("ς", "σ", literal=True)


def _compile(rule: Rule, frame: _Frame) -> pl.Expr:
    match rule:
        case Condition():
            return _condition(rule, frame).fill_null(value=False)
        case Not(part):
            return ~_compile(part, frame)
        case And(parts) | Or(parts):
            return _balanced([_compile(part, frame) for part in parts], all_of=isinstance(rule, And))
    return pl.col(flag_name(rule)).fill_null(value=False)


def _balanced(parts: list[pl.Expr], *, all_of: bool) -> pl.Expr:
    # Polars plans a long chain of `|` in time that grows with the square of its depth: fold in halves.
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    left, right = _balanced(parts[:half], all_of=all_of), _balanced(parts[half:], all_of=all_of)
    return left & right if all_of else left | right


def _condition(leaf: Condition, frame: _Frame) -> pl.Expr:
    field = FIELDS[leaf.field]
    stored = frame.folded.get(field.name)
    if field.kind == Kind.LIST:
        return _list_condition(field, leaf, stored)
    value = _column(field) if stored is None else pl.col(stored)
    if leaf.value is None:
        return value.is_null() if leaf.op == "is null" else value.is_not_null()
    if field.kind == Kind.TEXT:
        return text_holds(value if stored else fold(value), leaf.op, leaf.value)
    if field.kind == Kind.DATE:
        return day_holds(value, leaf.op, leaf.value, as_of=frame.as_of, timezone=frame.timezone)
    # A median is a float, of halves only; a rate is an exact decimal.
    dtype = CUSTOMERS[field.columns[0]] if field.kind == Kind.NUMBER else _LITERALS[field.kind]
    return number_holds(value, leaf.op, leaf.value, dtype)


def _column(field: Field) -> pl.Expr:
    """Return the field's value as one column, absent as null."""
    if field.name == "is_account":
        return pl.col("customer_key").str.starts_with("woo:")
    if field.kind == Kind.TEXT:
        columns = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in field.columns]
        if len(columns) == 1:
            return columns[0]
        joined = pl.concat_str(columns, separator=" ", ignore_nulls=True)
        return pl.when(joined != "").then(joined)
    column = pl.col(field.columns[0])
    return column.cast(pl.Int64) if field.kind == Kind.INT else column


def text_holds(folded: pl.Expr, op: str, value: Value) -> pl.Expr:
    """Return whether a text, folded, is `op` (`=`, `contains`, `in` …) `value`; null where it is."""
    if isinstance(value, tuple):
        return _among(folded, [_word(item) for item in value], op)
    word = _word(value)
    match op:
        case "contains":
            return folded.str.contains(word, literal=True)
        case "starts with":
            return folded.str.starts_with(word)
        case "ends with":
            return folded.str.ends_with(word)
    return COMPARE[op](folded, word)


def number_holds(number: pl.Expr, op: str, value: Value, dtype: pl.DataType) -> pl.Expr:
    """Return whether a number or an amount is `op` (`=`, `between`, `in` …) `value`; null where it is."""
    if not isinstance(value, tuple):
        return COMPARE[op](number, pl.lit(value, dtype=dtype))
    items = [pl.lit(item, dtype=dtype) for item in value]
    return (number >= items[0]) & (number <= items[1]) if op == "between" else _among(number, items, op)


def day_holds(instant: pl.Expr, op: str, value: Value, *, as_of: datetime, timezone: str) -> pl.Expr:
    """Return whether the day of `instant` is `op` (`<`, `between`, `within` …) `value`; null where `instant` is."""
    if isinstance(value, Age):
        aged = is_older if op == "older than" else is_within
        return aged(instant, value.days, as_of=as_of, timezone=timezone)
    if isinstance(value, tuple):
        first, last = value
        assert isinstance(first, date)
        assert isinstance(last, date)
        return compare_day(instant, ">=", first, timezone) & compare_day(instant, "<=", last, timezone)
    assert isinstance(value, date)
    return compare_day(instant, op, value, timezone)


def _list_condition(field: Field, leaf: Condition, stored: str | None) -> pl.Expr:
    column = cs.by_name(*field.columns, require_all=False) if stored is None else pl.col(stored)
    if leaf.op == "contains":
        folded = column if stored else column.list.eval(fold(pl.element()))
        found = folded.list.contains(_word(leaf.value))
    else:
        found = column.list.len() > 0
    # A person always has a key: the second part is false, but gives the answer a row for everybody where the
    # column is missing.
    some = pl.any_horizontal(found, pl.col("customer_key").is_null()).fill_null(value=False)
    return ~some if leaf.op == "is null" else some


def _word(value: object) -> pl.Expr:
    return fold(pl.lit(value, dtype=pl.String))


def _among(value: pl.Expr, items: list[pl.Expr], op: str) -> pl.Expr:
    found = _balanced([value == item for item in items], all_of=False)
    return found if op == "in" else ~found
