"""Rules as the API takes and gives them: text or a criteria object, and the fields that there are."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter

from transforms.rules import (
    BOUGHT_TERMS,
    FIELDS,
    ORDER_TERMS,
    Age,
    And,
    Condition,
    Field,
    Rule,
    RuleError,
    from_criteria,
    parse,
)
from webhook_receiver.api.asked import known_parameters
from webhook_receiver.api.problems import FieldInvalid, documented
from webhook_receiver.api.written_models import RuleFields, RuleGiven

router = APIRouter(prefix="/api/rules", tags=["segments"])
ENDS = {">=": ("min",), "<=": ("max",), "between": ("min", "max")}
AGES = {("last_order", "older than"): "last_order_date", ("created", "within"): "created_date"}


@router.get("/fields", response_model=RuleFields, responses=documented(401, 422), dependencies=[known_parameters()])
def fields() -> dict[str, Any]:
    """Return what rules can ask, with types, units and operators."""
    tables = {"fields": FIELDS, "orders": ORDER_TERMS, "bought": BOUGHT_TERMS}
    return {name: _listed(table.values()) for name, table in tables.items()}


def _listed(fields: Iterable[Field]) -> list[dict[str, Any]]:
    same = ("name", "unit", "label", "help", "has_past")
    return [
        {
            **{name: getattr(field, name) for name in same},
            "type": field.kind.value,
            "operators": list(field.operators),
            "together": getattr(field, "together", False),
            "values": list(field.values),
        }
        for field in fields
    ]


def rule_of(given: RuleGiven) -> Rule:
    """Return the rule of a body. Raises FieldInvalid at `criteria` or where there is not exactly one, RuleError."""
    if given.rule is not None and given.criteria is not None:
        raise FieldInvalid({"criteria": "Give a rule or criteria, not both."})
    if given.rule is not None:
        return parse(given.rule)
    if given.criteria is None:
        raise FieldInvalid({"rule": "A rule is needed, or criteria."})
    try:
        return from_criteria(given.criteria)
    except RuleError as error:
        raise FieldInvalid({"criteria": error.message}) from error


def criteria_of(rule: Rule) -> dict[str, Any] | None:
    """Return the criteria object that means `rule`; None where none does.

    >>> criteria_of(parse("orders_count >= 3 and last_order older than 90 days"))
    {'orders_count': {'min': 3}, 'last_order_date': {'days_ago': 90}}
    >>> criteria_of(parse('city = "Bonn"'))
    """
    parts = rule.parts if isinstance(rule, And) else (rule,)
    criteria: dict[str, Any] = {}
    for part in parts:
        told = _criterion(part)
        if told is None or told[0] in criteria:
            return None
        criteria[told[0]] = told[1]
    return criteria


def _criterion(part: Rule) -> tuple[str, Mapping[str, Any]] | None:
    match part:
        case Condition("orders_count" | "total_spent" as field, ">=" | "<=" | "between" as op, value):
            values = value if isinstance(value, tuple) else (value,)
            return field, dict(
                zip(ENDS[op], (each if isinstance(each, int) else f"{each:f}" for each in values), strict=True)
            )
        case Condition(field, op, Age(days, "days")) if (field, op) in AGES:
            return AGES[field, op], {"days_ago": days}
    return None
