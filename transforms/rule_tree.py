"""The tree of a rule: conditions on fields joined by and, or, not; checked when made, and as JSON for a builder.

Every node is frozen and every value is held in one form (money as Decimal, whole numbers as int), so that two trees
that mean the same text are equal. Later kinds of conditions (on orders and their lines) become further leaf classes.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeAlias

from transforms.rule_fields import ALIASES, FIELDS, Field, Kind

MAX_LEAVES = 256
MAX_LEVELS = 32
MAX_TEXT = 32_000
MAX_LIST = 200
MAX_WORD = 400
MAX_AGE_DAYS = 100_000
MAX_INT = 10**15
MONEY_DIGITS, MONEY_DECIMALS = 12, 6

_MONEY = re.compile(rf"-?\d{{1,{MONEY_DIGITS}}}(\.\d{{1,{MONEY_DECIMALS}}})?", re.ASCII)
_NUMBER = re.compile(r"[-+]?\d{1,40}(\.\d{1,40})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


class RuleError(ValueError):
    """A rule cannot be read. Says where, what was found and what would be right.

    `position` is the offset in the text, or None for a rule that came as a tree. `message` is one sentence.
    """

    def __init__(self, message: str, *, position: int | None = None, found: str = "", expected: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.found = found
        self.expected = expected


@dataclass(frozen=True)
class Age:
    """A length of time in whole days or weeks. Raises RuleError where it is negative or beyond 100,000 days."""

    amount: int
    unit: Literal["days", "weeks"] = "days"

    def __post_init__(self) -> None:
        if type(self.amount) is not int or self.unit not in ("days", "weeks"):
            raise RuleError("An age is a whole number of days or weeks, such as 90 days.", expected="90 days")
        if not 0 <= self.days <= MAX_AGE_DAYS:
            raise RuleError(f"An age lies between 0 and {MAX_AGE_DAYS} days.", found=str(self.amount))

    @property
    def days(self) -> int:
        """The age in days."""
        return self.amount * (7 if self.unit == "weeks" else 1)

    def __str__(self) -> str:
        return f"{self.amount} {self.unit[:-1] if self.amount == 1 else self.unit}"


Value: TypeAlias = int | Decimal | str | bool | date | Age | tuple[int, ...] | tuple[str, ...] | None


@dataclass(frozen=True)
class Condition:
    """One leaf: a field, an operator and a value (None for `is null` and `is not null`).

    Raises RuleError for an unknown field, an operator that does not fit it, or a value that does not fit both.
    """

    field: str
    op: str
    value: Value = None

    def __post_init__(self) -> None:
        field = field_named(self.field)
        object.__setattr__(self, "field", field.name)
        if self.op not in field.operators:
            right = ", ".join(field.operators)
            raise RuleError(
                f"{field.name} cannot be compared with “{self.op}”; right would be one of: {right}.",
                found=str(self.op),
                expected=right,
            )
        object.__setattr__(self, "value", _fit(field, self.op, self.value))


@dataclass(frozen=True)
class Not:
    """True where its part is false."""

    part: "Rule"


@dataclass(frozen=True)
class And:
    """True where all of its two or more parts are."""

    parts: tuple["Rule", ...]

    def __post_init__(self) -> None:
        _two_or_more(self.parts)


@dataclass(frozen=True)
class Or:
    """True where at least one of its two or more parts is."""

    parts: tuple["Rule", ...]

    def __post_init__(self) -> None:
        _two_or_more(self.parts)


Rule: TypeAlias = Condition | Not | And | Or


def field_named(name: object) -> Field:
    """Return the field called `name` (case does not matter). Raises RuleError with the names that are close."""
    key = str(name).lower()
    key = ALIASES.get(key, key)
    if key in FIELDS:
        return FIELDS[key]
    close = difflib.get_close_matches(key[:80], FIELDS, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(FIELDS)}."
    raise RuleError(f"There is no field “{shorten(key)}”; {hint}", found=key, expected=", ".join(close or FIELDS))


def shorten(text: str) -> str:
    """Return `text` as an error quotes it: at most 40 characters, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 40 else f"{flat[:39]}…"


def check_size(rule: Rule) -> None:
    """Raise RuleError where `rule` has more than 256 conditions or 32 levels."""
    leaves, todo = 0, [(rule, 1)]
    while todo:
        node, level = todo.pop()
        if level > MAX_LEVELS:
            raise RuleError(f"A rule nests at most {MAX_LEVELS} levels deep.", expected=f"{MAX_LEVELS} levels")
        if isinstance(node, Condition):
            leaves += 1
        else:
            todo.extend((part, level + 1) for part in ((node.part,) if isinstance(node, Not) else node.parts))
        if leaves > MAX_LEAVES:
            raise RuleError(f"A rule has at most {MAX_LEAVES} conditions.", expected=f"{MAX_LEAVES} conditions")


def conditions(rule: Rule) -> Iterable[Condition]:
    """Yield the leaves of `rule` from left to right."""
    if isinstance(rule, Condition):
        yield rule
    else:
        for part in (rule.part,) if isinstance(rule, Not) else rule.parts:
            yield from conditions(part)


def to_dict(rule: Rule) -> dict[str, Any]:
    """Return `rule` as JSON objects: `{"all": […]}`, `{"any": […]}`, `{"not": …}` or `{"field", "op", "value"}`.

    Money is text, a date is ISO text, an age is `{"days": n}` or `{"weeks": n}`; `is null` has no value.
    """
    if isinstance(rule, Not):
        return {"not": to_dict(rule.part)}
    if isinstance(rule, And | Or):
        return {"all" if isinstance(rule, And) else "any": [to_dict(part) for part in rule.parts]}
    leaf: dict[str, Any] = {"field": rule.field, "op": rule.op}
    return leaf if rule.value is None else leaf | {"value": _to_json(rule.value)}


