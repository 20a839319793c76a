"""What a rule asks that has no past: a rule as of a past day sees today's value of it."""

from collections.abc import Iterator, Sequence

from transforms.rule_fields import FIELDS
from transforms.rule_segments import Saved, rules_behind
from transforms.rule_tree import BoughtQuery, Condition, Leaf, OrdersQuery, Rule, leaves, terms_of

_WHOSE = {"category": "products"}
# What an answer about a past day takes from today, whatever the rule asks: orders have the status they have now and
# belong to whom they belong now, and whoever was deleted since, here or in the shop, is missing.
ALWAYS_TODAY = ("order statuses", "who is who", "who was deleted since")


def todays_values(rule: Rule, segments: Sequence[Saved] = ()) -> tuple[str, ...]:
    """Return, in words, all that an answer as of a past day takes from today: ALWAYS_TODAY, then `without_past`.

    >>> from transforms.rule_text import parse
    >>> todays_values(parse('city = "Bonn"'))
    ('order statuses', 'who is who', 'who was deleted since', 'city')
    """
    return (*ALWAYS_TODAY, *without_past(rule, segments))


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
