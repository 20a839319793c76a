"""Segments over HTTP, on either store."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.webhook_receiver.api.serving import Api
from transforms.rule_past import ALWAYS_TODAY

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


def test_criteria_are_taken_in_place_of_a_rule_and_come_back(api: Api) -> None:
    """Shop people bring criteria along: they read the rule that follows, and find their criteria again."""
    criteria = {"orders_count": {"min": 1, "max": 9}, "last_order_date": {"days_ago": 30}}
    made = api.ask("POST", SEGMENTS, json={"name": "Away", "criteria": criteria}).json()

    assert made["rule"] == "orders_count between 1 and 9 and last_order older than 30 days"
    assert made["criteria"] == criteria
    counted = api.ask("POST", f"{SEGMENTS}/count", json={"criteria": criteria}).json()
    assert (counted["people"], counted["criteria"], counted["rule"]) == (made["people"], criteria, made["rule"])
    assert api.ask("POST", f"{SEGMENTS}/count", json={"rule": 'city = "Bonn"'}).json()["criteria"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "rule"),
        ({"rule": None}, "rule"),
        ({"rule": "m = 5", "criteria": {"orders_count": {"min": 1}}}, "criteria"),
        ({"criteria": {}}, "criteria"),
        ({"criteria": {"orders_count": {"min": 9, "max": 1}}}, "criteria"),
        ({"criteria": {"orders_count": {"$gt": 1}}}, "criteria"),
        ({"criteria": {"no_such": {"min": 1}}}, "criteria"),
        ({"criteria": [1]}, "criteria"),
        ({"rule": "m = 5", "as_of": "2026-02-30"}, "as_of"),
        ({"rule": "m = 5", "as_of": "2999-01-01"}, "as_of"),
        ({"rule": "m = 5", "as_of": "yesterday"}, "as_of"),
    ],
)
def test_half_a_question_is_told_at_its_field(body: dict[str, Any], field: str, reading_api: Api) -> None:
    """Of two rules one would be passed over silently; a day that has not been has no answer."""
    answer = reading_api.ask("POST", f"{SEGMENTS}/count", json=body)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, [field])


def test_what_is_no_day_or_too_long_is_said_in_words_of_ours(reading_api: Api) -> None:
    """A pattern is no sentence; whoever reads the answer fills in a form."""
    told = reading_api.ask("POST", f"{SEGMENTS}/count", json={"rule": "m = 5", "as_of": "yesterday"}).json()
    assert told["fields"] == {"as_of": "This is no day; write one as 2026-01-31."}
    told = reading_api.ask("POST", SEGMENTS, json={"name": "n" * 201, "rule": "m = 5"}).json()
    assert told["fields"] == {"name": "This takes at most 200 characters."}


def test_of_a_segment_and_a_rule_the_one_that_cannot_be_read_is_told(data: Path, files_api: Api) -> None:
    """Whoever mends the rule they typed would mend the wrong one."""
    assert files_api.get(SEGMENTS).ok
    with closing(sqlite3.connect(data / "records.db")) as records, records:
        records.execute("UPDATE segments SET rule = 'later_field > 3' WHERE id = 'new'")

    asked = {"segment": "new", "rule": "orders_count > 0"}
    assert list(files_api.get("/api/customers", params=asked).json()["fields"]) == ["segment"]
    asked = {"segment": "vip", "rule": 'in_segment("nobody")'}
    assert list(files_api.get("/api/customers", params=asked).json()["fields"]) == ["rule"]


def test_an_error_in_a_rule_says_where_and_what_would_be_right(reading_api: Api) -> None:
    """Whoever writes rules by program shows the place to whoever typed them."""
    problem = reading_api.ask("POST", f"{SEGMENTS}/count", json={"rule": "orders(cuont >= 2)"}).json()
    assert (problem["position"], "count" in problem["expected"]) == (7, True)
    assert reading_api.ask("POST", f"{SEGMENTS}/count", json={"rule": "x = 1"}).json()["position"] == 0
    named = reading_api.ask("POST", f"{SEGMENTS}/count", json={"rule": 'r = 5 or in_segment("vpi")'}).json()
    assert (named["position"], named["expected"]) == (20, "vip")
    assert reading_api.get("/api/customers", params={"rule": "orders(cuont >= 2)"}).json()["position"] == 7


def test_the_list_takes_the_whole_language(reading_api: Api) -> None:
    """What a segment can say, a list can be filtered by."""
    counted = reading_api.ask("POST", f"{SEGMENTS}/count", json={"rule": 'in_segment("Frequent buyers")'}).json()
    assert counted["words"] == "in the segment “Frequent buyers”"
    for rule in ('in_segment("frequent-buyers")', 'not not in_segment("frequent BUYERS")'):
        assert reading_api.json("/api/customers", rule=rule)["pagination"]["total"] == counted["people"] == 9
    for rule in ("orders(count >= 1)", 'bought(product contains "tea")', "orders_count between 0 and 1"):
        found = reading_api.json("/api/customers", rule=rule)["pagination"]["total"]
        assert found == reading_api.ask("POST", f"{SEGMENTS}/count", json={"rule": rule}).json()["people"]


def test_segments_that_name_others_cannot_be_cut_off_or_closed_to_a_circle(api: Api) -> None:
    """A rule that names what is no more describes nobody, and nobody would notice."""
    top = api.ask("POST", SEGMENTS, json={"name": "Top", "rule": 'in_segment("vip") and orders_count >= 1'})
    assert top.json()["rule"] == 'in_segment("vip") and orders_count >= 1'
    assert "VIP" in top.json()["words"]
    named = api.ask("DELETE", f"{SEGMENTS}/vip", headers={"If-Match": '"1"'})
    assert (named.status_code, named.json()["type"], named.json()["named_by"]) == (409, "/docs#in-use", ["Top"])
    circle = api.ask(
        "PUT", f"{SEGMENTS}/vip", json={"name": "VIP", "rule": 'in_segment("top")'}, headers={"If-Match": '"1"'}
    )
    assert (circle.status_code, list(circle.json()["fields"])) == (422, ["rule"])
    unknown = api.ask("POST", SEGMENTS, json={"name": "Lost", "rule": 'in_segment("nobody")'})
    assert (unknown.status_code, list(unknown.json()["fields"])) == (422, ["rule"])


def test_a_past_day_is_reconstructed_and_says_what_has_no_past(reading_api: Api) -> None:
    """A figure of today under the name of another day would be believed."""
    rule = 'orders_count >= 0 and country = "DE"'
    now = reading_api.ask("POST", f"{SEGMENTS}/count", json={"rule": rule}).json()
    then = reading_api.ask("POST", f"{SEGMENTS}/count", json={"rule": rule, "as_of": "2026-11-12"}).json()
    assert (now["observed"], now["without_past"]) == (True, [])
    assert (then["observed"], then["without_past"]) == (False, [*ALWAYS_TODAY, "country"])
    assert (then["people"], then["as_of"]) == (now["people"], now["as_of"])
    before = reading_api.ask("POST", f"{SEGMENTS}/count", json={"rule": "orders_count >= 1", "as_of": "2001-01-01"})
    assert (before.json()["people"], before.json()["net"]) == (0, {})


def test_the_fields_of_rules_are_listed_for_programs(reading_api: Api) -> None:
    """Whoever builds a form for rules asks here, not in a copy that grows old."""
    listed = reading_api.json("/api/rules/fields")
    by_name = {each["name"]: each for each in listed["fields"]}
    assert by_name["total_spent"]["type"] == "money"
    assert "between" in by_name["orders_count"]["operators"]
    assert (by_name["orders_count"]["has_past"], by_name["city"]["has_past"]) == (True, False)
    assert next(each for each in listed["orders"] if each["name"] == "count")["together"]
    assert (by_name["r"]["values"], by_name["country"]["values"]) == ([1, 2, 3, 4, 5], [])
    assert "Champions" in by_name["rfm_group"]["values"]
    assert "product" in [each["name"] for each in listed["bought"]]


def test_a_saved_rule_that_cannot_be_read_is_told_where_it_is_asked_for(data: Path, files_api: Api) -> None:
    """A rule of a later release, after going back: its card has the error, and the list says which filter it is."""
    assert files_api.get(SEGMENTS).ok
    with closing(sqlite3.connect(data / "records.db")) as records, records:
        records.execute("UPDATE segments SET rule = 'later_field > 3' WHERE id = 'new'")

    cards = {card["id"]: card for card in files_api.json(SEGMENTS)["segments"]}
    assert "later_field" in cards["new"]["error"]
    assert (cards["new"]["criteria"], cards["vip"]["error"]) == (None, None)
    problem = files_api.get("/api/customers", params={"segment": "new"})
    assert (problem.status_code, list(problem.json()["fields"])) == (422, ["segment"])
