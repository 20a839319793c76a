"""The values of a rule, each in one form: money and numbers as Decimal, whole numbers as int, so that equal rules are equal.

What does not fit is refused with what would be right. The limits are those that the compiler and the printer can keep.
"""

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeAlias

from transforms.rule_errors import RuleError, shorten
from transforms.rule_fields import ABSENCE, AGES, NAMING, Field, Kind

MAX_LIST = 200
MAX_WORD = 400
MAX_AGE_DAYS = 100_000
MAX_INT = 10**15
MONEY_DIGITS, MONEY_DECIMALS = 12, 6

_MONEY = re.compile(rf"-?\d{{1,{MONEY_DIGITS}}}(\.\d{{1,{MONEY_DECIMALS}}})?", re.ASCII)
_NUMBER = re.compile(r"[-+]?\d{1,40}(\.\d{1,40})?", re.ASCII)
# Whoever writes 1.500 may mean fifteen hundred: no amount is printed like that, so none is read like that.
_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}\.\d\d0", re.ASCII)
_INT = re.compile(r"-?\d{1,15}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Age:
    """A length of time in whole days or weeks. Raises RuleError where it is negative or beyond 100,000 days."""

    amount: int
    unit: Literal["days", "weeks"] = "days"

    def __post_init__(self) -> None:
        if type(self.amount) is not int or self.unit not in ("days", "weeks"):
            raise RuleError("An age is a whole number of days or weeks, such as 90 days.", expected="90 days")
        if not 0 <= self.days <= MAX_AGE_DAYS:
            raise RuleError(f"An age lies between 0 and {MAX_AGE_DAYS} days.", expected=f"0 to {MAX_AGE_DAYS} days")

    @property
    def days(self) -> int:
        """The age in days."""
        return self.amount * (7 if self.unit == "weeks" else 1)

    def __str__(self) -> str:
        return f"{self.amount} {self.unit[:-1] if self.amount == 1 else self.unit}"


Single: TypeAlias = int | Decimal | str | bool | date
Value: TypeAlias = (
    Single
    | Age
    | tuple[int, ...]
    | tuple[str, ...]
    | tuple[Decimal, ...]
    | tuple[date, ...]
    | tuple[Single, ...]
    | None
)


def fit(field: Field, op: object, value: object) -> Value:
    """Return `value` in its one form. Raises RuleError where it does not fit `field` and `op`, or `op` not `field`."""
    check_operator(field, op)
    if op in ABSENCE:
        if value is not None:
            raise RuleError(f"“{op}” takes no value.", found=_quoted(value))
        return None
    if op in AGES:
        if isinstance(value, Age):
            return value
        raise _misfit(field, op, value, "an age such as 90 days")
    if op in ("in", "not in"):
        if not isinstance(value, tuple) or not 1 <= len(value) <= MAX_LIST:
            raise _misfit(field, op, value, f"a list of 1 to {MAX_LIST} values in brackets")
        return tuple(_named(field, op, item) for item in value)
    if op == "between":
        return _range(field, value)
    single: Value = _named(field, op, value) if op in NAMING else _single(field, str(op), value)
    return single


def check_operator(field: Field, op: object) -> None:
    """Raise RuleError where `op` does not fit `field`."""
    if op not in field.operators:
        found, right = shorten(str(op)), ", ".join(field.operators)
        said = f"{field.name} cannot be compared with “{found}”; right would be one of: {right}."
        raise RuleError(said, found=found, expected=right)


def closest(value: str, known: Sequence[str]) -> list[str]:
    """Return up to three of `known` that somebody may have meant by `value`, the closest first."""
    folded = {folded_word(one): one for one in known}
    return [folded[one] for one in difflib.get_close_matches(folded_word(value)[:80], folded, n=3, cutoff=0.6)]


def folded_word(text: str) -> str:
    """Return a text as rules compare it: compatibility forms made alike, without regard to case."""
    return unicodedata.normalize("NFKC", text).casefold()


def day(text: str) -> date:
    """Return the day that `text` writes as YYYY-MM-DD. Raises RuleError where it is none."""
    try:
        # fromisoformat alone also takes 20260131 and 2026-W05-6.
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    found, right = shorten(text), "2026-01-31"
    raise RuleError(f"“{found}” is not a day; right would be one such as {right}.", found=found, expected=right)


def word(text: object, asked: str) -> str:
    """Return `text`. Raises RuleError where it is no text of 1 to 400 real characters; `asked` begins the sentence."""
    if not isinstance(text, str):
        found, right = _quoted(text), 'a text in quotes, such as "vip"'
        raise RuleError(f"{asked} takes {right}, not “{found}”.", found=found, expected=right)
    if not text:
        said = f"A text in a rule has 1 to {MAX_WORD} characters; what is missing is asked for with “is null”."
        raise RuleError(said, expected="is null")
    if len(text) > MAX_WORD or _SURROGATE.search(text) or "\0" in text:
        raise RuleError(f"A text in a rule has 1 to {MAX_WORD} characters, all of them real ones.", found=shorten(text))
    return text


def _range(field: Field, value: object) -> Value:
    if not isinstance(value, tuple) or len(value) != 2:
        raise _misfit(field, "between", value, "two values, as in: between 3 and 5")
    low, high = (_single(field, "between", item) for item in value)
    if low > high:
        raise RuleError(
            f"{field.name} between takes the smaller value first: between {shorten(_shown(high))} and "
            f"{shorten(_shown(low))}.",
            found=shorten(f"{_shown(low)} and {_shown(high)}"),
            expected=shorten(f"between {_shown(high)} and {_shown(low)}"),
        )
    return (low, high)


def _named(field: Field, op: object, value: object) -> Any:
    """Return a value that a rule names as a whole; of a closed set, in the form of the set."""
    single = _single(field, str(op), value)
    if not field.values or single in field.values:
        return single
    if field.kind != Kind.TEXT:
        raise _misfit(field, op, value, f"a whole number from {field.values[0]} to {field.values[-1]}")
    known = [str(one) for one in field.values]
    if same := next((one for one in known if folded_word(one) == folded_word(single)), None):
        return same
    close, found = closest(single, known), shorten(single)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(known)}."
    raise RuleError(f"There is no {field.label} “{found}”; {hint}", found=found, expected=", ".join(close or known))


