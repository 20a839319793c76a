"""Creating and editing customers over HTTP: in the shop first, and seen here at once."""

import secrets
from typing import Any

import requests

from regulars.shop.auth import shop_auth
from regulars.shop.customers import current_customer
from tests.webhook_receiver.api.serving import SHOP, Api


def an_address() -> str:
    """Return an e-mail address that no customer has: the shop is shared by the tests."""
    return f"{secrets.token_hex(6)}@example.com"


def created(api: Api, **fields: Any) -> Any:
    """Create a customer and return the answer."""
    answer = api.ask("POST", "/api/customers", json={"email": an_address(), **fields})
    assert answer.status_code == 201, answer.text
    return answer


def test_a_created_customer_is_in_the_shop_and_is_seen_here_at_once(shop_api: Api) -> None:
    """Before any sync: what the shop answered is in the inbox."""
    answer = created(shop_api, first_name="Nina", last_name="New", billing={"city": "Bonn"})
    made = answer.json()
    assert (made["name"], made["billing"]["city"], made["orders_count"], made["merged"]) == (
        "Nina New",
        "Bonn",
        0,
        False,
    )
    shop = shop_api.settings.shop()
    assert current_customer(shop, made["id"])["first_name"] == "Nina"
    read = shop_api.get(answer.headers["Location"])
    assert (read.json(), read.headers["ETag"]) == (made, answer.headers["ETag"])
    assert shop_api.house.inbox.changes_of(SHOP, "customer", made["id"], 0)
    note = shop_api.ask("POST", f"{answer.headers['Location']}/notes", json={"text": "Welcome."})
    assert note.status_code == 201


def test_an_edit_shows_at_once_and_a_stale_one_carries_both(shop_api: Api) -> None:
    """The tag of each answer is good for the next edit, though nothing is synced in between."""
    answer = created(shop_api, first_name="Old")
    where, seen = answer.headers["Location"], answer.headers["ETag"]
    edited = shop_api.ask("PUT", where, json={"first_name": "Theirs"}, headers={"If-Match": seen})
    assert (edited.status_code, edited.json()["first_name"], edited.json()["merged"]) == (200, "Theirs", False)
    read = shop_api.get(where)
    assert (read.json()["first_name"], read.headers["ETag"]) == ("Theirs", edited.headers["ETag"])
    stale = shop_api.ask("PUT", where, json={"first_name": "Mine"}, headers={"If-Match": seen})
    assert (stale.status_code, stale.json()["yours"]) == (409, {"first_name": "Mine"})
    assert stale.json()["current"]["first_name"] == "Theirs"
    again = shop_api.ask("PUT", where, json={"first_name": "Mine"}, headers={"If-Match": edited.headers["ETag"]})
    assert again.json()["first_name"] == "Mine"


def test_the_shops_own_complaint_stands_at_its_field(shop_api: Api) -> None:
    """In the shop's words, and with nothing written here."""
    taken = created(shop_api).json()["email"]
    before = shop_api.house.inbox.last_seq(SHOP)
    answer = shop_api.ask("POST", "/api/customers", json={"email": taken})
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["email"])
    assert "already registered" in answer.json()["detail"]
    assert shop_api.house.inbox.last_seq(SHOP) == before


def test_a_guest_cannot_be_edited(shop_api: Api) -> None:
    """There is no account in the shop to change."""
    answer = shop_api.ask("PUT", "/api/customers/guest:0f3a9c2b11d04e77", json={"first_name": "X"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/docs#no-account")


def test_a_customer_that_only_we_know_is_404_in_the_shop(shop_api: Api) -> None:
    """Deleted there, and no webhook has told of it yet."""
    made, shop = created(shop_api), shop_api.settings.shop()
    where = f"{shop.url}/wp-json/wc/v3/customers/{made.json()['id']}"
    assert requests.delete(where, params={"force": "true"}, auth=shop_auth(shop), timeout=10).ok
    answer = shop_api.ask("PUT", made.headers["Location"], json={"first_name": "X"})
    assert (answer.status_code, answer.json()["type"]) == (404, "/docs#not-found")


def test_a_shop_that_is_away_is_a_502_that_says_so(files_api: Api) -> None:
    """The caller did nothing wrong."""
    answer = files_api.ask("POST", "/api/customers", json={"email": "a@example.com"})
    assert (answer.status_code, answer.json()["type"]) == (502, "/docs#shop")
    assert "cannot be reached" in answer.json()["detail"]


def test_what_cannot_be_right_never_reaches_the_shop(shop_api: Api) -> None:
    """Fields that the shop has not, a password, things that are no text."""
    where = created(shop_api).headers["Location"]
    for body, field in (
        ({"password": "secret"}, "password"),
        ({"username": "other"}, "username"),
        ({"billing": {"vat": "1"}}, "billing.vat"),
        ({"billing": {"city": {"$ne": None}}}, "billing.city"),
        ({"email": ""}, "email"),
        ({"first_name": 5}, "first_name"),
        ({"first_name": "x" * 201}, "first_name"),
    ):
        answer = shop_api.ask("PUT", where, json=body)
        assert (answer.status_code, list(answer.json()["fields"])) == (422, [field])
    assert shop_api.json(where)["first_name"] in (None, "")
