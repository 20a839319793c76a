"""Builders of looks for tests of observed history: people by hand, their segments worked out by the real transform."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from tests.regulars.directory.builders import a_person, frame
from transforms.observed import observe
from transforms.observed_reasons import Look
from transforms.schemas import OBSERVED, PUBLISHED, empty
from transforms.segments import SegmentRule, assign_segments

SHOP = "demo"
START = datetime(2026, 11, 11, 23, 0, tzinfo=UTC)


@dataclass(frozen=True)
class State:
    """What a shop is at a publish: people (fields of `customers`) by number, tags and hidden ones by key, and segments."""

    people: Mapping[int, Mapping[str, Any]]
    rules: Mapping[str, str]
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hidden: Sequence[str] = ()
    identities: Mapping[str, str] = field(default_factory=dict)
    orders: Sequence[Mapping[str, Any]] = ()
    as_of: datetime = START


def look_at(state: State) -> Look:
    """Return a state as it is published, without what was observed."""
    tables: dict[str, pl.LazyFrame] = {name: empty(schema) for name, schema in PUBLISHED.items()}
    customers = [a_person(number, as_of=state.as_of, **fields) for number, fields in state.people.items()]
    tables["orders"] = frame("orders", state.orders).lazy()
    tables["person_tags"] = frame(
        "person_tags",
        [{"shop": SHOP, "customer_key": key, "tags": list(tags)} for key, tags in state.tags.items()],
    ).lazy()
    tables["identities"] = frame(
        "identities",
        [
            dict.fromkeys(PUBLISHED["identities"]) | {"identity": identity, "customer_key": key}
            for identity, key in state.identities.items()
        ],
    ).lazy()
    people = frame("customers", customers).lazy()
    assigned = assign_segments(
        people.join(tables["person_tags"].select("customer_key", "tags"), on="customer_key", how="left"),
        [SegmentRule(segment, segment.upper(), rule) for segment, rule in state.rules.items()],
        shop=SHOP,
        as_of=state.as_of,
        timezone="UTC",
        hidden=state.hidden,
        tables=tables,
    )
    made = {name: table.collect().lazy() for name, table in assigned._asdict().items()}
    return Look({**tables, **made}, state.as_of, "UTC")


def observe_all(states: Iterable[State]) -> list[dict[str, pl.DataFrame]]:
    """Return what was observed after each publish of a history, one an hour."""
    before, grown = None, []
    for number, state in enumerate(states):
        now = look_at(state)
        made = observe(before, now, shop=SHOP, at=START + timedelta(hours=number), run_id=f"run-{number}")
        observed = {name: table.collect() for name, table in made.items()}
        grown.append(observed | {"segment_members": now.tables["segment_members"].collect()})
        before = now._replace(tables={**now.tables, **{name: observed[name].lazy() for name in OBSERVED}})
    return grown


def told(observed: Mapping[str, pl.DataFrame], *, after: int = 0) -> list[tuple[Any, ...]]:
    """Return the events of the publishes from `after` on, as segment, key, kind and because."""
    since = observed["segment_events"].filter(pl.col("at") >= START + timedelta(hours=after))
    return since.select("segment_id", "customer_key", "kind", "because").rows()
