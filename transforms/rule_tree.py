"""The tree of a rule: leaves joined by and, or, not; checked when made.

A leaf is a condition on a field of the person, a query about their orders (`orders(…)`) or about what they bought
(`bought(…)`), or a segment that they are in. Every node is frozen, and two trees that mean the same text are equal.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import NoReturn, TypeAlias

from transforms.rule_errors import RuleError, shorten
from transforms.rule_fields import ALIASES, FIELDS, Field
from transforms.rule_terms import BOUGHT_TERMS, ORDER_TERMS, TERMS, TermField
from transforms.rule_values import Value, fit, word

MAX_LEAVES = 256
MAX_LEVELS = 32
MAX_TERMS = 32
MAX_TEXT = 32_000

_QUERIES = {"orders": ORDER_TERMS, "bought": BOUGHT_TERMS}
_WITH_BRACKETS = {
    "orders": "orders(count >= 2)",
    "bought": 'bought(product = "Mug")',
    "in_segment": 'in_segment("vip")',
    "segment": 'in_segment("vip")',
}


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
        object.__setattr__(self, "value", fit(field, self.op, self.value))


@dataclass(frozen=True)
class Term:
    """One comparison in the brackets of a query: a term's name, an operator and a value. Raises as `Condition` does."""

    name: str
    op: str
    value: Value = None

    def __post_init__(self) -> None:
        term = term_named(self.name, TERMS)
        object.__setattr__(self, "name", term.name)
        object.__setattr__(self, "value", fit(term, self.op, self.value))


@dataclass(frozen=True)
class OrdersQuery:
    """True for people whose orders before `as_of` fit all terms. Raises RuleError for a term that is not of orders."""

    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        _check_terms("orders", self.terms, ORDER_TERMS)


@dataclass(frozen=True)
class BoughtQuery:
    """True for people who bought what fits all terms. Raises RuleError for a term that is not of bought lines."""

    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        _check_terms("bought", self.terms, BOUGHT_TERMS)


@dataclass(frozen=True)
class InSegment:
    """True for the members of a saved segment, named by its id or by its name without regard to case.

    `position` is where the name stands in the text that it was read from; it takes no part in comparing.
    """

    segment: str
    position: int | None = attribute(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        word(self.segment, "in_segment")


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


Query: TypeAlias = OrdersQuery | BoughtQuery
Leaf: TypeAlias = Condition | OrdersQuery | BoughtQuery | InSegment
Rule: TypeAlias = Leaf | Not | And | Or


def field_named(name: object) -> Field:
    """Return the field called `name` (case does not matter). Raises RuleError with the names that are close."""
    key = str(name).lower()
    key = ALIASES.get(key, key)
    return FIELDS[key] if key in FIELDS else _unknown(key, "field", FIELDS)


def term_named(name: object, terms: Mapping[str, TermField]) -> TermField:
    """Return the term of `terms` called `name` (case does not matter). Raises RuleError with the names that are close."""
    key = str(name).lower()
    return terms[key] if key in terms else _unknown(key, "term", terms)


def terms_of(query: Query) -> Mapping[str, TermField]:
    """Return the terms that may stand in the brackets of such a query."""
    return ORDER_TERMS if isinstance(query, OrdersQuery) else BOUGHT_TERMS


def parts_of(rule: Rule) -> tuple[Rule, ...]:
    """Return what a node joins or negates; a leaf has none."""
    if isinstance(rule, And | Or):
        return rule.parts
    return (rule.part,) if isinstance(rule, Not) else ()


def leaves(rule: Rule) -> Iterator[Leaf]:
    """Yield the leaves of `rule` from left to right."""
    if isinstance(rule, And | Or | Not):
        for part in parts_of(rule):
            yield from leaves(part)
    else:
        yield rule


def conditions(rule: Rule) -> Iterable[Condition]:
    """Yield the conditions on fields in `rule` from left to right."""
    return (leaf for leaf in leaves(rule) if isinstance(leaf, Condition))


def queries(rule: Rule) -> tuple[Query, ...]:
    """Return the distinct queries about orders and what was bought in `rule`, from left to right."""
    return tuple(dict.fromkeys(leaf for leaf in leaves(rule) if isinstance(leaf, OrdersQuery | BoughtQuery)))


def segments_named(rule: Rule) -> tuple[str, ...]:
    """Return the distinct ids or names of the segments in `rule` as they stand there, from left to right."""
    return tuple(dict.fromkeys(leaf.segment for leaf in leaves(rule) if isinstance(leaf, InSegment)))


def check_size(rule: Rule) -> None:
    """Raise RuleError where `rule` has more than 256 conditions (a query has one a term) or 32 levels."""
    count, todo = 0, [(rule, 1)]
    while todo:
        node, level = todo.pop()
        if level > MAX_LEVELS:
            raise RuleError(f"A rule nests at most {MAX_LEVELS} levels deep.", expected=f"{MAX_LEVELS} levels")
        if isinstance(node, And | Or | Not):
            todo.extend((part, level + 1) for part in parts_of(node))
        else:
            count += len(node.terms) if isinstance(node, OrdersQuery | BoughtQuery) else 1
        if count > MAX_LEAVES:
            raise RuleError(f"A rule has at most {MAX_LEAVES} conditions.", expected=f"{MAX_LEAVES} conditions")


def _unknown(key: str, kind: str, table: Mapping[str, Field]) -> NoReturn:
    # Of r, f and m nearly every short word is close.
    close = [name for name in difflib.get_close_matches(key[:80], table, n=3, cutoff=0.5) if len(name) > 1]
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(table)}."
    if query := next((query for query, terms in _QUERIES.items() if key in terms), None):
        # It is known elsewhere: people forget the brackets, or take the wrong ones.
        hint = f"{hint[:-1]}, or the term of {query}(…)?" if close else f"it is a term of {query}(…)."
    elif kind == "term" and key in (*FIELDS, *_WITH_BRACKETS):
        hint = "it is asked of the person, and stands outside of these brackets."
    elif key in _WITH_BRACKETS:
        hint = f"{hint[:-1]}, or {_WITH_BRACKETS[key]}?" if close else f"it takes brackets: {_WITH_BRACKETS[key]}."
    found = shorten(key)
    raise RuleError(f"There is no {kind} “{found}” here; {hint}", found=found, expected=", ".join(close or table))


def _check_terms(name: str, terms: object, table: Mapping[str, TermField]) -> None:
    if not isinstance(terms, tuple) or not 1 <= len(terms) <= MAX_TERMS:
        right = f"1 to {MAX_TERMS} terms"
        raise RuleError(f"{name}(…) takes {right}, separated by commas.", expected=right)
    for term in terms:
        if not isinstance(term, Term):
            raise RuleError(f"{name}(…) takes terms, and no rule in its brackets.", expected="terms")
        term_named(term.name, table)


def _two_or_more(parts: object) -> None:
    if not isinstance(parts, tuple) or len(parts) < 2:
        raise RuleError("“and” and “or” join two or more conditions.", expected="two or more conditions")
