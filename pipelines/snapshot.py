"""A snapshot of the records: what people and earlier runs wrote, as the marts see it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from pipelines.resources.deployment import Deployment
from regulars.directory.overlay import aliases_now, same_address, tags_now
from regulars.records import open_records
from regulars.records.links import Links, current_key
from regulars.records.ports import Records
from regulars.settings import Settings
from transforms.identity import LINKED_ALIASES, EmailForm
from transforms.rules import STARTING_SEGMENTS
from transforms.segments import SegmentRule


class Snapshot(NamedTuple):
    """The records that the marts depend on, as they were at one moment; `token` names the moment.

    `tags` and `hidden` (people who were deleted here) go by the keys they were written under, of any time: whose these
    are now, only the identities of the run can say (see `place`). `written_keys` are the keys of people who have notes
    or tags or are hidden: somebody may look for them.
    """

    token: int
    hash_key_id: str
    hash_key: bytes
    known: "KnownLinks"
    tags: Mapping[str, tuple[str, ...]]
    rules: Sequence[SegmentRule]
    hidden: frozenset[str]
    written_keys: Collection[str]

    @property
    def links(self) -> pl.DataFrame:
        """The aliases of `identity_links`, LINKED_ALIASES, sorted."""
        return self.known.links


class KnownLinks(NamedTuple):
    """Aliases (LINKED_ALIASES) and the `identity_stamp` of the records that they are of; empty where nobody knows it."""

    stamp: str
    links: pl.DataFrame


NO_LINKS = KnownLinks("", pl.DataFrame(schema=dict(LINKED_ALIASES)))
# Given a snapshot, returns `alias_key, customer_key` of the guests who are accounts by now and were not recorded.
Find = Callable[[Snapshot], pl.DataFrame]


# Given keys, returns the rows of IDENTITIES of this run whose `identity` is among them.
FindIdentities = Callable[[Collection[str]], pl.LazyFrame]


class Placed(NamedTuple):
    """Tags and who is hidden, by the keys of the people whom a run makes."""

    tags: Mapping[str, tuple[str, ...]]
    hidden: frozenset[str]


def take_snapshot(deployment: Deployment, shop: str, find: Find, before: KnownLinks = NO_LINKS) -> Snapshot:
    """Return the records, after recording who of the guests has registered: until `find` finds nobody more.

    `before`: aliases that are not read again where they are still the same.
    """
    with open_records(deployment.settings) as records:
        records.ensure_shop(shop, STARTING_SEGMENTS)
        key_id, hash_key = records.guest_key()
        while True:
            token, tags, hidden = records.change_token(), records.tags(shop), records.hidden(shop)
            snapshot = Snapshot(
                token,
                key_id,
                hash_key,
                _links(records, shop, before),
                tags,
                [SegmentRule(segment.id, segment.name, segment.rule) for segment in records.segments(shop)],
                frozenset(hidden),
                {*tags, *hidden, *records.keys_with_notes(shop)},
            )
            registered = find(snapshot)
            if not registered.height:
                return snapshot
            records.add_aliases(shop, dict(registered.iter_rows()))


def _links(records: Records, shop: str, before: KnownLinks) -> KnownLinks:
    stamp = records.identity_stamp(shop)
    if stamp == before.stamp:
        return before
    aliases = records.identity_links(shop)
    keys, links = [key for key, _ in aliases.values()], [link for _, link in aliases.values()]
    columns = {"alias_key": list(aliases), "customer_key": keys, "link": links}
    read = pl.DataFrame(columns, schema=dict(LINKED_ALIASES)).sort("alias_key")
    # Where somebody decided meanwhile, nobody knows of which stamp they are.
    return KnownLinks(stamp if records.identity_stamp(shop) == stamp else "", read)


def place(snapshot: Snapshot, identities: FindIdentities) -> Placed:
    """Return what was written, by whom this run's identities make it out to be of.

    Readers lay the records over the published version by the same steps: they see what the version says. Only the ways
    from keys that were written are looked up, for a shop has millions of others.
    """
    links: Links = {}
    folded: dict[str, str] = {}
    seen: set[str] = set()
    fresh = {*snapshot.tags, *snapshot.hidden}
    while fresh:
        steps = snapshot.links.filter(pl.col("alias_key").is_in(list(fresh)))
        links |= {alias: (key, link) for alias, key, link in steps.iter_rows()}
        by_rules = same_address(identities(fresh))
        folded |= by_rules
        seen |= fresh
        fresh = {*steps["customer_key"], *by_rules.values()} - seen
    aliases = aliases_now(links, dict(sorted(folded.items())))
    return Placed(tags_now(snapshot.tags, aliases), frozenset(current_key(key, aliases) for key in snapshot.hidden))


def email_form(settings: Settings) -> EmailForm:
    """Return how e-mails are compared in this deployment."""
    return EmailForm(settings.email_ignore_dots, settings.email_ignore_tags, settings.shared_email_names)
