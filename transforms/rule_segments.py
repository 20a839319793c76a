"""Segments that name one another: finding them, the order in which to evaluate them, and what may be saved.

A rule names a segment by its id, or by its name without regard to case; ids come first. Every function takes saved
segments with `id`, `name` and `rule` (text), of one shop.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from transforms.rule_errors import RuleError, shorten
from transforms.rule_text import parse
from transforms.rule_tree import And, InSegment, Not, Or, Rule, leaves, segments_named


class Saved(Protocol):
    """A saved segment, as far as rules need it."""

    @property
    def id(self) -> str:
        """A slug, unique in the shop."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def rule(self) -> str:
        """The rule's text."""


class SegmentRule(NamedTuple):
    """A saved segment as the transforms see it: its id (a slug, unique in the shop), name and rule text."""

    id: str
    name: str
    rule: str


class EvaluationOrder(NamedTuple):
    """Segments in an order in which each comes after those it names.

    `rules`: by id, in that order, the rules that can be evaluated, naming segments by their ids. `broken`: by id, why
    the others cannot.
    """

    rules: dict[str, Rule]
    broken: dict[str, RuleError]


def evaluation_order(segments: Sequence[Saved]) -> EvaluationOrder:
    """Return the segments so that those named by `in_segment` come first, and those that cannot be evaluated.

    A rule is broken that cannot be read, names an unknown segment, stands in a circle, or names a broken one. Others go
    on. Segments keep their order but for what they name.
    """
    broken: dict[str, RuleError] = {}
    rules: dict[str, Rule] = {}
    for segment in segments:
        try:
            rules[segment.id] = by_id(parse(segment.rule), segments)
        except RuleError as error:
            broken[segment.id] = error
    called = {segment.id: segment.name for segment in segments}
    ordered: dict[str, Rule] = {}
    for segment_id in rules:
        _place(segment_id, rules, ordered, broken, called)
    return EvaluationOrder(ordered, {each.id: broken[each.id] for each in segments if each.id in broken})


def by_id(rule: Rule, segments: Sequence[Saved]) -> Rule:
    """Return `rule` with every segment named by its id, so that renaming one breaks nothing.

    Raises RuleError for a name that is none, at its place in the text that the rule was read from.
    """
    match rule:
        case InSegment(segment, position):
            return InSegment(_found(segment, segments, position), position)
        case Not(part):
            return replace(rule, part=by_id(part, segments))
        case And(parts) | Or(parts):
            return replace(rule, parts=tuple(by_id(part, segments) for part in parts))
    return rule


def place_of(rule: Rule, segment_id: str) -> int | None:
    """Return where `rule` first names this segment; None for a rule that was not read from text, or does not name it.

    >>> place_of(parse('r = 5 and in_segment("vip")'), "vip")
    21
    """
    named = (leaf for leaf in leaves(rule) if isinstance(leaf, InSegment) and leaf.segment == segment_id)
    return next((leaf.position for leaf in named), None)


def named_by(segment_id: str, segments: Sequence[Saved]) -> tuple[str, ...]:
    """Return the names of the other segments whose rule names this one; rules that cannot be read name nobody."""
    others = (segment for segment in segments if segment.id != segment_id)
    return tuple(other.name for other in others if segment_id in _names_of(other, segments))


def rules_behind(rule: Rule, segments: Sequence[Saved]) -> tuple[Rule, ...]:
    """Return `rule` and the rules of all segments that it names, directly or through others, as far as they can be read."""
    current = {each.id: each for each in segments}
    todo = [found for named in segments_named(rule) if (found := _known(named, segments))]
    seen: dict[str, Rule | None] = {}
    while todo:
        here = todo.pop(0)
        if here not in seen:
            seen[here] = _read(current[here].rule)
            todo.extend(_names_of(current[here], segments))
    return (rule, *(found for found in seen.values() if found is not None))


def refuse_unknown(segment_id: str, segments: Sequence[Saved]) -> None:
    """Raise RuleError where deleting this segment would leave others naming what is no more; the sentence names them."""
    if names := named_by(segment_id, segments):
        quoted = _quoted(names)
        said = f"The rule of {quoted} names this segment; change it first, then delete this one."
        raise RuleError(said, found=shorten(", ".join(names)))


