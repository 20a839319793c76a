"""What people wrote, laid over the published version at the moment of reading."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from regulars.directory.query import LiveRecords
from regulars.errors import RecordNotFound
from regulars.models import Hidden, Segment
from regulars.records.links import REGISTERED, Links, aliases_of, current_key
from transforms.identity import FIRST_NAME, SAME_ADDRESS
from transforms.rules import EvaluationOrder, Rule, evaluation_order, parse

TAGS = pl.List(pl.String())
NOTHING_FOLDED: Mapping[str, str] = {}
# The links of `transforms.identity.LINKS` that the rules make without a record.
BY_ADDRESS = (SAME_ADDRESS, "account e-mail", "deleted account")
FEW = 1_000  # for a page, Python is quicker than a join


@dataclass(frozen=True, eq=False)
class Overlay:
    """Live records at one moment: tags and who is hidden by today's customer key, saved segments, keys of the past.

    An overlay equals only itself: answers are kept for it, and as long as nothing was written the directory hands out
    the same one (see `says_the_same`).
    """

    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, Hidden] = field(default_factory=dict)

    def says_the_same(self, other: "Overlay") -> bool:
        """Return whether nothing was written between the two."""
        return (
            self.tags == other.tags
            and self.segments == other.segments
            and self.aliases == other.aliases
            and self.hidden == other.hidden
        )

    def tags_of(self, keys: pl.Series) -> pl.Series:
        """Return the tags of these people as a column `tags`: a list each, empty for those without."""
        if keys.len() <= FEW:
            nothing: tuple[str, ...] = ()
            return pl.Series("tags", [list(self.tags.get(key, nothing)) for key in keys], dtype=TAGS)
        written = pl.DataFrame(
            {"key": list(self.tags), "tags": [list(tags) for tags in self.tags.values()]},
            schema={"key": pl.String(), "tags": TAGS},
        )
        joined = keys.alias("key").to_frame().join(written, on="key", how="left", maintain_order="left")
        return joined["tags"].fill_null(pl.Series([[]], dtype=TAGS))

    @cached_property
    def order(self) -> EvaluationOrder:
        """The segments that can be evaluated, those first that others name, and why the others cannot."""
        return evaluation_order(self.segments)

    def name_of(self, segment_id: str) -> str:
        """Return what a segment is called; its id where there is none."""
        return next((each.name for each in self.segments if each.id == segment_id), segment_id)

    def rule(self, segment_id: str) -> Rule:
        """Return the rule of a saved segment. Raises RecordNotFound, or RuleError when it no longer parses."""
        for segment in self.segments:
            if segment.id == segment_id:
                return parse(segment.rule)
        raise RecordNotFound(f"There is no segment {segment_id!r} any more; take it out of the filter.")

    def key_now(self, key: str) -> str:
        """Return the key that `key` belongs to today; chains are followed, a circle ends where it began."""
        return current_key(key, self.aliases)


def same_address(identities: pl.LazyFrame) -> dict[str, str]:
    """Return the identities of a version (IDENTITIES) that are somebody else's by their address alone, with whose.

    No record tells of them: the setting that folds addresses may be another tomorrow, and of an e-mail that strangers
    share only the orders of its name are the account's. Orders that bear another name are not among them.

    The first guest under an e-mail that strangers share is among them as their own: an alias that a run recorded before
    may give them to an account of another name, and the version knows better.
    """
    found = (
        identities.filter(pl.col("link").is_in([*BY_ADDRESS, FIRST_NAME]))
        .select("identity", "customer_key")
        .sort("identity")
    )
    return dict(found.collect().iter_rows())


def aliases_now(links: Links, folded: Mapping[str, str]) -> dict[str, str]:
    """Return whose each key is today in one step, as `alias -> key`: by the records' links, and by a version.

    `folded` are the identities of `same_address`, sorted: what was written under one of them shows on the person too,
    except where an alias or a separation says whose it is. Where a few keys alone are asked for, the links and identities on
    the ways from them are enough.
    """
    aliases = aliases_of(links)
    for identity, key in folded.items():
        if identity == key:
            if links.get(identity, ("", ""))[1] == REGISTERED:
                aliases.pop(identity, None)
            continue
        # A person who was merged into one of the identities that the version gave them keeps that way round.
        if identity not in links and current_key(key, aliases) != identity:
            aliases[identity] = key
    return aliases


def tags_now(written: Mapping[str, tuple[str, ...]], aliases: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the tags by today's key: of several keys that are one person now, the tags of all."""
    tags: dict[str, tuple[str, ...]] = {}
    for key, own in written.items():
        now = current_key(key, aliases)
        tags[now] = tuple(sorted({*tags.get(now, ()), *own}, key=str.casefold)) if now in tags else own
    return tags


def read_overlay(records: LiveRecords | None, shop: str, folded: Mapping[str, str] = NOTHING_FOLDED) -> Overlay:
    """Read the live records of a shop; without a store of records nothing is laid over.

    `folded` are the identities of `same_address` in the version that is read (see `aliases_now`).
    """
    if records is None:
        return Overlay()
    aliases = aliases_now(dict(records.identity_links(shop)), folded)
    hidden = {current_key(key, aliases): entry for key, entry in records.hidden(shop).items()}
    tags = tags_now(records.tags(shop), aliases)
    return Overlay(tags=tags, segments=tuple(records.segments(shop)), aliases=aliases, hidden=hidden)