def from_dict(tree: Mapping[str, Any]) -> Rule:
    """Return the rule of what `to_dict` made, or a builder. Raises RuleError where it is none."""
    rule = _from_dict(tree, 1)
    check_size(rule)
    return rule


def _from_dict(tree: object, level: int) -> Rule:
    if level > MAX_LEVELS:
        raise RuleError(f"A rule nests at most {MAX_LEVELS} levels deep.", expected=f"{MAX_LEVELS} levels")
    match tree:
        case {"all": [*parts], **rest} if not rest:
            return And(tuple(_from_dict(part, level + 1) for part in parts[: MAX_LEAVES + 1]))
        case {"any": [*parts], **rest} if not rest:
            return Or(tuple(_from_dict(part, level + 1) for part in parts[: MAX_LEAVES + 1]))
        case {"not": part, **rest} if not rest:
            return Not(_from_dict(part, level + 1))
        case {"field": str(name), "op": str(op), **rest} if rest.keys() <= {"value"}:
            return Condition(name, op, _from_json(name, op, rest.get("value")))
    right = 'all, any, not, or field with op and value, as in {"field": "orders_count", "op": ">=", "value": 3}'
    raise RuleError(f"A part of the rule is none of {right}.", expected=right)


def _to_json(value: Value) -> Any:
    match value:
        case Age(amount, unit):
            return {unit: amount}
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
        case tuple():
            return list(value)
    return value


def _from_json(name: str, op: str, value: Any) -> Any:
    if op in ("older than", "within"):
        match value:
            case {"days": amount, **rest} if not rest:
                return Age(amount)
            case {"weeks": amount, **rest} if not rest:
                return Age(amount, "weeks")
    elif isinstance(value, list):
        return tuple(value)
    elif field_named(name).kind == Kind.DATE and isinstance(value, str):
        return day(value)
    return value


def day(text: str) -> date:
    """Return the day that `text` writes as YYYY-MM-DD. Raises RuleError where it is none."""
    try:
        # fromisoformat alone also takes 20260131 and 2026-W05-6.
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    right = "2026-01-31"
    raise RuleError(f"“{shorten(text)}” is not a day; right would be one such as {right}.", found=text, expected=right)


def _two_or_more(parts: object) -> None:
    if not isinstance(parts, tuple) or len(parts) < 2:
        raise RuleError("“and” and “or” join two or more conditions.", expected="two or more conditions")


def _fit(field: Field, op: str, value: object) -> Value:
    """Return `value` in its one form. Raises RuleError where it does not fit `field` and `op`."""
    if op in ("is null", "is not null"):
        if value is not None:
            raise RuleError(f"“{op}” takes no value.", found=shorten(str(value)))
        return None
    if op in ("older than", "within"):
        if isinstance(value, Age):
            return value
        raise _misfit(field, op, value, "an age such as 90 days")
    if op in ("in", "not in"):
        if not isinstance(value, tuple) or not 1 <= len(value) <= MAX_LIST:
            raise _misfit(field, op, value, f"a list of 1 to {MAX_LIST} values in brackets")
        return tuple(_single(field, op, item) for item in value)
    single: Value = _single(field, op, value)
    return single


def _single(field: Field, op: str, value: object) -> Any:
    match field.kind:
        case Kind.INT if type(value) is int and abs(value) <= MAX_INT:
            return value
        case Kind.INT:
            raise _misfit(field, op, value, "a whole number")
        case Kind.MONEY:
            return _money(field, op, value)
        case Kind.DATE if type(value) is date:
            return value
        case Kind.DATE:
            raise _misfit(field, op, value, "a day such as 2026-01-31 (for an age write “older than” or “within”)")
        case Kind.BOOL if isinstance(value, bool):
            return value
        case Kind.BOOL:
            raise _misfit(field, op, value, "true or false")
    return _word(field, op, value)


def _money(field: Field, op: str, value: object) -> Decimal:
    # A float is refused: 0.1 is not a tenth, and money is exact.
    if isinstance(value, int | str | Decimal) and not isinstance(value, bool):
        amount = _decimal(value)
        if amount is not None and _MONEY.fullmatch(f"{amount:f}"):
            return amount
    limits = f"at most {MONEY_DIGITS} digits before and {MONEY_DECIMALS} after the point"
    raise _misfit(field, op, value, f"an amount such as 200 or 19.90, {limits}")


def _decimal(value: int | str | Decimal) -> Decimal | None:
    """Return `value` without trailing zeros, or None where it is no number of a sane size (1e999999999 is not)."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount.as_tuple().exponent) > 40 or abs(amount.adjusted()) > 40:  # type: ignore[arg-type]
        return None
    return amount.normalize() + 0  # + 0: there is one zero, without a sign


def _word(field: Field, op: str, value: object) -> str:
    if not isinstance(value, str):
        raise _misfit(field, op, value, 'a text in quotes, such as "vip"')
    if not 1 <= len(value) <= MAX_WORD or _SURROGATE.search(value) or "\0" in value:
        raise RuleError(
            f"A text in a rule has 1 to {MAX_WORD} characters, all of them real ones.", found=shorten(value)
        )
    return value


def _misfit(field: Field, op: str, value: object, right: str) -> RuleError:
    found = "nothing" if value is None else shorten(str(value))
    return RuleError(f"{field.name} {op} takes {right}, not “{found}”.", found=found, expected=right)
