"""The checks that the customers API was ordered with, over HTTP against everything running, whichever store serves."""

import base64
import hashlib
import hmac
from typing import Any

import orjson
import requests

from tests.e2e.running import Place, wait_for

TRAVEL_SECONDS = 100


class Api:
    """The customers API of a running place, as `curl` would speak to it."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def ask(self, method: str, path: str, expect: int = 200, **options: Any) -> Any:
        """Send a request, hold its status to `expect`, and return its JSON (None for an empty answer)."""
        address = self.place.url("REGULARS_HTTP_PORT", f"/api/{path}")
        answer = requests.request(method, address, timeout=180, **options)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    def etag(self, path: str) -> str:
        """Return the version that an edit of what stands at `path` must name."""
        address = self.place.url("REGULARS_HTTP_PORT", f"/api/{path}")
        return requests.get(address, timeout=60).headers["ETag"]


def check_paging(api: Api) -> None:
    """A page of ten, and how many there are: every client begins with this."""
    first = api.ask("GET", "customers?page=1&limit=10")
    assert len(first["customers"]) == 10
    pagination = first["pagination"]
    assert (pagination["page"], pagination["limit"]) == (1, 10)
    assert pagination["pages"] == -(-pagination["total"] // 10)
    pages = [api.ask("GET", f"customers?page={page}&limit=10") for page in range(1, pagination["pages"] + 1)]
    keys = [customer["key"] for page in pages for customer in page["customers"]]
    assert len(keys) == len(set(keys)) == pagination["total"]


def check_sync(api: Api) -> None:
    """A sync over HTTP runs in Dagster, says what it brought, and is remembered."""
    done = api.ask("POST", "customers/sync?wait=150")
    assert done["status"] == "success"
    assert isinstance(done["synced_count"], int)
    last = api.ask("GET", "customers/sync")
    assert last["status"] == "success"
    assert set(last) >= {"status", "synced_count", "orders_count", "seconds"}


def check_webhooks(api: Api) -> None:
    """A signed delivery is processed, a wrong one refused: strangers must not write into the copy."""
    address = api.place.url("REGULARS_HTTP_PORT", "/api/customers/webhooks")
    body = orjson.dumps({"id": 999_999, "email": "signed@example.com", "date_modified_gmt": "2020-01-01T00:00:00"})
    headers = {"X-WC-Webhook-Topic": "customer.deleted", "Content-Type": "application/json"}

    def deliver(secret: str) -> requests.Response:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        signature = {"X-WC-Webhook-Signature": base64.b64encode(digest).decode()}
        return requests.post(address, data=body, headers={**headers, **signature}, timeout=30)

    right, wrong = deliver(webhook_secret(api.place)), deliver("not the secret")
    assert (right.status_code, right.json()) == (200, {"status": "processed"})
    assert wrong.status_code == 401


def check_a_customer_from_creation_to_deletion(api: Api) -> None:
    """Create and edit go through the shop and come back by a sync; deleting hides, restoring shows again."""
    email = "new.person@example.com"
    key = api.ask("POST", "customers", 201, json={"email": email, "first_name": "Neva"})["key"]
    wait_for("the new customer is listed", lambda: listed(api, email), TRAVEL_SECONDS)
    api.ask("PUT", f"customers/{key}", json={"first_name": "Nova"})
    wait_for("the edit is listed", lambda: "Nova" in str(listed(api, email)), TRAVEL_SECONDS)
    api.ask("DELETE", f"customers/{key}")
    assert listed(api, email) == []
    api.ask("POST", f"customers/{key}/restore")
    assert [customer["key"] for customer in listed(api, email)] == [key]


def check_notes_tags_and_segments(api: Api) -> None:
    """What people write is there at once, and nobody's words are lost to somebody else's."""
    key = api.ask("GET", "customers?limit=1")["customers"][0]["key"]
    note = api.ask("POST", f"customers/{key}/notes", 201, json={"text": "Prefers the phone."})
    address = f"customers/{key}/notes/{note['id']}"
    seen = {"If-Match": f'"{note["version"]}"'}
    api.ask("PUT", address, json={"text": "Prefers e-mail."}, headers=seen)
    conflict = api.ask("PUT", address, 409, json={"text": "Prefers letters."}, headers=seen)
    assert conflict["current"]["text"] == "Prefers e-mail."
    assert api.ask("GET", f"customers/{key}/notes")["notes"][0]["text"] == "Prefers e-mail."
    api.ask("PUT", f"customers/{key}/tags", json={"tags": ["b2b"]})
    assert [customer["key"] for customer in api.ask("GET", "customers?tag=b2b")["customers"]] == [key]
    rule = 'tags contains "b2b"'
    segment = api.ask("POST", "segments", 201, json={"name": "Trade", "rule": rule})
    counted = api.ask("POST", "segments/count", json={"rule": rule})
    listed = api.ask("GET", f"customers?segment={segment['id']}")
    assert counted["people"] == listed["pagination"]["total"] == 1


def check_everything(place: Place) -> None:
    """Run all of them, in an order in which none disturbs the next."""
    api = Api(place)
    check_paging(api)
    check_webhooks(api)
    check_sync(api)
    check_notes_tags_and_segments(api)
    check_a_customer_from_creation_to_deletion(api)


def listed(api: Api, search: str) -> list[Any]:
    """Return the customers that a search finds in the published list."""
    found: list[Any] = api.ask("GET", f"customers?search={search}")["customers"]
    return found


def webhook_secret(place: Place) -> str:
    """Return the secret that the running receiver was given; the demo makes one up at each start."""
    secrets = {each.environ().get("WOOCOMMERCE_WEBHOOK_SECRET", "") for each in place.processes()}
    (secret,) = {secret for secret in secrets if secret}
    return secret
