"""Notes and tags over HTTP, on either store: nobody's work is lost silently."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.webhook_receiver.api.serving import SHOP, Api

NOTES = "/api/customers/woo:1/notes"
TAGS = "/api/customers/woo:1/tags"
NOTES_OF_TWO, TAGS_OF_TWO = "/api/customers/woo:2/notes", "/api/customers/woo:2/tags"


def write(api: Api, text: str) -> requests.Response:
    """Write a note."""
    answer = api.ask("POST", NOTES, json={"text": text})
    assert answer.status_code == 201, answer.text
    return answer


def test_a_note_is_written_edited_and_keeps_its_history(api: Api) -> None:
    """The whole life of a note, by the addresses and tags that each answer names."""
    made = write(api, "Asked for an invoice.")
    where = made.headers["Location"]
    edited = api.ask("PUT", where, json={"text": "Wants none."}, headers={"If-Match": made.headers["ETag"]})
    assert (edited.status_code, edited.json()["version"], edited.headers["ETag"]) == (200, 2, '"2"')
    assert [note["text"] for note in api.json(f"{where}/history")["versions"]] == [
        "Asked for an invoice.",
        "Wants none.",
    ]
    assert [note["text"] for note in api.json(NOTES)["notes"]] == ["Wants none."]
    read = api.get(where)
    assert (read.json(), read.headers["ETag"]) == (edited.json(), '"2"')
    assert api.ask("DELETE", where, headers={"If-Match": '"2"'}).status_code == 204
    assert api.json(NOTES)["notes"] == []
    assert api.get(where).status_code == 404


def test_a_stale_edit_changes_nothing_and_answers_with_both(api: Api) -> None:
    """The one who comes second sees what the first wrote, and still has what they typed."""
    where = write(api, "first").headers["Location"]
    api.ask("PUT", where, json={"text": "theirs"}, headers={"If-Match": '"1"'})
    stale = api.ask("PUT", where, json={"text": "mine"}, headers={"If-Match": '"1"'})
    problem = stale.json()
    assert (stale.status_code, problem["type"]) == (409, "/docs#stale")
    assert (problem["current"], problem["yours"]) == (api.json(where), {"text": "mine"})
    assert api.ask("DELETE", where, headers={"If-Match": '"1"'}).status_code == 409
    assert api.json(where)["text"] == "theirs"


@pytest.mark.parametrize("if_match", [None, "*", "1", '"1", "2"', '""', "W/", '"\'"'])
def test_an_edit_without_a_version_is_428(if_match: str | None, files_api: Api) -> None:
    """`*` would overwrite whatever is there."""
    where = write(files_api, "first").headers["Location"]
    headers = {} if if_match is None else {"If-Match": if_match}
    for method, body in (("PUT", {"text": "other"}), ("DELETE", None)):
        assert files_api.ask(method, where, json=body, headers=headers).status_code == 428
    assert files_api.json(where)["text"] == "first"


@pytest.mark.parametrize("if_match", ['"2"', '"0"', '"abc"', '"99999999999999999999"', '"18446744073709551616"'])
def test_a_version_that_is_not_the_last_is_409(if_match: str, api: Api) -> None:
    """Also one that never was, and one beyond what a store can hold."""
    where = write(api, "first").headers["Location"]
    assert api.ask("PUT", where, json={"text": "other"}, headers={"If-Match": if_match}).status_code == 409
    assert api.json(where)["text"] == "first"


def test_a_tag_that_a_proxy_weakened_still_names_its_version(files_api: Api) -> None:
    """Proxies that compress make `W/"1"` of `"1"`."""
    where = write(files_api, "first").headers["Location"]
    assert files_api.ask("PUT", where, json={"text": "other"}, headers={"If-Match": 'W/"1"'}).status_code == 200


def test_of_twenty_edits_at_once_one_is_saved(api: Api) -> None:
    """Each of the others is told, and can save theirs on top."""
    where = write(api, "first").headers["Location"]

    def edit(number: int) -> int:
        return requests.put(
            api.url + where, json={"text": f"edit {number}"}, headers={"If-Match": '"1"'}, timeout=30
        ).status_code

    with ThreadPoolExecutor(10) as pool:
        answers = sorted(pool.map(edit, range(20)))
    assert answers == [200] + [409] * 19
    assert api.json(where)["version"] == 2


def test_a_note_is_not_found_on_somebody_else(api: Api) -> None:
    """Whoever may guess a number must not edit a note through another person's address."""
    number = write(api, "first").json()["id"]
    other = f"/api/customers/woo:2/notes/{number}"
    assert api.get(other).status_code == 404
    assert api.get(f"{other}/history").status_code == 404
    assert api.ask("PUT", other, json={"text": "x"}, headers={"If-Match": '"1"'}).status_code == 404
    assert api.ask("DELETE", other, headers={"If-Match": '"1"'}).status_code == 404


