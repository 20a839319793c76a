"""The marts after a change, as the rows that differ from those before: the same cells as if all were derived anew.

People whom the change reaches (`transforms.incremental`) are derived from their staged rows by the same steps as in a
full run. RFM compares everybody, so the cuts are drawn anew over the narrow figures of all; of the others only those are
written whose scores are another now. Segments are evaluated for whoever was derived, rescored, tagged or hidden since,
and for everybody where the segments themselves changed.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import polars as pl

from transforms.identity import EmailForm
from transforms.incremental import Known, Links, Reach, Touched, links_within, restricted
from transforms.marts import people_marts, scored_marts
from transforms.rfm import rfm_cuts, score
from transforms.rules import SegmentRule
from transforms.schemas import PERSON_TAGS, SEGMENTS, conform
from transforms.segments import asks_for_orders, assign_segments

FIGURES = ("customer_key", "recency_days", "orders_count", "net", "currency")
SCORES = ("r", "f", "m", "rfm_group")
WHOSE = ("identity", "customer_key", "link")


class Basis(NamedTuple):
    """What a whole version of the marts is derived by; where it changed, all is derived anew."""

    shop: str
    as_of: datetime
    timezone: str
    not_counted: tuple[str, ...]
    hash_key: bytes
    form: EmailForm


class Written(NamedTuple):
    """What people wrote, by the keys of this version: `person_tags` (PERSON_TAGS), and who is `hidden`.

    `rules` are the segments'. `hidden_before` is who was hidden in the version before, by the keys of that one.
    """

    rules: Sequence[SegmentRule]
    person_tags: pl.DataFrame
    hidden: frozenset[str]
    hidden_before: frozenset[str]


class Patch(NamedTuple):
    """How one mart changes: rows whose column of the name of `gone` has one of its values go (None: all), `rows` come."""

    gone: pl.Series | None
    rows: pl.DataFrame


class Changes(NamedTuple):
    """How the marts change. `rescored`: `customer_key, r, f, m, rfm_group, segments` of people whose row stays else."""

    patches: Mapping[str, Patch]
    rescored: pl.DataFrame


class _Evaluated(NamedTuple):
    """Whose segments are evaluated: of the `others`, who are not derived anew, all (`keys` is None) or these."""

    keys: pl.Series | None
    others: pl.LazyFrame


class Change(NamedTuple):
    """What changed, and how far that reaches (`incremental.reach_of`)."""

    touched: Touched
    links: Links
    reach: Reach


class Rederived(NamedTuple):
    """Whom a change reaches, derived anew: `tables`, segments aside; `moved`: `customer_key` and SCORES of others."""

    change: Change
    tables: Mapping[str, pl.DataFrame]
    moved: pl.DataFrame

    @property
    def reached(self) -> pl.DataFrame:
        """The keys of the reach, as `customer_key`."""
        return pl.DataFrame({"customer_key": list(self.change.reach.keys)}, schema={"customer_key": pl.String()})

    def identities(self, known: Known, among: Collection[str]) -> pl.LazyFrame:
        """Return `identity, customer_key, link` of these identities as they are now, whoever was reached."""
        others = pl.Series("identity", list({*among} - self.change.reach.keys), dtype=pl.String)
        before = known.derived("identities", others, columns=WHOSE).select(WHOSE)
        now = self.tables["identities"].lazy().filter(pl.col("identity").is_in(list(among))).select(WHOSE)
        return pl.concat([before, now])


def rederived(known: Known, change: Change, basis: Basis) -> Rederived:
    """Derive whom a change reaches, from staging, and score everybody."""
    touched, links, reach = change
    staged = restricted(known, reach, touched.products)
    parts = people_marts(
        staged,
        as_of=basis.as_of,
        timezone=basis.timezone,
        not_counted=basis.not_counted,
        hash_key=basis.hash_key,
        aliases=links_within(links.now, reach.keys),
        form=basis.form,
        in_full=known.orders_in_full,
    )
    everybody = pl.concat([_others(known, reach), parts.totals.select(FIGURES)], how="diagonal").collect().lazy()
    reached = pl.col("r_before").is_null()
    # The group follows from the scores, so these alone are compared, and nobody else's group is looked up.
    differs = pl.any_horizontal(pl.col(name) != pl.col(f"{name}_before") for name in SCORES[:3])
    cuts = rfm_cuts(everybody).collect()
    scored = score(everybody, cuts).filter(reached | differs).select("customer_key", *SCORES, "r_before").collect()
    own, moved = (scored.filter(which).drop("r_before") for which in (reached, ~reached))
    totals = parts.totals.join(own.lazy(), on="customer_key")
    frames = scored_marts(parts, totals, cuts.lazy(), shop=basis.shop, as_of=basis.as_of)
    made = dict(zip(frames, pl.collect_all(list(frames.values())), strict=True))
    return Rederived(change, made, moved)


def changed_marts(known: Known, made: Rederived, written: Written, basis: Basis) -> Changes:
    """Return how the marts that `known` derived last change."""
    patches = _patches(made.tables, made.change.reach, made.change.touched)
    segmented, rescored = _segments(known, made, written, basis)
    return Changes({**patches, **segmented}, rescored)


def _others(known: Known, reach: Reach) -> pl.LazyFrame:
    """Return FIGURES and the scores `r_before, f_before, m_before` of everybody who bought and is not reached."""
    bought = known.derived("customers", columns=(*FIGURES, *SCORES[:3])).filter(pl.col("orders_count") > 0)
    others = bought.filter(pl.col("customer_key").is_in(list(reach.keys)).not_())
    return others.rename({name: f"{name}_before" for name in SCORES[:3]})


def _patches(made: Mapping[str, pl.DataFrame], reach: Reach, touched: Touched) -> dict[str, Patch]:
    gone = {
        "customers": pl.Series("customer_key", list(reach.keys), dtype=pl.String),
        "customer_currencies": pl.Series("customer_key", list(reach.keys), dtype=pl.String),
        "identities": pl.Series("identity", list(reach.keys), dtype=pl.String),
        "identity_reviews": pl.Series("email", list(reach.addresses), dtype=pl.String),
        **{name: pl.Series("order_id", list(reach.orders), dtype=pl.Int64) for name in ("orders", "refunds")},
        "order_lines": pl.Series("order_id", list(touched.orders), dtype=pl.Int64),
        "products": pl.Series("product_id", list(touched.products), dtype=pl.Int64),
    }
    patches = {name: Patch(gone.get(name), rows) for name, rows in made.items()}
    # Lines and products are as staged, whoever is reached by them.
    for name in ("order_lines", "products"):
        among = gone[name]
        own = made[name].filter(pl.col(among.name).is_in(among.implode()))
        patches[name] = Patch(among, own)
    return patches


def _segments(
    known: Known, derived: Rederived, written: Written, basis: Basis
) -> tuple[dict[str, Patch], pl.DataFrame]:
    """Return how `customers`, `segments`, `segment_members` and `person_tags` change, and the others' scores."""
    reach, made, moved, reached = derived.change.reach, derived.tables, derived.moved, derived.reached
    before, tags_before = pl.collect_all([known.derived("segments"), known.derived("person_tags")])
    same_rules = before.select("segment_id", "name", "rule").rows() == [tuple(rule) for rule in written.rules]
    retagged = _differing(tags_before, written.person_tags)
    keys = {*moved["customer_key"], *retagged, *(written.hidden ^ written.hidden_before)} - reach.keys
    evaluated = _evaluated(known, keys if same_rules else None, moved, reached)
    tags = written.person_tags.lazy().select("customer_key", "tags")
    people = pl.concat([made["customers"].lazy(), evaluated.others]).join(tags, on="customer_key", how="left")
    assigned = assign_segments(
        people,
        written.rules,
        shop=basis.shop,
        as_of=basis.as_of,
        timezone=basis.timezone,
        hidden=written.hidden,
        tables=_tables(known, made, reach, evaluated.keys) if asks_for_orders(written.rules) else {},
    )
    own = assigned.customers.join(reached.lazy(), on="customer_key", how="semi")
    before_of = evaluated.others.select("customer_key", segments_before=pl.col("segments").list.join(" "))
    rescored = (
        assigned.customers.select("customer_key", *SCORES, "segments")
        .join(before_of, on="customer_key")
        .join(moved.lazy().select("customer_key", moved=True), on="customer_key", how="left")
        .filter(pl.col("moved").is_not_null() | (pl.col("segments").list.join(" ") != pl.col("segments_before")))
        .drop("segments_before", "moved")
    )
    customers, segments, members, rescored_now = pl.collect_all(
        [own, assigned.segments, assigned.segment_members, rescored]
    )
    gone = None
    if evaluated.keys is not None:
        gone = pl.concat([reached["customer_key"], evaluated.keys])
        segments = _recounted(before, segments, known.derived("segment_members", gone).collect())
    patches = {
        "customers": Patch(reached["customer_key"], customers),
        "segments": Patch(None, segments),
        "segment_members": Patch(gone, members),
        "person_tags": Patch(None, written.person_tags),
    }
    return patches, rescored_now


