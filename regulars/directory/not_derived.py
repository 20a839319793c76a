"""What a version of an earlier release cannot answer: fields that its run did not work out.

Such a version is read until the next run replaces it. What it lacks is null there, and a rule that compares null
describes nobody: so a rule that asks for it is refused, as long as that version is the current one. A past day of it
needs no refusal, since that is worked out from the orders.
"""

from collections.abc import Sequence

from regulars.directory.layout import Manifest
from regulars.errors import RegularsError
from regulars.models import Segment
from transforms.rules import FIELDS, Rule, RuleError, conditions, rules_behind

# By the schema of `layout.SCHEMA_VERSION` that brought them: the columns of customers that rules ask for.
COLUMNS_SINCE = {
    2: frozenset(
        {
            "median_days_between",
            "days_to_second",
            "active_months",
            "products_count",
            "categories",
            "coupons",
            "refund_rate",
        }
    )
}


class NotYetDerived(RegularsError, RuleError):
    """A rule asks for what the current version does not have yet; the next run works it out."""


def refuse_not_derived(rule: Rule, manifest: Manifest, segments: Sequence[Segment]) -> None:
    """Raise NotYetDerived where `rule`, or a saved segment that it names, asks for what this version does not have."""
    absent = {name for schema, names in COLUMNS_SINCE.items() if schema > manifest.schema_version for name in names}
    if not absent:
        return
    asked = [FIELDS[leaf.field] for each in rules_behind(rule, segments) for leaf in conditions(each)]
    if labels := dict.fromkeys(field.label for field in asked if not absent.isdisjoint(field.columns)):
        raise NotYetDerived(f"This is worked out from the next sync on: {', '.join(labels)}.")
