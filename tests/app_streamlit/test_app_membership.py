"""Who was seen in a segment: on cards, on the segment's own page, and in a person's timeline."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit.components.membership import trend
from tests.app_streamlit.test_app_views import no_failure, said
from tests.regulars.directory.builders import AS_OF, BERLIN, SHOP, a_buyer, as_of_schema_1, frame

Open = Callable[..., AppTest]
Publish = Callable[..., str]

NOW = AS_OF - timedelta(hours=8)  # when the builders publish


def a_count(days_ago: float, people: int | None, joined: int = 0, left: int = 0) -> dict[str, Any]:
    """Return a row of `segment_counts` of VIP."""
    about = {"shop": SHOP, "segment_id": "vip", "as_of": AS_OF, "run_id": "r", "rule": "m = 5 and f >= 4"}
    return {**about, "at": NOW - timedelta(days=days_ago), "people": people, "joined": joined, "left": left}


def an_event(days_ago: float, key: str, kind: str, because: str | None = None) -> dict[str, Any]:
    """Return a row of `segment_events` of VIP."""
    about = {"shop": SHOP, "segment_id": "vip", "as_of": AS_OF, "run_id": "r"}
    return {**about, "at": NOW - timedelta(days=days_ago), "customer_key": key, "kind": kind, "because": because}


@pytest.fixture
def observed(published: Publish) -> str:
    """Publish two people whose stays in VIP were observed for 40 days, and return the version."""
    return published(
        [a_buyer(1, first_name="Ada", last_name="**Lovelace**"), a_buyer(2, first_name="Bea", last_name="Blue")],
        segment_events=[
            an_event(40, "woo:1", "first"),
            an_event(35, "woo:9", "joined", "m = 5"),
            an_event(3, "woo:2", "joined", "f >= 4; m = 5"),
            an_event(1, "woo:1", "left", "(the rule was changed)"),
        ],
        segment_counts=[a_count(40, 1), a_count(35, 2, 1), a_count(3, 3, 1), a_count(1, 2, 0, 1)],
    )


def test_a_card_tells_who_joined_and_left_lately(app: Open, observed: str) -> None:
    """The number alone does not say whether a segment grows."""
    test = app("segments")

    no_failure(test)
    assert "+1 joined, −1 left in the last 30 days" in said(test)
    assert said(test).count("joined, −") == 1  # segments that were not observed say nothing


def test_a_segment_just_looked_at_says_since_when_it_is_observed(app: Open, published: Publish) -> None:
    """Nobody saw who joined or left before: to say that nobody did in 30 days would be made up."""
    published([a_buyer(1)], segment_events=[an_event(2, "woo:1", "first")], segment_counts=[a_count(2, 1)])

    for page, address in (("segments", {}), ("segment", {"id": "vip"})):
        test = app(page, **address)
        no_failure(test)
        assert said(test).count("Observed since 9 Nov 2026: nobody joined or left") == 1
        assert "left in the last 30 days" not in said(test)


def test_a_segments_page_tells_who_joined_and_left_and_why(app: Open, observed: str) -> None:
    """Names lead to people; reasons are in words."""
    test = app("segment", id="vip")

    no_failure(test)
    text = said(test)
    assert "what each sync saw, observed since 2 Oct 2026" in text
    assert [button.label for button in test.button if button.key and button.key.startswith("move-open")] == [
        r"Ada \*\*Lovelace\*\*",
        "Bea Blue",
    ]
    assert "· the rule was changed" in text
    assert "· frequency score at least 4 and money score is 5" in text
    assert "Somebody who is not here any more" in text
    assert "3 of 3" in text


def test_a_segment_that_was_not_observed_says_when_it_will_be(app: Open, published: Publish, data: Any) -> None:
    """Right after an update, and for a segment that was saved a minute ago."""
    version = published([a_buyer(1)])
    for when in ("today", "before the update"):
        if when == "before the update":
            as_of_schema_1(data / "published" / SHOP / version)
        for page, address in (("segment", {"id": "vip"}), ("segments", {}), ("customers", {}), ("overview", {})):
            test = app(page, **address)
            no_failure(test)
            assert page != "segment" or "Nothing was observed yet" in said(test)


def test_a_profile_tells_when_the_person_joined_and_left(app: Open, observed: str) -> None:
    """It explains why somebody got a letter in March."""
    test = app("customer", customer="woo:1")
    test.session_state["tabs-woo:1"] = "Timeline"
    test.run()

    no_failure(test)
    text = said(test)
    assert "Left segment “VIP”: the rule was changed".replace(":", "\\:") in text
    assert "In segment “VIP” when it was first looked at" in text


def counts_of(*rows: dict[str, Any]) -> pl.DataFrame:
    """Return a frame of `segment_counts`."""
    return frame("segment_counts", rows)


def test_days_without_a_row_are_like_the_day_before() -> None:
    """Publishes write a row only where something changed."""
    course = trend(counts_of(a_count(3, 5), a_count(2.01, 4), a_count(2, 7, 3)), until=NOW, timezone=BERLIN)

    assert course.people == [5, 7, 7, 7]
    assert (course.days[0], course.days[-1]) == (datetime(2026, 11, 8).date(), datetime(2026, 11, 11).date())  # noqa: DTZ001


def test_a_rule_that_could_not_be_read_leaves_a_gap() -> None:
    """No people would be a wrong number."""
    course = trend(counts_of(a_count(4, 5), a_count(3, None), a_count(1, 6)), until=NOW, timezone=BERLIN)

    assert course.people == [5, None, None, 6, 6]


def test_a_long_course_is_cut_to_its_newest_days() -> None:
    """A card has room for a quarter, not for years."""
    course = trend(counts_of(a_count(400, 5), a_count(31, 6, 9), a_count(29, 7, 1)), until=NOW, timezone=BERLIN)

    assert (len(course.days), course.people[0], course.people[-1], course.joined) == (90, 5, 7, 1)
