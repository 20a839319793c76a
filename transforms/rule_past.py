"""What a rule asks that has no past: a rule as of a past day sees today's value of it."""

from transforms.rule_fields import FIELDS
from transforms.rule_tree import BoughtQuery, Condition, OrdersQuery, Rule, leaves, terms_of


def without_past(rule: Rule) -> tuple[str, ...]:
    """Return, in words and each once, what `rule` asks of which only today's value is known. Empty where all has a past.

    A segment that the rule names has its own rule to be asked.

    >>> from transforms.rule_text import parse
    >>> without_past(parse('city = "Bonn" and orders_count > 1 and orders(status = "completed")'))
    ('city', 'status of orders')
    """
    found: list[str] = []
    for leaf in leaves(rule):
        if isinstance(leaf, Condition):
            field = FIELDS[leaf.field]
            found += [] if field.has_past else [field.label]
        elif isinstance(leaf, OrdersQuery | BoughtQuery):
            table = terms_of(leaf)
            found += [
                f"{table[term.name].label} of {_WHOSE.get(term.name, 'orders')}"
                for term in leaf.terms
                if not table[term.name].has_past
            ]
    return tuple(dict.fromkeys(found))


_WHOSE = {"category": "products"}
