"""Deriving the marts: staging and a snapshot of the records in, the marts' tables out."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from pipelines.resources.deployment import Deployment
from pipelines.warehouse import Warehouse
from regulars.directory.overlay import read_overlay
from regulars.records import open_records
from regulars.settings import Settings
from transforms.days import as_of_for_day, next_midnight
from transforms.identity import LINKED_ALIASES, EmailForm
from transforms.marts import build_marts, find_aliases
from transforms.rules import STARTING_SEGMENTS
from transforms.schemas import PERSON_TAGS, conform
from transforms.segments import SegmentRule, assign_segments, broken_segments


class Derived(NamedTuple):
    """What was derived: the tables by name, the exclusive instant they are as of, and the segments that cannot be read."""

    tables: dict[str, pl.DataFrame]
    as_of: datetime
    broken_segments: dict[str, str]


class Snapshot(NamedTuple):
    """The records that the marts depend on, as they were at one moment; `token` names the moment.

    `tags` and `hidden` (people who were deleted here) go by today's customer keys: what was written under a key of the
    past was moved along. `aliases` are those of `identity_links`.
    """

    token: int
    hash_key: bytes
    aliases: Mapping[str, tuple[str, str]]
    tags: Mapping[str, tuple[str, ...]]
    rules: Sequence[SegmentRule]
    hidden: frozenset[str]


def derive_marts(deployment: Deployment, warehouse: Warehouse, shop: str, day: date | None) -> Derived:
    """Derive every mart from staging and a snapshot of the records, and store them.

    `day`: as of its 00:00 in the shop's time zone; None means live, which is the shop's next midnight.
    """
    zone = warehouse.facts()["timezone"]
    as_of = as_of_for_day(day, zone) if day else next_midnight(deployment.now(), zone)
    staged = warehouse.staged_by_name()
    snapshot = take_snapshot(deployment, shop, staged, warehouse.mart_keys())
    frames = build_marts(
        staged,
        shop=shop,
        as_of=as_of,
        timezone=zone,
        not_counted=deployment.settings.not_counted,
        hash_key=snapshot.hash_key,
        aliases=alias_frame(snapshot.aliases),
        form=email_form(deployment.settings),
        in_full=warehouse.orders_in_full,
    )
    tagged = frames["customers"].join(tag_frame(snapshot.tags), on="customer_key", how="left")
    frames |= assign_segments(
        tagged, snapshot.rules, shop=shop, as_of=as_of, timezone=zone, hidden=snapshot.hidden, tables=frames
    )._asdict()
    frames["person_tags"] = conform(tag_frame(snapshot.tags).with_columns(shop=pl.lit(shop)), PERSON_TAGS)
    tables = dict(zip(frames, pl.collect_all(list(frames.values()), engine="streaming"), strict=True))
    facts = {"as_of": as_of.isoformat(), "live": day is None, "records_token": snapshot.token}
    warehouse.write_marts(tables, facts)
    return Derived(tables, as_of, broken_segments(snapshot.rules))


def take_snapshot(
    deployment: Deployment, shop: str, staged: Mapping[str, pl.LazyFrame], derived_before: pl.LazyFrame
) -> Snapshot:
    """Record who of the guests has registered, and return the records.

    `derived_before` has the column `customer_key`: the people of the marts so far. With those who have notes or tags or
    were hidden they are the keys under which somebody may look for a person.
    """
    with open_records(deployment.settings) as records:
        records.ensure_shop(shop, STARTING_SEGMENTS)
        _, hash_key = records.guest_key()
        hidden = records.hidden(shop)
        written = {*records.tags(shop), *records.keys_with_notes(shop), *hidden}
        known = pl.concat([derived_before, pl.LazyFrame({"customer_key": sorted(written)}, schema=KEY)])
        aliases, form = alias_frame(records.identity_links(shop)), email_form(deployment.settings)
        registered = find_aliases(staged, known, hash_key=hash_key, aliases=aliases, form=form).collect()
        if registered.height:
            records.add_aliases(shop, dict(registered.iter_rows()))
        token = records.change_token()
        overlay = read_overlay(records, shop)
        rules = [SegmentRule(segment.id, segment.name, segment.rule) for segment in overlay.segments]
        gone = frozenset(overlay.key_now(key) for key in hidden)
        return Snapshot(token, hash_key, records.identity_links(shop), overlay.tags, rules, gone)


KEY = {"customer_key": pl.String()}


def email_form(settings: Settings) -> EmailForm:
    """Return how e-mails are compared in this deployment."""
    return EmailForm(settings.email_ignore_dots, settings.email_ignore_tags, settings.shared_email_names)


def alias_frame(aliases: Mapping[str, tuple[str, str]]) -> pl.LazyFrame:
    """Return the aliases, as `identity_links` gives them, as a frame of `alias_key`, `customer_key`, `link`."""
    rows = [(alias, key, link) for alias, (key, link) in aliases.items()]
    return pl.LazyFrame(rows, schema=dict(LINKED_ALIASES), orient="row")


def tag_frame(tags: Mapping[str, tuple[str, ...]]) -> pl.LazyFrame:
    """Return the tags as a frame of `customer_key`, `tags`."""
    return pl.LazyFrame(
        {"customer_key": list(tags), "tags": [list(each) for each in tags.values()]},
        schema={**KEY, "tags": pl.List(pl.String())},
    )
