"""The criteria object that shop people bring along, read as a rule.

`{"orders_count": {"min": 3, "max": 10}, "total_spent": {"min": "200"}, "last_order_date": {"days_ago": 90}}`: `min` and
`max` include their value. `last_order_date.days_ago` n is a last order older than n days, `created_date.days_ago` n is
a person who came into being within n days.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from transforms.rule_errors import RuleError, shorten
from transforms.rule_tree import And, Condition, Rule
from transforms.rule_values import Age

_RANGES = ("orders_count", "total_spent")
_AGES: Mapping[str, tuple[str, str]] = {
    "last_order_date": ("last_order", "older than"),
    "created_date": ("created", "within"),
}
_RIGHT = (
    'orders_count and total_spent with "min" or "max", last_order_date and created_date with "days_ago", '
    'as in {"orders_count": {"min": 3}}'
)


def from_criteria(criteria: Mapping[str, Any]) -> Rule:
    """Return the rule that a criteria object means. Raises RuleError for an unknown key, no criterion, or a misfit.

    >>> from_criteria({"last_order_date": {"days_ago": 90}})
    Condition(field='last_order', op='older than', value=Age(amount=90, unit='days'))
    """
    if not isinstance(criteria, Mapping) or not criteria:
        raise RuleError(f"The criteria are empty; right would be {_RIGHT}.", expected=_RIGHT)
    for key in criteria:
        if key not in (*_RANGES, *_AGES):
            found = shorten(str(key)) if isinstance(key, str | int) else "a key that is no text"
            raise RuleError(f"There is no criterion “{found}”; right would be {_RIGHT}.", found=found, expected=_RIGHT)
    parts = [_range(name, criteria[name]) for name in _RANGES if name in criteria]
    parts += [_age(name, criteria[name]) for name in _AGES if name in criteria]
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _range(name: str, given: object) -> Rule:
    right = '{"min": 3}, {"max": 10} or {"min": 3, "max": 10}'
    if not isinstance(given, Mapping) or not given or not given.keys() <= {"min", "max"}:
        # A plain 3 could mean exactly three, or three and more.
        raise RuleError(f"The criterion {name} takes {right}.", expected=right)
    low, high = _number(given.get("min"), name), _number(given.get("max"), name)
    if low is None and high is None:
        raise RuleError(f"The criterion {name} takes {right}.", expected=right)
    if high is None:
        return Condition(name, ">=", low)
    if low is None:
        return Condition(name, "<=", high)
    # Each alone first: what is no number must be named as such, not as out of order.
    least, most = Condition(name, ">=", low).value, Condition(name, "<=", high).value
    if least > most:  # type: ignore[operator]  # both are numbers of one kind
        raise RuleError(f"The criterion {name} has a min above its max.", expected=right)
    return Condition(name, "between", (least, most))  # type: ignore[arg-type]


def _number(value: object, name: str) -> Any:
    # JSON writes 19.9 as a float: its shortest form is what was typed. A misfit is the condition's to name.
    if isinstance(value, float) and name == "total_spent":
        return Decimal(repr(value))
    # A program wrote it, so that 100.000 is a hundred, as currencies with three decimals have it.
    if isinstance(value, str) and name == "total_spent" and "." in value:
        return value.rstrip("0").rstrip(".")
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 10**15 else value


def _age(name: str, given: object) -> Rule:
    match given:
        case {"days_ago": int(days), **rest} if not rest and not isinstance(days, bool):
            field, op = _AGES[name]
            return Condition(field, op, Age(days))
    right = '{"days_ago": 90}'
    raise RuleError(f"The criterion {name} takes {right}, a whole number of days.", expected=right)
