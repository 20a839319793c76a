"""What people decided about who is who, on MongoDB; the guarantees stand in `regulars.records.system_ports.Aliases`."""

from collections.abc import Iterable

from regulars.models import IdentityDecision
from regulars.mongo.client import Document
from regulars.mongo.rows import Reading, RecordsStore, Writing
from regulars.records import sentences
from regulars.records.given import a_key, a_person, a_shop, an_author, event_values, is_id
from regulars.records.links import (
    MERGED,
    SEPARATED,
    About,
    Links,
    Step,
    aliases_of,
    links_of,
    merging,
    separating,
    stamp_of,
    undoing,
)
from regulars.records.times import to_instant


class MongoDecisions(RecordsStore):
    """Decisions in the collection `identity_decisions`, and the aliases as they hold with them."""

    def aliases(self, shop: str) -> dict[str, str]:
        """Return the aliases as they hold. See `system_ports.Aliases`."""
        return aliases_of(self.identity_links(shop))

    def identity_links(self, shop: str) -> dict[str, tuple[str, str]]:
        """Return whom each alias leads to and why. See `system_ports.Aliases`."""
        shop = a_shop(shop)
        with self._reading_one_moment() as reading:
            return _links(reading, shop)

    def identity_stamp(self, shop: str) -> str:
        """Return what differs once `identity_links` does. See `system_ports.Aliases`."""
        return stamp_of(repr(self.identity_links(shop)))

    def merge_people(self, shop: str, key: str, into: str, author: str) -> IdentityDecision:
        """Decide that two are one person. See `system_ports.Aliases`."""
        (shop, key), into, author = a_person(shop, key), a_key(into), an_author(author)
        now = self._now()

        def work(writing: Writing) -> IdentityDecision:
            return _decided(writing, shop, MERGED, merging(key, into, _links(writing, shop)), (author, now))

        return self._write(work)

    def separate(self, shop: str, identity: str, author: str, *, of: str | None = None) -> IdentityDecision:
        """Decide that an identity is a person of its own. See `system_ports.Aliases`."""
        (shop, identity), author = a_person(shop, identity), an_author(author)
        of = None if of is None else a_key(of)
        now = self._now()

        def work(writing: Writing) -> IdentityDecision:
            return _decided(writing, shop, SEPARATED, separating(identity, of, _links(writing, shop)), (author, now))

        return self._write(work)

    def undo_identity_decision(self, shop: str, decision_id: int, author: str) -> IdentityDecision:
        """Undo a decision. See `system_ports.Aliases`."""
        shop, author = a_shop(shop), an_author(author)
        now = self._now()
        undone = {"undone_at": now, "undone_by": author}

        def work(writing: Writing) -> IdentityDecision:
            row = _found(writing, shop, decision_id)
            step = undoing(_decision(row), recorded(writing, shop), _in_force(writing, shop), _was_of(writing, row))
            writing["identity_decisions"].set(undone, _id=row["_id"])
            _write_events(writing, shop, step.events, author, now)
            return _decision(row | undone)

        return self._write(work)

    def identity_decisions(self, shop: str) -> list[IdentityDecision]:
        """Return all decisions, the newest first. See `system_ports.Aliases`."""
        shop = a_shop(shop)
        with self._reading() as reading:
            return [_decision(row) for row in reading["identity_decisions"].all("-_id", shop=shop)]


def recorded(reading: Reading, shop: str) -> dict[str, str]:
    """Return the aliases as runs recorded them, without what people decided."""
    return {row["alias_key"]: row["customer_key"] for row in reading["aliases"].all("alias_key", shop=shop)}


def _links(reading: Reading, shop: str) -> Links:
    return links_of(recorded(reading, shop), _in_force(reading, shop))


def _in_force(reading: Reading, shop: str) -> list[IdentityDecision]:
    return [_decision(row) for row in reading["identity_decisions"].all("_id", shop=shop, undone_at=None)]


def _found(reading: Reading, shop: str, decision_id: int) -> Document:
    row = reading["identity_decisions"].one(_id=decision_id, shop=shop) if is_id(decision_id) else None
    if row is None:
        raise sentences.decision_gone()
    if row["undone_at"] is not None:
        raise sentences.decision_undone()
    return row


def _was_of(reading: Reading, decision: Document) -> str | None:
    """Return whose a separated identity was, as the event of the separation tells."""
    told = reading["events"].one(
        shop=decision["shop"], customer_key=decision["identity"], at=decision["at"], kind=SEPARATED
    )
    return told["detail"] or None if told else None


def _decided(writing: Writing, shop: str, kind: str, step: Step, by: tuple[str, int]) -> IdentityDecision:
    """Write a decision; `by` is who decided it and when."""
    author, now = by
    row: Document = {
        "_id": writing.next_id("identity_decisions"),
        "shop": shop,
        "kind": kind,
        "identity": step.identity,
        "into": step.into,
        "author": author,
        "at": now,
        "undone_at": None,
        "undone_by": None,
    }
    writing["identity_decisions"].insert(dict(row))
    _write_events(writing, shop, step.events, author, now)
    return _decision(row)


def _write_events(writing: Writing, shop: str, about: Iterable[About], author: str, now: int) -> None:
    """Write the events of a decision, and tell published marts that they are older than it."""
    for key, kind, detail in about:
        row = event_values(shop, key, kind, author, detail) | {"at": now}
        writing["events"].insert({"_id": writing.next_id("events"), **row})
    writing.touch()


def _decision(row: Document) -> IdentityDecision:
    return IdentityDecision(
        id=row["_id"],
        shop=row["shop"],
        kind=row["kind"],
        identity=row["identity"],
        into=row["into"],
        author=row["author"],
        at=to_instant(row["at"]),
        undone_at=to_instant(row["undone_at"]),
        undone_by=row["undone_by"],
    )
