"""What a rule asks that has no past: a rule as of a past day sees today's value of it."""

from collections.abc import Iterator, Sequence

from transforms.rule_fields import FIELDS
from transforms.rule_segments import Saved, rules_behind
from transforms.rule_tree import BoughtQuery, Condition, Leaf, OrdersQuery, Rule, leaves, terms_of

_WHOSE = {"category": "products"}


def without_past(rule: Rule, segments: Sequence[Saved] = ()) -> tuple[str, ...]:
    """Return, in words and each once, what `rule` asks of which only today's value is known. Empty where all has a past.

    With the saved `segments` of the shop, also what the segments ask that the rule names.

    >>> from transforms.rule_text import parse
    >>> without_past(parse('city = "Bonn" and orders_count > 1 and orders(status = "completed")'))
    ('city', 'status of orders')
    """
    rules = rules_behind(rule, segments)
    return tuple(dict.fromkeys(told for each in rules for leaf in leaves(each) for told in _of_today(leaf)))


def _of_today(leaf: Leaf) -> Iterator[str]:
    if isinstance(leaf, Condition):
        field = FIELDS[leaf.field]
        if not field.has_past:
            yield field.label
    elif isinstance(leaf, OrdersQuery | BoughtQuery):
        for term in leaf.terms:
            asked = terms_of(leaf)[term.name]
            if not asked.has_past:
                yield f"{asked.label} of {_WHOSE.get(term.name, 'orders')}"
