"""Who is who over HTTP, on either store: why, merged, separated, undone."""

from typing import Any

import pytest

from tests.regulars.directory.builders import AS_OF, SHOP
from tests.webhook_receiver.api.serving import Api, publish

GUEST = "guest:0f3a9c2b11d04e77"


def an_identity(identity: str, key: str, link: str, orders: int = 1, **more: Any) -> dict[str, Any]:
    """Return a row of `identities`."""
    row = {"identity": identity, "customer_key": key, "link": link, "email": "mueller@example.com", "orders": orders}
    return {"shop": SHOP, "first_order_at": AS_OF, "last_order_at": AS_OF, **row, **more}


def a_review(*keys: str, reason: str = "names", orders: int = 9) -> dict[str, Any]:
    """Return a row of `identity_reviews`."""
    return {
        "shop": SHOP,
        "email": "office@example.com",
        "reason": reason,
        "customer_keys": list(keys),
        "orders": orders,
        "last_order_at": AS_OF,
    }


@pytest.fixture
def told(api: Api) -> Api:
    """The API over a version that tells of identities: an account with a guest's orders, a guest, a shared address."""
    publish(
        api.settings.data_dir,
        identities=[
            an_identity("woo:1", "woo:1", "account", 2),
            an_identity("guest:aa", "woo:1", "account e-mail", 3),
            an_identity(GUEST, GUEST, "guest", email="gustav@example.com"),
        ],
        identity_reviews=[a_review("woo:2", GUEST), a_review("woo:20", "woo:21", "woo:22", orders=3)],
    )
    return api


def identities(api: Api, key: str) -> dict[str, tuple[str, bool]]:
    """Return why each identity belongs to a customer, and whether that waits for a run."""
    return {
        one["identity"]: (one["link"], one["waits"])
        for one in api.json(f"/api/customers/{key}/identities")["identities"]
    }


def test_a_customer_is_told_of_with_why_each_part_belongs(told: Api) -> None:
    """An analyst who doubts a total sees at once whose orders are in it."""
    answer = told.json("/api/customers/woo:1/identities")
    assert (answer["key"], [one["identity"] for one in answer["identities"]]) == ("woo:1", ["guest:aa", "woo:1"])
    first = answer["identities"][0]
    assert (first["orders"], first["email"], first["decision"]) == (3, "mueller@example.com", None)
    assert first["why"] == "Ordered as a guest with the e-mail of the account."
    assert told.get("/api/customers/woo:999/identities").status_code == 404


def test_a_merge_is_made_seen_and_undone(told: Api) -> None:
    """Notes and tags of both show on the one that stays, and are back where they were after the undo."""
    told.ask("POST", f"/api/customers/{GUEST}/notes", json={"text": "Pays late."})
    told.ask("PUT", f"/api/customers/{GUEST}/tags", json={"tags": ["late"]})
    told.ask("PUT", "/api/customers/woo:1/tags", json={"tags": ["vip"]})
    made = told.ask("POST", f"/api/customers/{GUEST}/merge", json={"with": "woo:1"})
    decision = made.json()
    assert (made.status_code, decision["kind"], decision["waits"]) == (201, "merged", True)
    assert (decision["identity"], decision["into"]) == (GUEST, "woo:1"), "an account stays before a guest"
    assert told.json("/api/customers/woo:1/tags")["tags"] == ["late", "vip"]
    assert [note["text"] for note in told.json("/api/customers/woo:1/notes")["notes"]] == ["Pays late."]
    assert identities(told, "woo:1")[GUEST] == ("guest", True)
    assert told.json(f"/api/customers/{GUEST}")["key"] == "woo:1"

    undone = told.ask("DELETE", f"/api/identity-decisions/{decision['id']}")
    assert (undone.status_code, undone.json()["undone_at"] is not None) == (200, True)
    assert told.json("/api/customers/woo:1/tags")["tags"] == ["vip"]
    assert told.json(f"/api/customers/{GUEST}/tags")["tags"] == ["late"]
    assert [note["text"] for note in told.json(f"/api/customers/{GUEST}/notes")["notes"]] == ["Pays late."]
    assert identities(told, GUEST) == {GUEST: ("guest", False)}
    assert told.ask("DELETE", f"/api/identity-decisions/{decision['id']}").status_code == 409


def test_an_identity_is_separated_from_its_customer_alone(told: Api) -> None:
    """It names what is separated, and waits for the run; somebody else's is refused at the field."""
    made = told.ask("POST", "/api/customers/woo:1/separate", json={"identity": "guest:aa"})
    assert (made.status_code, made.json()["kind"], made.json()["into"]) == (201, "separated", "guest:aa")
    assert identities(told, "woo:1") == {"guest:aa": ("account e-mail", True), "woo:1": ("account", False)}
    (listed,) = told.json("/api/identity-decisions")["decisions"]
    assert listed == made.json()
    again = told.ask("POST", "/api/customers/woo:1/separate", json={"identity": "guest:aa"})
    assert (again.status_code, again.json()["detail"]) == (
        422,
        "This was separated already, and is a person of its own.",
    )
    for other in (GUEST, "nobody"):
        answer = told.ask("POST", "/api/customers/woo:1/separate", json={"identity": other})
        assert (answer.status_code, list(answer.json()["fields"])) == (422, ["identity"])


@pytest.mark.parametrize(
    "body",
    [{}, {"with": ""}, {"with": None}, {"with": {"$ne": None}}, {"with": "woo:1"}, {"with": "woo:999"}, {"x": 1}],
)
def test_whom_nobody_can_merge_with_is_told_at_the_field(body: dict[str, Any], files_api: Api) -> None:
    """Nobody, oneself, an operator of a database."""
    answer = files_api.ask("POST", "/api/customers/woo:1/merge", json=body)
    assert (answer.status_code, "with" in answer.json()["fields"]) == (422, True)
    assert files_api.json("/api/identity-decisions")["decisions"] == []


def test_shared_addresses_are_listed_until_somebody_decided(told: Api) -> None:
    """What is decided leaves the list at once, whichever way it was decided."""
    first, second = told.json("/api/identity-reviews")["reviews"]
    assert (first["email"], first["reason"], first["orders"], first["people"]) == ("office@example.com", "names", 9, 2)
    assert [row["key"] for row in first["customers"]] == ["woo:2", GUEST]
    assert first["customers"][1]["name"] == "Gustav Guest"
    assert second["people"] == 3
    told.ask("POST", "/api/customers/woo:2/merge", json={"with": GUEST})
    assert [review["people"] for review in told.json("/api/identity-reviews")["reviews"]] == [3]
    page = told.json("/api/identity-reviews", limit=1, page=2)
    assert (page["reviews"], page["pagination"]["total"]) == ([], 1)


def test_decisions_are_signed(told: Api) -> None:
    """Every decision says who made it and who took it back."""
    secret = told.house.records.add_token("cron")[1]
    as_cron = {"Authorization": f"Bearer {secret}"}
    made = told.ask("POST", "/api/customers/woo:2/merge", json={"with": "woo:3"}, headers=as_cron).json()
    told.ask("DELETE", f"/api/identity-decisions/{made['id']}")
    (listed,) = told.json("/api/identity-decisions")["decisions"]
    assert (listed["author"], listed["undone_by"] not in {None, "cron"}) == ("cron", True)