def test_tags_replace_those_that_were_there(api: Api) -> None:
    """Case makes no second tag; the list shows them at once."""
    answer = api.ask("PUT", TAGS, json={"tags": ["VIP", "b2b", "vip"]})
    assert (answer.status_code, answer.json()["tags"]) == (200, ["b2b", "VIP"])
    assert api.json("/api/customers", tag="VIP")["customers"][0]["key"] == "woo:1"
    assert api.ask("PUT", TAGS, json={"tags": ["b2b"]}).json() == {"tags": ["b2b"]}
    assert api.json(TAGS)["tags"] == ["b2b"]
    assert [event.kind for event in api.house.records.events(SHOP, "woo:1")] == [
        "tag_removed",
        "tag_added",
        "tag_added",
    ]


def test_stale_tags_change_nothing(api: Api) -> None:
    """With If-Match only the tags that were seen are replaced."""
    seen = api.get(TAGS).headers["ETag"]
    first = api.ask("PUT", TAGS, json={"tags": ["theirs"]}, headers={"If-Match": seen})
    assert first.status_code == 200
    stale = api.ask("PUT", TAGS, json={"tags": ["mine"]}, headers={"If-Match": seen})
    assert (stale.status_code, stale.json()["current"], stale.json()["yours"]) == (
        409,
        {"tags": ["theirs"]},
        {"tags": ["mine"]},
    )
    again = api.ask("PUT", TAGS, json={"tags": ["mine"]}, headers={"If-Match": first.headers["ETag"]})
    assert again.json() == {"tags": ["mine"]}


def test_tags_given_at_once_are_all_there(api: Api) -> None:
    """Several people add a tag to those they saw: whoever was told 200 must find theirs, also a moment later."""

    def add(number: int) -> list[str]:
        given = []
        with requests.Session() as session:
            for turn in range(12):
                seen = session.get(api.url + TAGS, timeout=30)
                wanted = {"tags": [*seen.json()["tags"], f"{number}-{turn}"]}
                version = {"If-Match": seen.headers["ETag"]}
                answer = session.put(api.url + TAGS, json=wanted, headers=version, timeout=30)
                given += [f"{number}-{turn}"] if answer.status_code == 200 else []
        return given

    with ThreadPoolExecutor(4) as pool:
        given = [tag for tags in pool.map(add, range(4)) for tag in tags]
    assert given
    assert sorted(api.json(TAGS)["tags"]) == sorted(given)


def test_tags_of_an_earlier_key_are_replaced_too(api: Api) -> None:
    """Else a tag that was taken away would come back with the guest's orders."""
    api.house.records.add_aliases(SHOP, {"guest:before": "woo:1"})
    api.house.records.set_tags(SHOP, "guest:before", ["old"], "ann")
    seen = api.get(TAGS)
    assert seen.json()["tags"] == ["old"]
    assert api.ask("PUT", TAGS, json={"tags": ["new"]}, headers={"If-Match": seen.headers["ETag"]}).status_code == 200
    assert api.json(TAGS)["tags"] == ["new"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", NOTES_OF_TWO, {"text": ""}),
        ("POST", NOTES_OF_TWO, {"text": "   "}),
        ("POST", NOTES_OF_TWO, {"text": "x" * 10_001}),
        ("POST", NOTES_OF_TWO, {"text": {"$ne": None}}),
        ("POST", NOTES_OF_TWO, {"text": ["x"]}),
        ("POST", NOTES_OF_TWO, {"text": 5}),
        ("POST", NOTES_OF_TWO, {"text": "x", "author": "boss"}),
        ("POST", NOTES_OF_TWO, {}),
        ("POST", NOTES_OF_TWO, []),
        ("POST", NOTES_OF_TWO, "x"),
        ("POST", NOTES_OF_TWO, None),
        ("PUT", TAGS_OF_TWO, {"tags": [""]}),
        ("PUT", TAGS_OF_TWO, {"tags": ["x" * 41]}),
        ("PUT", TAGS_OF_TWO, {"tags": [f"tag {n}" for n in range(51)]}),
        ("PUT", TAGS_OF_TWO, {"tags": "x"}),
        ("PUT", TAGS_OF_TWO, {"tags": [{"$gt": ""}]}),
        ("PUT", TAGS_OF_TWO, {"tags": ["\u200b"]}),
    ],
)
def test_what_no_note_or_tag_can_be_is_422_and_changes_nothing(
    method: str, path: str, body: Any, shared_api: Api
) -> None:
    """Each with a sentence, on either store."""
    answer = shared_api.ask(method, path, json=body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")
    assert len(answer.json()["detail"]) > 10
    assert shared_api.json(NOTES_OF_TWO)["notes"] == []
    assert shared_api.json(TAGS_OF_TWO)["tags"] == []
