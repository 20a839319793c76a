"""Who was seen in a segment over HTTP, on either store."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.regulars.directory.builders import AS_OF, as_of_schema_1
from tests.webhook_receiver.api.serving import SHOP, Api, publish, serving, settings_of

HISTORY = "/api/segments/vip/history"
SINCE = AS_OF - timedelta(days=9)


def observed() -> dict[str, list[dict[str, object]]]:
    """Return tables as three publishes wrote them: two were there, one joined, and left again."""
    about = {"shop": SHOP, "segment_id": "vip", "as_of": AS_OF}
    told = [
        (0, "woo:1", "first", None),
        (0, "guest:old", "first", None),
        (1, "woo:2", "joined", "f >= 4"),
        (2, "guest:old", "left", "(merged into woo:3)"),
        (2, "woo:2", "left", "(the rule was changed)"),
    ]
    counts = [(0, 2, 0, 0, "m = 5 and f >= 4"), (1, 3, 1, 0, "m = 5 and f >= 4"), (2, 1, 0, 2, "m = 5")]
    return {
        "segment_events": [
            {
                **about,
                "customer_key": key,
                "kind": kind,
                "at": SINCE + timedelta(days=day),
                "run_id": "r",
                "because": why,
            }
            for day, key, kind, why in told
        ],
        "segment_counts": [
            {
                **about,
                "at": SINCE + timedelta(days=day),
                "run_id": "r",
                "rule": rule,
                "people": people,
                "joined": joined,
                "left": left,
            }
            for day, people, joined, left, rule in counts
        ],
    }


def test_people_over_time_and_who_joined_and_left_are_told(api: Api, data: Path) -> None:
    """Campaigns are started by who joined; nobody should have to compare lists."""
    publish(data, **observed())
    api.house.records.add_aliases(SHOP, {"guest:old": "woo:3"})

    answer = api.json(HISTORY, limit=2)

    assert (answer["segment"], answer["how"], answer["observed_since"]) == ("vip", "observed", "2026-11-02T23:00:00Z")
    assert [(one["people"], one["joined"], one["left"]) for one in answer["counts"]] == [
        (2, 0, 0),
        (3, 1, 0),
        (1, 0, 2),
    ]
    assert [(one["key"], one["key_then"], one["kind"], one["because"]) for one in answer["events"]] == [
        ("woo:3", "guest:old", "left", "(merged into woo:3)"),
        ("woo:2", "woo:2", "left", "(the rule was changed)"),
    ]
    assert answer["pagination"] == {"page": 1, "limit": 2, "total": 3, "pages": 2}
    assert [one["kind"] for one in api.json(HISTORY, limit=2, page=2)["events"]] == ["joined"]
    assert api.json(HISTORY, page=9)["events"] == []


def test_people_who_were_deleted_here_are_left_out(api: Api, data: Path) -> None:
    """As everywhere: they asked to be gone, or somebody tidied up."""
    publish(data, **observed())
    api.house.records.hide(SHOP, "woo:2", "Ann")

    answer = api.json(HISTORY)

    assert {one["key"] for one in answer["events"]} == {"guest:old"}
    assert answer["pagination"]["total"] == 1


def test_a_segment_that_was_not_observed_yet_has_an_empty_history(reading_api: Api) -> None:
    """New segments, and versions of before history was kept."""
    answer = reading_api.json(HISTORY)

    assert (answer["observed_since"], answer["counts"], answer["events"]) == (None, [], [])
    assert reading_api.get("/api/segments/no-such/history").status_code == 404


@pytest.mark.parametrize("asked", [HISTORY, "/api/customers", "/api/segments", "/api/customers/woo:1/orders"])
def test_versions_of_an_earlier_release_are_served(asked: str, tmp_path: Path) -> None:
    """After an update the first publish may be hours away."""
    version = publish(tmp_path / "data")
    as_of_schema_1(tmp_path / "data" / "published" / SHOP / version)

    with serving(settings_of(tmp_path / "data")) as served:
        assert served.get(asked).status_code == 200
