"""Who is who, as published and as decided since: what a person is made of, addresses that strangers share, merging.

Figures follow a decision with the next run. Until then a row *waits*: the version says otherwise than what holds now.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from regulars.directory.layout import Manifest
from regulars.directory.published import Directory
from regulars.errors import RecordNotFound
from regulars.models import IdentityDecision
from regulars.records.links import MERGED, REGISTERED, SEPARATED, Links, aliases_of, current_key
from regulars.records.ports import Records
from transforms.identity import FIRST_NAME

# A version is of the records as they were when its run began to derive, at most so long before it was published.
RUN_TAKES = timedelta(minutes=10)
NEVER = datetime.max.replace(tzinfo=UTC)


class Part(NamedTuple):
    """One identity of a person: a row of IDENTITIES with what was decided about it.

    `link` is a key of `transforms.identity.LINKS`. `decision` is the one in force about this identity. `waits` says that
    the next run gives it to somebody else, or for another reason.
    """

    identity: str
    link: str
    email: str | None
    orders: int
    first_order_at: datetime | None
    last_order_at: datetime | None
    decision: IdentityDecision | None
    waits: bool


class Review(NamedTuple):
    """An address that strangers share and nobody decided on: a row of IDENTITY_REVIEWS, by today's keys."""

    email: str
    reason: str
    customer_keys: tuple[str, ...]
    orders: int
    last_order_at: datetime | None


def parts_of(directory: Directory, records: Records, shop: str, key: str) -> list[Part]:
    """Return what a person is made of, most orders first. `key` is today's. Raises NothingPublished.

    Who was merged into them since the version was published is among them, and waits.
    """
    links = records.identity_links(shop)
    aliases = aliases_of(links)
    decided = _newest(records.identity_decisions(shop))
    return [
        Part(
            identity=row["identity"],
            link=row["link"],
            email=row["email"],
            orders=row["orders"],
            first_order_at=row["first_order_at"],
            last_order_at=row["last_order_at"],
            decision=decided.get(row["identity"]),
            waits=_waits(row, links, aliases),
        )
        for row in directory.identities_of(key).iter_rows(named=True)
    ]


def decisions_about(records: Records, shop: str, key: str, parts: Iterable[Part]) -> list[IdentityDecision]:
    """Return the decisions about a person's keys and identities, undone ones too, the newest first."""
    about = {key, *(part.identity for part in parts)}
    return [each for each in records.identity_decisions(shop) if each.identity in about or each.into in about]


def is_waiting(decision: IdentityDecision, about: Manifest, change_token: int) -> bool:
    """Return whether the published version may be older than a decision, or than its undoing.

    `change_token` is that of the records. A decision made while the version was being derived counts as waiting.
    """
    changed = decision.undone_at or decision.at
    return change_token != about.records_token and changed > about.published_at - RUN_TAKES


def figures_wait(directory: Directory, records: Records, shop: str, key: str) -> bool:
    """Return whether a decision about a person, or about what they are made of, is in no version yet. `key` is today's."""
    about, token = directory.manifest(), records.change_token()
    if token == about.records_token:
        return False
    waiting = [each for each in records.identity_decisions(shop) if is_waiting(each, about, token)]
    if not waiting:
        return False
    made_of = {key, *directory.identities_of(key)["identity"]}
    return any(each.identity in made_of or each.into in made_of for each in waiting)


def reviews(directory: Directory, records: Records, shop: str) -> list[Review]:
    """Return the addresses that strangers share, most orders first. Raises NothingPublished.

    Left out is where everyone has become one person since, and where everyone was separated or merged by hand, be it
    that others were merged into them.
    """
    published = directory.identity_reviews()
    if not published.height:  # most shops have none, and many aliases
        return []
    links = records.identity_links(shop)
    # Those alone that people decided: what runs recorded is in the version, as far as it holds among strangers.
    aliases = {alias: key for alias, (key, why) in links.items() if why == MERGED}
    decided = {key for key, (_, why) in links.items() if why in {MERGED, SEPARATED}}
    decided |= {current_key(key, aliases) for key, (_, why) in links.items() if why == MERGED}
    found = []
    for row in published.iter_rows(named=True):
        keys = tuple(dict.fromkeys(current_key(key, aliases) for key in row["customer_keys"]))
        if len(keys) > 1 and not decided.issuperset(keys):
            found.append(Review(row["email"], row["reason"], keys, row["orders"], row["last_order_at"]))
    return found


def by_standing(people: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return rows of CUSTOMERS in the order in which a merge keeps keys: accounts first, then who came first."""
    return sorted(
        people,
        key=lambda row: (
            row["woocommerce_id"] is None,
            row["created_at"] or row["first_order_at"] or NEVER,
            row["customer_key"],
        ),
    )


def merge(
    directory: Directory, records: Records, shop: str, people: Sequence[Mapping[str, Any]], author: str
) -> list[IdentityDecision]:
    """Merge people (rows of CUSTOMERS) into the one whose key stays, see `by_standing`; return a decision for each other.

    Raises RecordInvalid where two of them are one person already. A stranger whom an earlier run recorded as somebody
    else's (see `transforms.identity_shared.overruled`) is separated first, which is a decision more: of a merge both
    keys mean the ends of what is recorded.
    """
    first, *others = by_standing(people)
    links = records.identity_links(shop)
    recorded = [row["customer_key"] for row in people if links.get(row["customer_key"], ("", ""))[1] == REGISTERED]
    strangers = [key for key in recorded if _is_stranger(directory, key)]
    return [records.separate(shop, key, author) for key in strangers] + [
        records.merge_people(shop, other["customer_key"], first["customer_key"], author) for other in others
    ]


def keep_apart(records: Records, shop: str, keys: Collection[str], author: str) -> list[IdentityDecision]:
    """Separate all of these people, so that no rule joins them; who is separated already is passed over."""
    links = records.identity_links(shop)
    return [records.separate(shop, key, author) for key in keys if links.get(key, ("", ""))[1] != SEPARATED]


def _is_stranger(directory: Directory, key: str) -> bool:
    """Return whether the version has them apart among strangers; what else is recorded it may only not know of yet."""
    try:
        rows = directory.identities_of(key)
    except RecordNotFound:  # an account that has just registered
        return False
    return bool(((rows["identity"] == key) & (rows["link"] == FIRST_NAME)).any())


def _newest(decisions: Iterable[IdentityDecision]) -> dict[str, IdentityDecision]:
    """Return the decision that counts for each identity; they come the newest first."""
    found: dict[str, IdentityDecision] = {}
    for decision in decisions:
        if decision.undone_at is None:
            found.setdefault(decision.identity, decision)
    return found


def _waits(row: Mapping[str, Any], links: Links, aliases: Mapping[str, str]) -> bool:
    identity, link = row["identity"], row["link"]
    why = links.get(identity, ("", ""))[1]
    if link == FIRST_NAME and why == REGISTERED:
        return False  # what was recorded does not hold among strangers
    if (why == SEPARATED) != (link == SEPARATED):
        return True
    if why != SEPARATED and link == MERGED and identity not in aliases:
        return True  # the merge was undone; what the rules say of it is for the run to find
    now = (
        identity if why == SEPARATED else current_key(identity if identity in aliases else row["customer_key"], aliases)
    )
    return bool(now != row["customer_key"])