def _evaluated(known: Known, keys: Collection[str] | None, moved: pl.DataFrame, reached: pl.DataFrame) -> _Evaluated:
    among = None if keys is None else pl.Series("customer_key", list(keys), dtype=pl.String)
    scores = moved.lazy().rename({name: f"{name}_now" for name in SCORES})
    others = (
        known.derived("customers", among)
        .join(reached.lazy(), on="customer_key", how="anti")
        .join(scores, on="customer_key", how="left")
        .with_columns(pl.coalesce(f"{name}_now", name).alias(name) for name in SCORES)
        .drop(f"{name}_now" for name in SCORES)
    )
    return _Evaluated(among, others)


def _tables(
    known: Known, made: Mapping[str, pl.DataFrame], reach: Reach, keys: pl.Series | None
) -> dict[str, pl.LazyFrame]:
    """Return orders, order lines and products as they are now, of those whose segments are evaluated."""
    own = pl.LazyFrame({"order_id": list(reach.orders)}, schema={"order_id": pl.Int64()})
    orders = known.derived("orders", keys).join(own, on="order_id", how="anti")
    ids = None if keys is None else orders.select("order_id").collect()["order_id"]
    lines = known.derived("order_lines", ids).join(own, on="order_id", how="anti")
    new_products = made["products"].lazy()
    products = known.derived("products").join(new_products, on="product_id", how="anti")
    return {
        "orders": pl.concat([orders, made["orders"].lazy()]),
        "order_lines": pl.concat([lines, made["order_lines"].lazy()]),
        "products": pl.concat([products, new_products]),
    }


