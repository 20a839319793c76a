"""Who is known as whom: the aliases that runs recorded, with what people decided laid over. Pure; every adapter uses it.

Of the decisions about one identity that are in force the newest counts. A decision counts before a recorded alias: a
recorded alias that would close a circle with merges is left out. Terms stand in `system_ports.Aliases`.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from regulars.models import EventKind, IdentityDecision
from regulars.records import sentences

REGISTERED, MERGED, SEPARATED = "registered", "merged", "separated"

# alias -> (key, why): 'registered' (a run recorded it), 'merged', or 'separated', where the key is the alias itself.
Links = dict[str, tuple[str, str]]


class About(NamedTuple):
    """An event that a decision writes: whose, of what kind, and the other key."""

    customer_key: str
    kind: EventKind
    detail: str


class Step(NamedTuple):
    """What a decision comes to: the identity, whose it is from now on, and the events it writes."""

    identity: str
    into: str
    events: tuple[About, ...]


def current_key(key: str, aliases: Mapping[str, str]) -> str:
    """Return the key that `key` belongs to today, along a chain of aliases; a circle ends where it began.

    >>> current_key("guest:a", {"guest:a": "woo:1", "woo:1": "woo:2"})
    'woo:2'
    """
    seen = {key}
    while (following := aliases.get(key)) is not None and following not in seen:
        key = following
        seen.add(key)
    return key


def links_of(recorded: Mapping[str, str], in_force: Sequence[IdentityDecision]) -> Links:
    """Return what holds: each alias and separated identity with its key and why, by alias.

    `in_force` are the decisions that were not undone, in any order.
    """
    laid = _laid_over(recorded, in_force)
    steps = aliases_of(laid)
    for start in [alias for alias, (_, why) in laid.items() if why == MERGED]:
        for key in _circle(start, steps):
            if laid[key][1] == REGISTERED:
                del laid[key], steps[key]
    return dict(sorted(laid.items()))


def aliases_of(links: Links) -> dict[str, str]:
    """Return the aliases among the links as `alias -> key`: separated identities have none."""
    return {alias: key for alias, (key, why) in links.items() if why != SEPARATED}


def stamp_of(*texts: str) -> str:
    """Return a short text that stands for these: others have another."""
    stamp = blake2b(digest_size=16)
    for text in texts:
        stamp.update(f"{len(text)} {text}".encode())
    return stamp.hexdigest()


def merging(key: str, into: str, links: Links) -> Step:
    """Return what merging comes to: of both keys it means the ends of their chains.

    Raises RecordInvalid where they are one person already. It can close no circle, for an end has no alias.
    """
    aliases = aliases_of(links)
    identity, into = current_key(key, aliases), current_key(into, aliases)
    if identity == into:
        raise sentences.one_person_already()
    return Step(identity, into, _both(identity, into, "merged"))


def separating(identity: str, of: str | None, links: Links) -> Step:
    """Return what separating comes to; `of` is whose it was, where no alias tells.

    Raises RecordInvalid where the identity is separated already.
    """
    if links.get(identity, ("", ""))[1] == SEPARATED:
        raise sentences.separated_already()
    return Step(identity, identity, _both(identity, _whose(identity, of, aliases_of(links)), "separated"))


def undoing(
    decision: IdentityDecision, recorded: Mapping[str, str], in_force: Sequence[IdentityDecision], of: str | None
) -> Step:
    """Return what undoing a decision comes to; `in_force` has the decision too, `of` is as in `separating`.

    Raises RecordInvalid where an earlier decision, which would hold again, leads the identity back to itself now.
    """
    others = [other for other in in_force if other.id != decision.id]
    if _circle(decision.identity, aliases_of(_laid_over({}, others))):
        raise sentences.undo_circle()
    if decision.kind == MERGED:
        return Step(decision.identity, decision.into, _both(decision.identity, decision.into, "separated"))
    whose = _whose(decision.identity, of, aliases_of(links_of(recorded, others)))
    return Step(decision.identity, whose, _both(decision.identity, whose, "rejoined"))


def _whose(identity: str, of: str | None, aliases: Mapping[str, str]) -> str:
    aliased = current_key(identity, aliases)
    return current_key(of, aliases) if aliased == identity and of is not None else aliased


def _laid_over(recorded: Mapping[str, str], in_force: Sequence[IdentityDecision]) -> Links:
    laid = {alias: (key, REGISTERED) for alias, key in recorded.items()}
    for decision in sorted(in_force, key=lambda decision: decision.id):
        laid[decision.identity] = decision.into, decision.kind
    return laid


def _circle(start: str, steps: Mapping[str, str]) -> list[str]:
    """Return the keys on the circle that leads from `start` back to it; empty where there is none."""
    passed: list[str] = []
    key = start
    while key in steps and key not in passed:
        passed.append(key)
        key = steps[key]
    return passed if passed and key == start else []


def _both(identity: str, other: str, kind: EventKind) -> tuple[About, ...]:
    if other == identity:
        return (About(identity, kind, ""),)
    return About(identity, kind, other), About(other, kind, identity)
