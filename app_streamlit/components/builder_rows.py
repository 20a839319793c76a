"""A rule as the builder shows it: rows of words, and groups of rows within groups. Pure: no widget is drawn here.

A *join* says how the parts of a rule or of a group belong together; "none of these" and "not all of these" are the two
readings of "not". A *question* asks about a person's orders, or about what they bought; its rows are its terms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

JOINS: Mapping[str, str] = {
    "and": "all of these",
    "or": "any of these",
    "not or": "none of these",
    "not and": "not all of these",
}
# Groups within groups stay boxes to this depth; on a phone a fourth would leave no room for what it holds.
MOST_DEPTH = 3
# So many rows are drawn: each is three or four widgets, and four hundred would take ten seconds a click.
MOST_ROWS = 40


@dataclass(frozen=True)
class Row:
    """One condition, or one term of a question, as it stands on the screen: words, not yet values.

    `values` has nothing for "is unknown", one word for most operators, two for "between", any number for a list. `unit`
    is that of an age. `negated`: the condition is not to hold.
    """

    field: str
    op: str
    values: tuple[str, ...] = ()
    unit: str = "days"
    negated: bool = False

    @property
    def value(self) -> str:
        """The first word, empty where there is none."""
        return self.values[0] if self.values else ""


@dataclass(frozen=True)
class Question:
    """What is asked about the `orders` of a person, or about what they `bought`; its terms hold together."""

    about: str
    terms: tuple[Row, ...]
    negated: bool = False


@dataclass(frozen=True)
class Member:
    """Whether a person is in a saved segment, which is named by id or by name."""

    segment: str
    negated: bool = False


@dataclass(frozen=True)
class Group:
    """Rows, questions and further groups that belong together, by a join of their own."""

    join: str
    items: tuple["Item", ...]


Leaf: TypeAlias = Row | Question | Member
Item: TypeAlias = Leaf | Group
# Where something stands: its place among the items, then its place in that group or question, and so on.
Path: TypeAlias = tuple[int, ...]

NEW_ROW = Row("total_spent", ">=", ("200",))


def parts_of(item: Item) -> tuple[Item, ...]:
    """Return what stands inside of an item: the items of a group, the terms of a question."""
    if isinstance(item, Group):
        return item.items
    return item.terms if isinstance(item, Question) else ()


def first_rows(items: Sequence[Item], most: int = MOST_ROWS) -> tuple[list[Item], int]:
    """Return the items cut to about their first `most` rows, and how many conditions were left out.

    Whatever is kept keeps its path. A question is kept whole or not at all.
    """
    shown: list[Item] = []
    for place, item in enumerate(items):
        room = most - sum(map(_rows_in, shown))
        if isinstance(item, Group) and room > 0:
            inner, left = first_rows(item.items, room)
            shown.append(replace(item, items=tuple(inner)))
        elif room > 0:
            shown.append(item)
            left = 0
        else:
            return shown, sum(map(_conditions_in, items[place:]))
        if left:
            return shown, left + sum(map(_conditions_in, items[place + 1 :]))
    return shown, 0


def _rows_in(item: Item) -> int:
    return sum(map(_rows_in, parts_of(item))) + (not isinstance(item, Group))


def _conditions_in(item: Item) -> int:
    return sum(map(_conditions_in, item.items)) if isinstance(item, Group) else 1


def at(items: Sequence[Item], path: Path) -> Item:
    """Return what stands at `path`."""
    place, *inner = path
    return at(parts_of(items[place]), tuple(inner)) if inner else items[place]


def put(items: Sequence[Item], path: Path, item: Item | None) -> list[Item]:
    """Return the items with another one at `path`; None takes it away, and with the last one what held it."""
    place, *inner = path
    changed: list[Item] = list(items)
    if inner:
        item = _with_parts(changed[place], put(parts_of(changed[place]), tuple(inner), item))
    changed[place : place + 1] = [] if item is None else [item]
    return changed


def add(items: Sequence[Item], path: Path, item: Item) -> list[Item]:
    """Return the items with one more at the end of what stands at `path`; the empty path is the rule itself."""
    if not path:
        return [*items, item]
    here = at(items, path)
    return put(items, path, _with_parts(here, [*parts_of(here), item]))


def _with_parts(item: Item, parts: Sequence[Item]) -> Item | None:
    """Return a group or question that holds other parts, None where none is left."""
    if not parts:
        return None
    if isinstance(item, Group):
        return replace(item, items=tuple(parts))
    assert isinstance(item, Question)
    return replace(item, terms=tuple(part for part in parts if isinstance(part, Row)))
