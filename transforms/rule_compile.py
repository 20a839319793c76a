"""A rule as one Polars expression over the customers table.

Terms. *Absent* is null, and for text also the empty string; a list is absent when it is missing or empty. A comparison
with an absent value is false, and so `not` of it is true; only `is null` asks for absence itself.
*Days* are the shop's: an instant's calendar day in the shop's time zone. The *age* of an instant is the day of `as_of`
minus its own day, the same number as `recency_days`; `older than N` is age > N, `within N` is age <= N. Instants at or
after `as_of`, which is exclusive, have no age: both are false. Text compares folded: compatibility forms made alike
(NFKC), then without regard to case.
"""

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import polars as pl
import polars.selectors as cs

from transforms.rule_fields import FIELDS, Field, Kind
from transforms.rule_tree import Age, And, Condition, Not, Rule, check_size
from transforms.schemas import DAY, MONEY

_COMPARE: Mapping[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LITERALS: Mapping[Kind, pl.DataType] = {
    Kind.INT: pl.Int64(),
    Kind.MONEY: MONEY,
    Kind.DATE: pl.Date(),
    Kind.BOOL: pl.Boolean(),
}


def compile_rule(rule: Rule, *, as_of: datetime, timezone: str) -> pl.Expr:
    """Return `rule` as one balanced Boolean expression over `schemas.CUSTOMERS`, never null.

    `as_of` is the exclusive instant (with a time zone) from which ages count; `timezone` is the shop's IANA name.
    A column `tags` (list of text) is used where the frame has one, else everybody is without tags. Raises RuleError
    for a rule that is too large, ValueError for an `as_of` without a time zone.

    >>> from datetime import UTC
    >>> from transforms.rule_text import parse
    >>> expr = compile_rule(parse("total_spent > 9.99"), as_of=datetime(2026, 1, 1, tzinfo=UTC), timezone="UTC")
    >>> pl.DataFrame({"net": ["9.99", "10", None]}).select(pl.col("net").cast(MONEY)).select(expr).to_series().to_list()
    [False, True, False]
    """
    if as_of.tzinfo is None:
        raise ValueError("as_of needs a time zone")
    check_size(rule)
    return _compile(rule, partial(_age, as_of=as_of, timezone=timezone), timezone)


def fold(text: pl.Expr) -> pl.Expr:
    """Return `text` as rules and searches compare it: NFKC, without regard to case (ß is ss, ς is σ)."""
    # Upper before lower is nearly Unicode's full case folding; Polars has none of its own.
    folded = text.str.normalize("NFKC").str.to_uppercase().str.to_lowercase()
    return folded.str.replace_all("ς", "σ", literal=True)


def _compile(rule: Rule, age: "partial[pl.Expr]", timezone: str) -> pl.Expr:
    if isinstance(rule, Condition):
        return _condition(rule, age, timezone).fill_null(value=False)
    if isinstance(rule, Not):
        return ~_compile(rule.part, age, timezone)
    return _balanced([_compile(part, age, timezone) for part in rule.parts], all_of=isinstance(rule, And))


def _balanced(parts: list[pl.Expr], *, all_of: bool) -> pl.Expr:
    # Polars plans a long chain of `|` in time that grows with the square of its depth: fold in halves.
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    left, right = _balanced(parts[:half], all_of=all_of), _balanced(parts[half:], all_of=all_of)
    return left & right if all_of else left | right


def _condition(leaf: Condition, age: "partial[pl.Expr]", timezone: str) -> pl.Expr:
    field = FIELDS[leaf.field]
    if field.kind == Kind.LIST:
        return _list_condition(field, leaf)
    value = _column(field)
    if leaf.value is None:
        return value.is_null() if leaf.op == "is null" else value.is_not_null()
    if isinstance(leaf.value, Age):
        days = age(value)
        return days > leaf.value.days if leaf.op == "older than" else days <= leaf.value.days
    if field.kind == Kind.TEXT:
        return _text_condition(fold(value), leaf)
    if field.kind == Kind.DATE:
        value = _day(value, timezone)
    dtype = _LITERALS[field.kind]
    if isinstance(leaf.value, tuple):
        return _among(value, [pl.lit(item, dtype=dtype) for item in leaf.value], leaf.op)
    return _COMPARE[leaf.op](value, pl.lit(leaf.value, dtype=dtype))


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
    return _COMPARE[leaf.op](text, word)


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


def _day(instant: pl.Expr, timezone: str) -> pl.Expr:
    return instant.dt.convert_time_zone(timezone).dt.date()


def _age(instant: pl.Expr, *, as_of: datetime, timezone: str) -> pl.Expr:
    today = pl.lit(as_of.astimezone(ZoneInfo(timezone)).date(), dtype=pl.Date).cast(DAY)
    before = instant < pl.lit(as_of).cast(pl.Datetime("us", "UTC"))
    return pl.when(before).then(today - _day(instant, timezone).cast(DAY))
