"""A snapshot of the records: what people and earlier runs wrote, as the marts see it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from pipelines.resources.deployment import Deployment
from regulars.directory.layout import current_version, scan_table
from regulars.directory.overlay import NOTHING_FOLDED, read_overlay, same_address
from regulars.records import open_records
from regulars.records.ports import Records
from regulars.settings import Settings
from transforms.identity import LINKED_ALIASES, EmailForm
from transforms.rules import STARTING_SEGMENTS
from transforms.segments import SegmentRule


class Snapshot(NamedTuple):
    """The records that the marts depend on, as they were at one moment; `token` names the moment.

    `tags` and `hidden` (people who were deleted here) go by today's customer keys: what was written under a key of the
    past was moved along. `written_keys` are the keys of people, of any time, who have notes or tags or are hidden:
    somebody may look for them.
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


def take_snapshot(deployment: Deployment, shop: str, find: Find, before: KnownLinks = NO_LINKS) -> Snapshot:
    """Return the records, after recording who of the guests has registered: until `find` finds nobody more.

    What the rules alone give to somebody else is as in the version that is published now. `before`: aliases that are
    not read again where they are still the same.
    """
    published = deployment.paths.published(shop)
    version = current_version(published)
    folded = same_address(scan_table(published / version, "identities")) if version else NOTHING_FOLDED
    with open_records(deployment.settings) as records:
        records.ensure_shop(shop, STARTING_SEGMENTS)
        key_id, hash_key = records.guest_key()
        while True:
            token, hidden = records.change_token(), records.hidden(shop)
            written = {*records.tags(shop), *hidden}
            known = _links(records, shop, before)
            chains = _chains(known.links, {*written, *folded, *folded.values()})
            overlay = read_overlay(records, shop, folded, chains)
            snapshot = Snapshot(
                token,
                key_id,
                hash_key,
                known,
                overlay.tags,
                [SegmentRule(segment.id, segment.name, segment.rule) for segment in overlay.segments],
                frozenset(overlay.key_now(key) for key in hidden),
                {*written, *records.keys_with_notes(shop)},
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


def _chains(links: pl.DataFrame, keys: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return those of the links that lead on from these keys, to the ends of their chains, as `identity_links` does."""
    found: dict[str, tuple[str, str]] = {}
    while keys:
        steps = links.filter(pl.col("alias_key").is_in(list(keys)))
        found |= {alias: (key, link) for alias, key, link in steps.iter_rows()}
        keys = set(steps["customer_key"]) - found.keys()
    return found


def email_form(settings: Settings) -> EmailForm:
    """Return how e-mails are compared in this deployment."""
    return EmailForm(settings.email_ignore_dots, settings.email_ignore_tags, settings.shared_email_names)
