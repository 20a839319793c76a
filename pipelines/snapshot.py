"""A snapshot of the records: what people and earlier runs wrote, as the marts see it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from pipelines.resources.deployment import Deployment
from regulars.directory.layout import current_version, scan_table
from regulars.directory.overlay import NOTHING_FOLDED, read_overlay, same_address
from regulars.records import open_records
from regulars.settings import Settings
from transforms.identity import LINKED_ALIASES, EmailForm
from transforms.rules import STARTING_SEGMENTS
from transforms.segments import SegmentRule


class Snapshot(NamedTuple):
    """The records that the marts depend on, as they were at one moment; `token` names the moment.

    `tags` and `hidden` (people who were deleted here) go by today's customer keys: what was written under a key of the
    past was moved along. `links` are the aliases of `identity_links`, LINKED_ALIASES, sorted. `written_keys` are the keys
    of people, of any time, who have notes or tags or are hidden: somebody may look for them.
    """

    token: int
    hash_key_id: str
    hash_key: bytes
    links: pl.DataFrame
    tags: Mapping[str, tuple[str, ...]]
    rules: Sequence[SegmentRule]
    hidden: frozenset[str]
    written_keys: Collection[str]


# Given a snapshot, returns `alias_key, customer_key` of the guests who are accounts by now and were not recorded.
Find = Callable[[Snapshot], pl.DataFrame]


def take_snapshot(deployment: Deployment, shop: str, find: Find) -> Snapshot:
    """Return the records, after recording who of the guests has registered: until `find` finds nobody more.

    What the rules alone give to somebody else is as in the version that is published now.
    """
    published = deployment.paths.published(shop)
    version = current_version(published)
    folded = same_address(scan_table(published / version, "identities")) if version else NOTHING_FOLDED
    with open_records(deployment.settings) as records:
        records.ensure_shop(shop, STARTING_SEGMENTS)
        key_id, hash_key = records.guest_key()
        while True:
            token, hidden = records.change_token(), records.hidden(shop)
            links = records.identity_links(shop)
            overlay = read_overlay(records, shop, folded, links)
            snapshot = Snapshot(
                token,
                key_id,
                hash_key,
                _links(links),
                overlay.tags,
                [SegmentRule(segment.id, segment.name, segment.rule) for segment in overlay.segments],
                frozenset(overlay.key_now(key) for key in hidden),
                {*records.tags(shop), *records.keys_with_notes(shop), *hidden},
            )
            registered = find(snapshot)
            if not registered.height:
                return snapshot
            records.add_aliases(shop, dict(registered.iter_rows()))


def _links(aliases: Mapping[str, tuple[str, str]]) -> pl.DataFrame:
    keys, links = [key for key, _ in aliases.values()], [link for _, link in aliases.values()]
    columns = {"alias_key": list(aliases), "customer_key": keys, "link": links}
    return pl.DataFrame(columns, schema=dict(LINKED_ALIASES)).sort("alias_key")


def email_form(settings: Settings) -> EmailForm:
    """Return how e-mails are compared in this deployment."""
    return EmailForm(settings.email_ignore_dots, settings.email_ignore_tags, settings.shared_email_names)
