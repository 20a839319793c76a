"""Who was seen in a segment: how many at each publish, and who joined and left it, with why."""

from datetime import datetime
from typing import Any, Literal

import polars as pl
from fastapi import APIRouter
from pydantic import Field

from regulars.errors import NothingPublished
from webhook_receiver.api.asked import HouseGiven, PageAsked, SegmentId, limit_of, paged
from webhook_receiver.api.models import EXAMPLE_KEY, Answer, Pagination
from webhook_receiver.api.problems import READING, documented

router = APIRouter(prefix="/api/segments", tags=["segments"])
NEWEST_COUNTS = 1_000


class SegmentCount(Answer):
    """How many a segment had at a publish that changed it. `people` is null where its rule could not be read then.

    `as_of` is the instant of the figures, which is exclusive.
    """

    at: datetime
    as_of: datetime
    rule: str
    people: int | None
    joined: int
    left: int


class SegmentEvent(Answer):
    """Somebody joined or left. `key` is today's, `key_then` the one they had.

    `because` names the conditions that flipped, as rule text joined by `; `, or says in brackets what else happened.
    """

    at: datetime
    key: str = Field(examples=[EXAMPLE_KEY])
    key_then: str = Field(examples=[EXAMPLE_KEY])
    kind: Literal["joined", "left"]
    because: str | None = Field(examples=["orders_count >= 5", "(the rule was changed)"])


class SegmentHistory(Answer):
    """What was observed of a segment: as it was published then, not computed again since.

    `observed_since` is the first publish that knew the segment, null before it: of joins and leaves earlier than that
    nothing is known. `counts` are the newest thousand at most, the oldest of them first; `events` are a page, the newest
    first.
    """

    segment: str
    how: Literal["observed"] = "observed"
    observed_since: datetime | None
    counts: list[SegmentCount]
    events: list[SegmentEvent]
    pagination: Pagination


@router.get("/{segment_id}/history", response_model=SegmentHistory, responses=documented(*READING))
def history(house: HouseGiven, asked: PageAsked, segment_id: SegmentId) -> dict[str, Any]:
    """Return what was observed of a segment: people over time, and a page of who joined and left it."""
    shop, limit = house.shop(asked.shop), limit_of(house.settings, asked)
    directory = house.directory(shop)
    house.records.segment(shop, segment_id)  # raises where there is none
    try:
        counts, total = directory.segment_counts_history(segment_id), directory.segment_events_count(segment_id)
        pagination, shown = paged(asked, limit, total)
        events = directory.segment_events(segment_id, limit=limit, offset=shown.start)
    except NothingPublished:
        pagination, _ = paged(asked, limit, 0)
        counts = events = pl.DataFrame()
    return {
        "segment": segment_id,
        "observed_since": counts["at"].min() if counts.height else None,
        "counts": counts.tail(NEWEST_COUNTS).to_dicts(),
        "events": [
            {**event, "key": event["customer_now"], "key_then": event["customer_key"]}
            for event in events.iter_rows(named=True)
        ],
        "pagination": pagination,
    }