def _single(field: Field, op: str, value: object) -> Any:
    match field.kind:
        case Kind.INT if type(value) is int and abs(value) <= MAX_INT:
            return value
        case Kind.INT:
            raise _misfit(field, op, value, _whole_number(value))
        case Kind.MONEY:
            return _exact(field, op, value, "an amount such as 200 or 19.90")
        case Kind.NUMBER:
            return _exact(field, op, value, "a number such as 3 or 0.25")
        case Kind.DATE if type(value) is date:
            return value
        case Kind.DATE if isinstance(value, str) and _DAY.fullmatch(value):
            raise _misfit(field, op, value, "a day without quotes, such as 2026-01-31")
        case Kind.DATE:
            raise _misfit(field, op, value, "a day such as 2026-01-31 (for an age write “older than” or “within”)")
        case Kind.BOOL if isinstance(value, bool):
            return value
        case Kind.BOOL:
            raise _misfit(field, op, value, "true or false")
    return word(value, f"{field.name} {op}")


def _whole_number(value: object) -> str:
    """Return what would be right in place of `value`; of a quoted 3 or a huge number “a whole number” says nothing."""
    if type(value) is int or (isinstance(value, Decimal) and value.is_finite() and value > MAX_INT):
        return f"a whole number up to {MAX_INT:,}"
    return "a whole number without quotes" if isinstance(value, str) and _INT.fullmatch(value) else "a whole number"


def _exact(field: Field, op: str, value: object, right: str) -> Decimal:
    # A float is refused: 0.1 is not a tenth, and money is exact.
    if isinstance(value, int | str | Decimal) and not isinstance(value, bool):
        if _THOUSANDS.fullmatch(written := _written(value)):
            whole, short = written.replace(".", ""), written.rstrip("0").rstrip(".")
            said = f"“{written}” could be {whole} or {short}; write the one that is meant, without a separator."
            raise RuleError(said, found=written, expected=f"{whole} or {short}")
        amount = _decimal(value)
        if amount is not None and _MONEY.fullmatch(f"{amount:f}"):
            return amount
    limits = f"at most {MONEY_DIGITS} digits before and {MONEY_DECIMALS} after the point"
    raise _misfit(field, op, value, f"{right}, {limits}")


def _written(value: int | str | Decimal) -> str:
    """Return a number as it was written; empty for one that is too long for its form to matter."""
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() and abs(value.adjusted()) < 10 else ""
    return value if isinstance(value, str) else ""


def _decimal(value: int | str | Decimal) -> Decimal | None:
    """Return `value` without trailing zeros, or None where it is no number of a sane size (1e999999999 is not)."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    if isinstance(value, int) and abs(value) >= 10**40:
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount.as_tuple().exponent) > 40 or abs(amount.adjusted()) > 40:  # type: ignore[arg-type]
        return None
    return amount.normalize() + 0  # + 0: there is one zero, without a sign


def _misfit(field: Field, op: object, value: object, right: str) -> RuleError:
    found = _quoted(value)
    return RuleError(f"{field.name} {op} takes {right}, not “{found}”.", found=found, expected=right)


def _quoted(value: object) -> str:
    """Return what an error quotes of any value, also of one that cannot be written out (too long, too deep)."""
    if value is None:
        return "nothing"
    if isinstance(value, int) and abs(value) >= 10**40:
        return "a huge number"
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= 40:
        return shorten(f"{value:f}")  # as it was typed, not as 1E-7
    if isinstance(value, str | int | float | Decimal | date | Age):
        return shorten(str(value))
    return "several values" if isinstance(value, tuple | list) else "an object"


def _shown(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
