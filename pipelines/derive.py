"""Deriving the marts: staging and a snapshot of the records in, the marts' tables out.

A run derives whom a change touches, and everybody where something changed that all figures rest on: the as-of instant,
a setting, the key of the hashes, the steps themselves; or where much of the shop was touched, when it would only take
longer.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import polars as pl

from pipelines.derived import (
    Origin,
    Whole,
    origin_before,
    touched_since,
    write_changes,
    write_whole,
)
from pipelines.known import HASHED_BY, WarehouseKnown
from pipelines.resources.deployment import Deployment
from pipelines.snapshot import Placed, Snapshot, email_form, place, take_snapshot
from pipelines.warehouse import Warehouse
from regulars.settings import Settings
from transforms.days import as_of_for_day, next_midnight
from transforms.identity import EmailForm
from transforms.incremental import Links, Reach, Touched, reach_of, restricted
from transforms.marts import Beside, find_aliases, people_marts, scored_marts
from transforms.patches import Basis, Change, Written, changed_marts, rederived, tags_of
from transforms.rfm import rfm_cuts, score
from transforms.schemas import MARTS
from transforms.segments import asks_for_orders, assign_segments, broken_segments

log = logging.getLogger("regulars")

# Of the steps that lead from staging to the marts: raise it with a change of theirs that changes a figure, so that no
# version is made of old rows and new ones.
STEPS_VERSION = 3
# Of a small shop everything is derived as quickly as a part; of a large one, a tenth reaches most of it.
FEW_ROWS = 500
MOST_OF_ORDERS = 0.1
MOST_OF_PEOPLE = 0.2


class Derived(NamedTuple):
    """What was derived: rows of each table, and those that were written; the instant, broken segments, whole or not."""

    rows: Mapping[str, int]
    written: Mapping[str, int]
    as_of: datetime
    broken_segments: dict[str, str]
    whole: bool


def derive_marts(
    deployment: Deployment, warehouse: Warehouse, shop: str, day: date | None, *, whole: bool = False
) -> Derived:
    """Derive the marts from staging and a snapshot of the records, and store them.

    `day`: as of its 00:00 in the shop's time zone; None means live, which is the shop's next midnight. `whole`: derive
    everything, whatever changed.
    """
    with warehouse.connect():  # held open: each of the many reads would open the file anew
        zone = warehouse.facts()["timezone"]
        as_of = as_of_for_day(day, zone) if day else next_midnight(deployment.now(), zone)
        wanted = _Wanted(deployment, deployment.settings, warehouse, shop, as_of, zone)
        before = None if whole else origin_before(warehouse)
        done = None if before is None else _derive_changes(wanted, before, live=day is None)
        if done is None:
            done = _derive_whole(wanted, live=day is None)
        rows = warehouse.counts("marts")
    snapshot, written = done
    log.info("%s: marts derived %s", shop, "whole" if written is None else "for what changed")
    return Derived(rows, written or rows, as_of, broken_segments(snapshot.rules), written is None)


class _Wanted(NamedTuple):
    deployment: Deployment
    configured: Settings
    warehouse: Warehouse
    shop: str
    as_of: datetime
    timezone: str

    def basis(self, hash_key: bytes) -> Basis:
        form = email_form(self.configured)
        return Basis(self.shop, self.as_of, self.timezone, tuple(self.configured.not_counted), hash_key, form)

    def settings(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return what all figures rest on, as JSON values; where it is not as before, all is derived anew."""
        basis = self.basis(snapshot.hash_key)
        return {
            "as_of": self.as_of.isoformat(),
            "timezone": self.timezone,
            "not_counted": sorted(basis.not_counted),
            "form": list(basis.form),
            "hash_key": snapshot.hash_key_id,
            "steps": STEPS_VERSION,
            "hashes": HASHED_BY,
            "columns": {name: {column: str(dtype) for column, dtype in each.items()} for name, each in MARTS.items()},
        }

    def origin(self, snapshot: Snapshot, placed: Placed) -> Origin:
        """Return what the marts are derived from."""
        return Origin(self.settings(snapshot), snapshot.known, placed.hidden)

    def facts(self, snapshot: Snapshot, *, live: bool) -> dict[str, Any]:
        return {"as_of": self.as_of.isoformat(), "live": live, "records_token": snapshot.token}


_Done = tuple[Snapshot, dict[str, int] | None]


def _derive_whole(wanted: _Wanted, *, live: bool) -> _Done:
    """Derive everything from the staged tables."""
    warehouse, shop, form = wanted.warehouse, wanted.shop, email_form(wanted.configured)
    staged = warehouse.staged_narrow()
    snapshot = take_snapshot(wanted.deployment, shop, _registered_once(staged, warehouse.mart_keys(), form))
    if asks_for_orders(snapshot.rules):
        staged = warehouse.staged_by_name()
    made, placed = _made_whole(wanted, staged, snapshot)
    del staged  # gigabytes of a large shop, which DuckDB reads again where it needs them
    write_whole(warehouse, made, wanted.facts(snapshot, live=live), wanted.origin(snapshot, placed))
    return snapshot, None


