"""What a suite is: a table's columns, what is worked out of them beforehand, and what is expected, as data.

An expectation is either *critical*, and then the suite fails with it, or a *warning*: it is reported, and the suite may
still succeed (shops have custom statuses and hand-typed countries).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

CRITICAL, WARNING = "critical", "warning"
# No shop's rows are older than shops on the web, however it imported them.
EARLIEST = "1994-01-01"
CUSTOMER_KEY = r"^(?:woo:[1-9]\d*|guest:\S+|guest-order:[1-9]\d*)$"
CURRENCY = r"^[A-Z]{3}$"
MONEY_TEXT = r"^-?\d{1,12}(?:\.\d{1,6})?$"


@dataclass(frozen=True)
class Expectation:
    """One expectation as data. `kind` is Great Expectations' class; it holds where `mostly` of the rows are right."""

    meaning: str
    kind: str
    arguments: dict[str, Any]
    severity: str = CRITICAL
    mostly: float = 1.0

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns it looks at."""
        named = (self.arguments[key] for key in ("column", "column_A", "column_B") if key in self.arguments)
        return (*named, *self.arguments.get("column_list", ()))


@dataclass(frozen=True)
class Suite:
    """The expectations on one table. `derived` columns are worked out of `columns`, which the table must have."""

    name: str
    description: str
    columns: tuple[str, ...]
    expectations: Sequence[Expectation]
    derived: Mapping[str, pl.Expr] = field(default_factory=dict)


@dataclass(frozen=True)
class SuiteResult:
    """What a suite found.

    `success`: every critical expectation holds. `expectations`: one row each, with `expectation` (Great Expectations'
    name), `column` (several are joined by " and "), `severity`, `success`, `unexpected_count` (rows),
    `unexpected_percent` (0..100, of the rows that have a value; None for no rows) and `meaning`, a sentence for people.
    `seconds` is how long it took, the import included.
    """

    success: bool
    expectations: list[dict[str, object]]
    seconds: float


def each(column: str, meaning: str, kind: str, **arguments: Any) -> Expectation:
    """Return a critical expectation on every row of a column."""
    return Expectation(meaning, kind, {"column": column, **arguments})


def mostly(column: str, meaning: str, kind: str, share: float, **arguments: Any) -> Expectation:
    """Return a warning where less than `share` of a column's rows are as expected."""
    return Expectation(meaning, kind, {"column": column, **arguments}, severity=WARNING, mostly=share)


def present(column: str, meaning: str) -> Expectation:
    """Return that no row lacks the column."""
    return each(column, meaning, "ExpectColumnValuesToNotBeNull")


def mostly_present(column: str, meaning: str, share: float) -> Expectation:
    """Return a warning where too many rows lack the column."""
    return mostly(column, meaning, "ExpectColumnValuesToNotBeNull", share)


def at_least(column: str, least: Any, meaning: str) -> Expectation:
    """Return that no value is below `least`; an ISO date stands for its first instant."""
    return each(column, meaning, "ExpectColumnValuesToBeBetween", min_value=least)


def mostly_between(column: str, meaning: str, share: float, **bounds: Any) -> Expectation:
    """Return a warning where too many values are out of bounds (`min_value`, `max_value`)."""
    return mostly(column, meaning, "ExpectColumnValuesToBeBetween", share, **bounds)


def one_of(column: str, values: Sequence[Any], meaning: str) -> Expectation:
    """Return that every value is one of `values`."""
    return each(column, meaning, "ExpectColumnValuesToBeInSet", value_set=list(values))


def mostly_one_of(column: str, values: Sequence[Any], meaning: str, share: float) -> Expectation:
    """Return a warning where too many values are none of `values`."""
    return mostly(column, meaning, "ExpectColumnValuesToBeInSet", share, value_set=list(values))


def matches(column: str, pattern: str, meaning: str) -> Expectation:
    """Return that every text matches."""
    return each(column, meaning, "ExpectColumnValuesToMatchRegex", regex=pattern)


def mostly_matches(column: str, pattern: str, meaning: str, share: float) -> Expectation:
    """Return a warning where too many texts do not match."""
    return mostly(column, meaning, "ExpectColumnValuesToMatchRegex", share, regex=pattern)


def ordered(later: str, earlier: str, meaning: str, *, severity: str = WARNING, share: float = 1.0) -> Expectation:
    """Return that the one column is not below the other, where both have a value."""
    arguments = {
        "column_A": later,
        "column_B": earlier,
        "or_equal": True,
        "ignore_row_if": "either_value_is_missing",
    }
    return Expectation(meaning, "ExpectColumnPairValuesAToBeGreaterThanB", arguments, severity, share)


def equal(one: str, other: str, meaning: str) -> Expectation:
    """Return that two columns are the same in every row."""
    return Expectation(meaning, "ExpectColumnPairValuesToBeEqual", {"column_A": one, "column_B": other})


def key_of(column: str, row: str) -> Iterator[Expectation]:
    """Yield that a column is there in every row and in no two the same; `row` is what a row is called: 'order'."""
    yield present(column, f"Every {row} has {_article(column)} {_words(column)}")
    yield each(column, f"No {row} stands there twice", "ExpectColumnValuesToBeUnique")


def keys_of(columns: Sequence[str], row: str) -> Iterator[Expectation]:
    """Yield that all the columns are there in every row and together in no two the same."""
    for column in columns:
        yield present(column, f"Every {row} has {_article(column)} {_words(column)}")
    arguments = {"column_list": list(columns)}
    yield Expectation(f"No {row} stands there twice", "ExpectCompoundColumnsToBeUnique", arguments)


def person_key(column: str = "customer_key") -> Expectation:
    """Return that keys of people have one of the three forms."""
    return matches(column, CUSTOMER_KEY, "Keys are those of an account, a guest or a guest's order")


def currencies() -> Expectation:
    """Return that currencies are codes."""
    return matches("currency", CURRENCY, "Currencies are three capitals")


def _words(column: str) -> str:
    return {"id": "id", "customer_key": "person's key"}.get(column, column.replace("_", " "))


def _article(column: str) -> str:
    return "an" if _words(column)[0] in "aeiou" else "a"