def _differing(before: pl.DataFrame, now: pl.DataFrame) -> set[str]:
    """Return whose tags are others now."""
    sides = [dict(frame.select("customer_key", "tags").iter_rows()) for frame in (before, now)]
    return {key for key in (*sides[0], *sides[1]) if sides[0].get(key) != sides[1].get(key)}


def _recounted(before: pl.DataFrame, segments: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """Return the segments with everybody counted: those before, less the members that go, and those evaluated now."""
    went = gone.group_by("segment_id").agg(went=pl.len().cast(pl.Int64))
    counted = (
        segments.join(before.select("segment_id", had="people"), on="segment_id", how="left", maintain_order="left")
        .join(went, on="segment_id", how="left", maintain_order="left")
        .with_columns(people=pl.col("people") + pl.col("had").fill_null(0) - pl.col("went").fill_null(0))
    )
    return conform(counted.lazy(), SEGMENTS).collect()


def tags_of(tags: Mapping[str, Sequence[str]], shop: str) -> pl.DataFrame:
    """Return PERSON_TAGS from tags by today's customer keys."""
    rows = [{"shop": shop, "customer_key": key, "tags": list(tags[key])} for key in sorted(tags)]
    return pl.DataFrame(rows, schema=dict(PERSON_TAGS))
