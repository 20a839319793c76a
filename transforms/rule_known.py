"""Values that a rule names and a shop does not have: statuses, tags, countries are the shop's own, so nothing is refused."""

from collections.abc import Callable, Iterator, Sequence

from transforms.rule_errors import shorten
from transforms.rule_fields import FIELDS, NAMING, Field, Kind
from transforms.rule_tree import Condition, InSegment, Rule, Term, leaves, terms_of
from transforms.rule_values import closest, folded_word

_SOME = 8


def unknown_values(rule: Rule, known: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
    """Return a sentence on each value that `rule` names as a whole and the shop does not have, with what it has.

    `known` gives the values of a field or term by its name; empty where they are not known, or too many to be.

    >>> from transforms.rule_text import parse
    >>> unknown_values(parse('orders(status = "complete")'), lambda name: ["completed", "processing"])
    ('No order has the status “complete”; did you mean completed?',)
    """
    found = (
        _told(field, value, there)
        for field, value in _named(rule)
        if (there := known(field.name)) and folded_word(value) not in set(map(folded_word, there))
    )
    return tuple(dict.fromkeys(found))


def _named(rule: Rule) -> Iterator[tuple[Field, str]]:
    """Yield what the rule names as a whole of fields and terms whose values are the shop's."""
    for leaf in leaves(rule):
        if isinstance(leaf, InSegment):
            continue
        asked: Sequence[Condition | Term] = (leaf,) if isinstance(leaf, Condition) else leaf.terms
        table = FIELDS if isinstance(leaf, Condition) else terms_of(leaf)
        for one in asked:
            field = table[one.field if isinstance(one, Condition) else one.name]
            whole = one.op in NAMING or (field.kind == Kind.LIST and one.op == "contains")
            if field.nobody and whole:
                values = one.value if isinstance(one.value, tuple) else (one.value,)
                yield from ((field, str(value)) for value in values)


def _told(field: Field, value: str, there: Sequence[str]) -> str:
    said = f"{field.nobody} “{shorten(value)}”"
    if close := closest(value, there):
        return f"{said}; did you mean {' or '.join(map(shorten, close))}?"
    more = f" and {len(there) - _SOME} more" if len(there) > _SOME else ""
    return f"{said}; there are: {', '.join(map(shorten, there[:_SOME]))}{more}."
