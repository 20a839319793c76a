"""Who is who, for the screens: what a person is made of, shared addresses, and deciding on both.

Beside `reads` and `actions` because it does both: what is decided shows at once, figures follow with the next run.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from app_streamlit import reads
from regulars.directory import who_is_who
from regulars.directory.query import PeopleQuery
from regulars.directory.who_is_who import Part, Review
from regulars.errors import RecordNotFound
from regulars.models import IdentityDecision

FOUND = 6


def parts_of(shop: str, key: str) -> list[Part]:
    """Return what a person is made of, most orders first."""
    return who_is_who.parts_of(reads.directory(shop), reads.records(), shop, key)


def decisions_about(shop: str, key: str, parts: Sequence[Part]) -> list[IdentityDecision]:
    """Return the decisions about a person, undone ones too, the newest first."""
    return who_is_who.decisions_about(reads.records(), shop, key, parts)


def is_waiting(shop: str, decision: IdentityDecision) -> bool:
    """Return whether figures may not follow a decision yet."""
    return who_is_who.is_waiting(decision, reads.manifest(shop), reads.records().change_token())


def figures_wait(shop: str, key: str) -> bool:
    """Return whether the figures of a person may not follow yet what was decided about them."""
    return who_is_who.figures_wait(reads.directory(shop), reads.records(), shop, key)


def shared_addresses(shop: str) -> list[Review]:
    """Return the addresses that strangers share and nobody decided on, most orders first."""
    return who_is_who.reviews(reads.directory(shop), reads.records(), shop)


def people_of(shop: str, keys: Collection[str]) -> list[Mapping[str, Any]]:
    """Return the rows of these people, each once; who is in no version any more is left out."""
    rows: dict[str, Mapping[str, Any]] = {}
    for key in keys:
        try:
            row = reads.person(shop, key).row
        except RecordNotFound:  # just separated, or gone since the list was made
            continue
        rows[row["customer_key"]] = row
    return list(rows.values())


def search(shop: str, text: str, but: str) -> Sequence[Mapping[str, Any]]:
    """Return the first few people whom a search finds, without the one it is made for."""
    found = reads.people(shop, PeopleQuery(search=text, page_size=FOUND + 1)).rows.to_dicts()
    return [row for row in found if row["customer_key"] != but][:FOUND]


def stays(people: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return whose key stays when these people are merged."""
    return who_is_who.by_standing(people)[0]


def merge(shop: str, people: Sequence[Mapping[str, Any]]) -> list[IdentityDecision]:
    """Merge people into the one whose key stays. Raises RecordInvalid where they are one already."""
    return who_is_who.merge(reads.directory(shop), reads.records(), shop, people, reads.settings().user)


def separate(shop: str, key: str, identity: str) -> IdentityDecision:
    """Make an identity of the person `key` a person of its own. Raises RecordInvalid where that was decided already."""
    return reads.records().separate(shop, identity, reads.settings().user, of=key)


def keep_apart(shop: str, keys: Collection[str]) -> list[IdentityDecision]:
    """Decide that these people are not one, whatever rules may come to say."""
    return who_is_who.keep_apart(reads.records(), shop, keys, reads.settings().user)


def undo(decision: IdentityDecision) -> IdentityDecision:
    """Undo a decision. Raises StaleVersion where somebody did, RecordInvalid where others must be undone first."""
    return reads.records().undo_identity_decision(decision.shop, decision.id, reads.settings().user)