def _made_whole(wanted: _Wanted, staged: Mapping[str, pl.LazyFrame], snapshot: Snapshot) -> tuple[Whole, Placed]:
    basis, shop = wanted.basis(snapshot.hash_key), wanted.shop
    parts = people_marts(
        staged,
        as_of=basis.as_of,
        timezone=basis.timezone,
        not_counted=basis.not_counted,
        hash_key=basis.hash_key,
        aliases=snapshot.links.lazy(),
        form=basis.form,
        in_full=wanted.warehouse.orders_in_full,
    )
    cuts = rfm_cuts(parts.totals).collect()
    frames = scored_marts(parts, score(parts.totals, cuts), cuts.lazy(), shop=shop, as_of=basis.as_of)
    identities = parts.tables["identities"]
    placed = place(snapshot, lambda keys: identities.filter(pl.col("identity").is_in(list(keys))))
    tags = tags_of(placed.tags, shop)
    by_key = tags.lazy().select("customer_key", "tags")
    tagged = frames["customers"].join(by_key, on="customer_key", how="left", maintain_order="left")
    frames |= assign_segments(
        tagged,
        snapshot.rules,
        shop=shop,
        as_of=basis.as_of,
        timezone=basis.timezone,
        hidden=placed.hidden,
        tables=frames,
    )._asdict()
    made = {name: frame for name, frame in frames.items() if name not in ("orders", "order_lines")}
    tables = dict(zip(made, pl.collect_all(list(made.values()), engine="streaming"), strict=True))
    # Collected, they let go of all the other columns before anything is written.
    beside = Beside(*(frame.lazy() for frame in pl.collect_all(list(parts.beside))))
    return Whole(shop, {**tables, "person_tags": tags}, beside), placed


def _derive_changes(wanted: _Wanted, before: Origin, *, live: bool) -> _Done | None:
    """Derive what changed since `before`; None where that would be most, or something that all rests on changed."""
    warehouse, shop = wanted.warehouse, wanted.shop
    touched, known = touched_since(warehouse), WarehouseKnown(warehouse)
    most = max(FEW_ROWS, int(MOST_OF_ORDERS * warehouse.counts("staging").get("orders", 0)))
    if max(map(len, touched)) > most:
        return None
    found: list[Change | None] = []

    def registered(snapshot: Snapshot) -> pl.DataFrame:
        change = None
        if wanted.settings(snapshot) == before.settings:
            change = _reached(wanted, known, touched, Links(snapshot.links, before.links.links), snapshot)
        found.append(change)
        return NOBODY if change is None else _registered_of(wanted, known, change.reach, snapshot)

    snapshot = take_snapshot(wanted.deployment, shop, registered, before.links)
    change = found[-1]
    people = warehouse.counts("marts").get("customers", 0)
    if change is None or len(change.reach.keys) > max(FEW_ROWS, MOST_OF_PEOPLE * people):
        return None
    basis = wanted.basis(snapshot.hash_key)
    made = rederived(known, change, basis)
    placed = place(snapshot, lambda keys: made.identities(known, keys))
    written = Written(snapshot.rules, tags_of(placed.tags, shop), placed.hidden, before.hidden)
    changes = changed_marts(known, made, written, basis)
    write_changes(warehouse, changes, wanted.facts(snapshot, live=live), wanted.origin(snapshot, placed))
    rows = {name: patch.rows.height for name, patch in changes.patches.items()}
    return snapshot, {**rows, "customers": rows["customers"] + changes.rescored.height}


NOBODY = pl.DataFrame(schema={"alias_key": pl.String(), "customer_key": pl.String()})
KEY = {"customer_key": pl.String()}


def _reached(wanted: _Wanted, known: WarehouseKnown, touched: Touched, links: Links, snapshot: Snapshot) -> Change:
    with_keys = touched._replace(keys=links.changed())
    form = email_form(wanted.configured)
    reach = reach_of(known, with_keys, links, hash_key=snapshot.hash_key, form=form)
    return Change(with_keys, links, reach)


def _registered_of(wanted: _Wanted, known: WarehouseKnown, reach: Reach, snapshot: Snapshot) -> pl.DataFrame:
    """Return who of the reach has registered: of the others nobody has since the marts were derived."""
    keys = pl.LazyFrame({"customer_key": sorted({*reach.keys, *snapshot.written_keys})}, schema=KEY)
    form = email_form(wanted.configured)
    return find_aliases(
        restricted(known, reach), keys, hash_key=snapshot.hash_key, aliases=snapshot.links.lazy(), form=form
    ).collect()


def _registered_once(
    staged: Mapping[str, pl.LazyFrame], derived_before: pl.LazyFrame, form: EmailForm
) -> Callable[[Snapshot], pl.DataFrame]:
    """Return a search through the whole shop that finds everybody the first time, and nobody the next."""
    searched: list[bool] = []

    def find(snapshot: Snapshot) -> pl.DataFrame:
        if searched:
            return NOBODY
        searched.append(True)
        known = pl.concat([derived_before, pl.LazyFrame({"customer_key": sorted(snapshot.written_keys)}, schema=KEY)])
        return find_aliases(
            staged, known, hash_key=snapshot.hash_key, aliases=snapshot.links.lazy(), form=form
        ).collect(engine="streaming")

    return find
