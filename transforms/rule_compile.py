"""A rule as one Polars expression over the customers table.

Terms. *Absent* is null, and for text also the empty string; a list is absent when it is missing or empty. A comparison
with an absent value is false, and so `not` of it is true; only `is null` asks for absence itself.
*Days* are the shop's: an instant's calendar day in the shop's time zone. The *age* of an instant is the day of `as_of`
minus its own day, the same number as `recency_days`; `older than N` is age > N, `within N` is age <= N. Instants at or
after `as_of`, which is exclusive, have no age: both are false. Text compares folded: compatibility forms made alike
(NFKC), then without regard to case.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from transforms.rule_days import COMPARE, compare_day, is_older, is_within
from transforms.rule_fields import FIELDS, Field, Kind
from transforms.rule_tree import Age, And, Condition, Not, Rule, check_size
from transforms.schemas import MONEY

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
    text field, columns of the frame that hold what `folded_field` gives; other texts are folded on the way. Raises
    RuleError for a rule that is too large, ValueError for an `as_of` without a time zone.

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
    """Return the value of a text field as rules compare it, over `schemas.CUSTOMERS`; null where it is absent."""
    return fold(_column(FIELDS[name]))


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
    if isinstance(rule, Condition):
        return _condition(rule, frame).fill_null(value=False)
    if isinstance(rule, Not):
        return ~_compile(rule.part, frame)
    return _balanced([_compile(part, frame) for part in rule.parts], all_of=isinstance(rule, And))


def _balanced(parts: list[pl.Expr], *, all_of: bool) -> pl.Expr:
    # Polars plans a long chain of `|` in time that grows with the square of its depth: fold in halves.
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    left, right = _balanced(parts[:half], all_of=all_of), _balanced(parts[half:], all_of=all_of)
    return left & right if all_of else left | right


def _condition(leaf: Condition, frame: _Frame) -> pl.Expr:
    field = FIELDS[leaf.field]
    if field.kind == Kind.LIST:
        return _list_condition(field, leaf)
    stored = frame.folded.get(field.name)
    value = _column(field) if stored is None else pl.col(stored)
    if leaf.value is None:
        return value.is_null() if leaf.op == "is null" else value.is_not_null()
    if field.kind == Kind.TEXT:
        return _text_condition(value if stored else fold(value), leaf)
    if field.kind == Kind.DATE:
        return _date_condition(value, leaf, frame.as_of, frame.timezone)
    dtype = _LITERALS[field.kind]
    if isinstance(leaf.value, tuple):
        return _among(value, [pl.lit(item, dtype=dtype) for item in leaf.value], leaf.op)
    return COMPARE[leaf.op](value, pl.lit(leaf.value, dtype=dtype))


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


def _text_condition(text: pl.Expr, leaf: Condition) -> pl.Expr:
    if isinstance(leaf.value, tuple):
        return _among(text, [_word(item) for item in leaf.value], leaf.op)
    word = _word(leaf.value)
    match leaf.op:
        case "contains":
            return text.str.contains(word, literal=True)
        case "starts with":
            return text.str.starts_with(word)
        case "ends with":
            return text.str.ends_with(word)
    return COMPARE[leaf.op](text, word)


def _date_condition(instant: pl.Expr, leaf: Condition, as_of: datetime, timezone: str) -> pl.Expr:
    if isinstance(leaf.value, Age):
        aged = is_older if leaf.op == "older than" else is_within
        return aged(instant, leaf.value.days, as_of=as_of, timezone=timezone)
    assert isinstance(leaf.value, date)
    return compare_day(instant, leaf.op, leaf.value, timezone)


def _list_condition(field: Field, leaf: Condition) -> pl.Expr:
    column = cs.by_name(*field.columns, require_all=False)
    if leaf.op == "contains":
        found = column.list.eval(fold(pl.element())).list.contains(_word(leaf.value))
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