def refuse_circle(segment_id: str, rule: Rule, others: Sequence[Saved]) -> None:
    """Raise RuleError where saving `rule` would name an unknown segment or close a circle.

    `segment_id` is that of the segment to be saved, empty for a new one. `others` are the shop's segments; where this
    one is among them, its rule there is the old one and is not looked at.
    """
    current = {each.id: each for each in others}
    asked = by_id(rule, others)
    todo: list[tuple[str, tuple[str, ...]]] = [(named, (segment_id,)) for named in segments_named(asked)]
    seen: set[str] = set()
    while todo:
        named, way = todo.pop()
        if named == segment_id:
            first = (*way, named)[1]
            raise _circle([current[each].name for each in way], place_of(asked, first))
        if named not in seen:
            seen.add(named)
            todo.extend((further, (*way, named)) for further in _names_of(current[named], others))


def _place(
    segment_id: str,
    rules: Mapping[str, Rule],
    ordered: dict[str, Rule],
    broken: dict[str, RuleError],
    called: Mapping[str, str],
) -> None:
    """Put a segment behind all that it names, or among the broken. Walks without recursion: chains may be long."""
    way: list[str] = [segment_id]
    while way:
        current = way[-1]
        if current in ordered or current in broken:
            way.pop()
            continue
        named = segments_named(rules[current])
        if bad := next((each for each in named if each in broken), None):
            said = f"It names the segment “{shorten(called[bad])}”, which cannot be evaluated."
            broken[current] = RuleError(said, position=place_of(rules[current], bad), found=shorten(called[bad]))
        elif circle := next((each for each in named if each in way), None):
            members = way[way.index(circle) :]
            names = [called[each] for each in members]
            for each, following in zip(members, [*members[1:], circle], strict=True):
                broken[each] = _circle(names, place_of(rules[each], following))
        elif waiting := next((each for each in named if each not in ordered), None):
            way.append(waiting)
        else:
            ordered[current] = rules[current]


def _found(named: str, segments: Sequence[Saved], position: int | None = None) -> str:
    folded = named.casefold()
    if any(segment.id == named for segment in segments):
        return named
    found = [segment.id for segment in segments if segment.name.casefold() == folded]
    found = found or [segment.id for segment in segments if segment.id.casefold() == folded]
    if len(found) == 1:
        return found[0]
    quoted = shorten(named)
    if found:
        right = " or ".join(found[:3])
        said = f"Several segments are called “{quoted}”; name the one that is meant by its id: {right}."
        raise RuleError(said, position=position, found=quoted, expected=right)
    called = {name.casefold(): segment.id for segment in segments for name in (segment.name, segment.id)}
    close = [called[name] for name in difflib.get_close_matches(folded, called, n=3, cutoff=0.6)]
    right = ", ".join(dict.fromkeys(close or [segment.id for segment in segments[:8]])) or "none yet"
    hint = "did you mean" if close else "there are:"
    said = f"There is no segment “{quoted}”; {hint} {right}{'?' if close else '.'}"
    raise RuleError(said, position=position, found=quoted, expected=right)


def _names_of(segment: Saved, segments: Sequence[Saved]) -> tuple[str, ...]:
    """Return the ids of the segments that a saved rule names, as far as it can be read and there are such."""
    rule = _read(segment.rule)
    named = () if rule is None else segments_named(rule)
    return tuple(found for each in named if (found := _known(each, segments)))


def _read(text: str) -> Rule | None:
    try:
        return parse(text)
    except RuleError:
        return None


def _known(named: str, segments: Sequence[Saved]) -> str | None:
    try:
        return _found(named, segments)
    except RuleError:
        return None


def _circle(names: Sequence[str], position: int | None) -> RuleError:
    quoted = _quoted(names)
    said = f"The segment {quoted} names itself." if len(names) == 1 else f"{quoted} name each other in a circle."
    found, right = shorten(", ".join(names)), "segments that do not lead back"
    return RuleError(said, position=position, found=found, expected=right)


def _quoted(names: Sequence[str]) -> str:
    told = [f"“{shorten(name)}”" for name in names[:5]]
    return ", ".join(told) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
