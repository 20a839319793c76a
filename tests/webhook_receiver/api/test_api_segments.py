"""Segments over HTTP, on either store."""

from typing import Any

import pytest

from tests.webhook_receiver.api.serving import Api

SEGMENTS = "/api/segments"


def test_a_segment_is_saved_counted_edited_and_removed(api: Api) -> None:
    """The same count on the card, in the list's filter and for the unsaved rule."""
    text = {"name": "Big spenders", "rule": "total_spent>=  100", "description": "They pay."}
    made = api.ask("POST", SEGMENTS, json=text)
    assert (made.status_code, made.headers["Location"]) == (201, "/api/segments/big-spenders")
    assert (made.json()["rule"], made.json()["words"]) == ("total_spent >= 100", "total spent at least 100")
    counted = api.ask("POST", f"{SEGMENTS}/count", json={"rule": "total_spent >= 100"}).json()
    listed = api.json("/api/customers", segment="big-spenders", limit=50)
    assert counted["people"] == made.json()["people"] == listed["pagination"]["total"] == 4
    assert counted["net"] == made.json()["net"] == {"EUR": "1868.40"}
    assert [row["key"] for row in counted["sample"]] == [row["key"] for row in listed["customers"]]
    assert all("big-spenders" in row["segments"] for row in listed["customers"])

    where, change = made.headers["Location"], {"name": "Bigger", "rule": "total_spent >= 1000"}
    edited = api.ask("PUT", where, json=change, headers={"If-Match": made.headers["ETag"]})
    assert (edited.json()["version"], edited.json()["people"], edited.json()["id"]) == (2, 1, "big-spenders")
    assert api.get(where).json() == edited.json()
    assert api.ask("DELETE", where, headers={"If-Match": edited.headers["ETag"]}).status_code == 204
    assert api.get(where).status_code == 404


def test_the_starting_segments_are_there_from_the_first_look(api: Api) -> None:
    """Also where the API is looked at before the app."""
    found = {segment["id"]: segment["people"] for segment in api.json(SEGMENTS)["segments"]}
    assert list(found) == ["vip", "frequent-buyers", "new", "slipping", "inactive"]
    assert found["frequent-buyers"] == 9


def test_a_stale_edit_of_a_segment_answers_with_both(api: Api) -> None:
    """A rule that somebody else improved must not be put back."""
    theirs = {"name": "VIP", "rule": "m = 5", "description": ""}
    mine = {"name": "VIP", "rule": "f = 5", "description": ""}
    assert api.ask("PUT", f"{SEGMENTS}/vip", json=theirs, headers={"If-Match": '"1"'}).status_code == 200
    stale = api.ask("PUT", f"{SEGMENTS}/vip", json=mine, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["yours"]) == (409, mine)
    assert stale.json()["current"] == api.json(f"{SEGMENTS}/vip")
    assert stale.json()["current"]["rule"] == "m = 5"
    assert api.ask("DELETE", f"{SEGMENTS}/vip", headers={"If-Match": '"1"'}).status_code == 409
    assert api.ask("DELETE", f"{SEGMENTS}/vip").status_code == 428
    assert api.ask("PUT", f"{SEGMENTS}/vip", json=mine).status_code == 428


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "rule": "orders_count >> 3"}, "rule"),
        ({"name": "x", "rule": "no_such_field = 1"}, "rule"),
        ({"name": "x", "rule": ""}, "rule"),
        ({"name": "x", "rule": " or ".join(["orders_count = 1"] * 300)}, "rule"),
        ({"name": "x", "rule": "(" * 200 + "orders_count = 1" + ")" * 200}, "rule"),
        ({"name": "x", "rule": {"orders_count": {"$gt": 1}}}, "rule"),
        ({"name": "x"}, "rule"),
        ({"name": "", "rule": "m = 5"}, "name"),
        ({"name": "x", "rule": "m = 5", "id": "vip"}, "id"),
    ],
)
def test_what_is_no_segment_is_told_at_its_field(body: dict[str, Any], field: str, reading_api: Api) -> None:
    """Rules are text, in the one language that everything here reads."""
    answer = reading_api.ask("POST", SEGMENTS, json=body)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, [field])
    assert len(reading_api.json(SEGMENTS)["segments"]) == 5


def test_a_name_that_is_taken_is_422(api: Api) -> None:
    """Two cards of one name could not be told apart."""
    assert api.ask("POST", SEGMENTS, json={"name": "vip", "rule": "m = 5"}).status_code == 422
