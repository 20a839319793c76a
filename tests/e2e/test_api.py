"""The customers API with everything behind it real: a shop, Dagster, the receiver, each a process of its own."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from regulars.models import ShopConfig
from regulars.shop.client import ShopClient
from tests.e2e.running import KEY, SECRET, Place, Running, connected, foreign_shop, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.deep]
CUSTOMERS = "/api/customers"


@pytest.fixture(scope="module", params=["files", "mongo"])
def up(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Serve everything over a shop of 40 people, on either store."""
    folder = tmp_path_factory.mktemp("api")
    more = {"MONGODB_URI": request.getfixturevalue("mongod").uri("api_e2e")} if request.param == "mongo" else {}
    with foreign_shop(folder / "shop", "--people", "40", "--seed", "9") as url:
        place = Place(folder / "ours", **connected(url), **more)
        with place.running("up") as running:
            running.wait_until_said("Ctrl-C ends everything.", 300)
            yield running
            assert running.end() == 0


def ask(up: Running, method: str, path: str, **more: Any) -> requests.Response:
    """Send a request to the API."""
    return requests.request(method, up.place.url("REGULARS_HTTP_PORT", path), timeout=200, **more)


def synced(up: Running, **params: Any) -> Any:
    """Sync over HTTP and return the outcome, once Dagster has its jobs."""

    def once() -> requests.Response | None:
        answer = ask(up, "POST", f"{CUSTOMERS}/sync", params={"wait": 150, **params})
        return None if answer.status_code == 503 and "still starting" in answer.text else answer

    answer = wait_for("Dagster has its jobs", once, 180)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_sync_over_http_answers_with_its_outcome(up: Running) -> None:
    """The order's own check: a status and how many customers came."""
    told = synced(up, full=True)
    assert told["status"] == "success"
    keys = {"consumer_key": SecretStr(KEY), "consumer_secret": SecretStr(SECRET)}
    with ShopClient(ShopConfig(name="shop", url=up.place.environment["WOOCOMMERCE_URL"], **keys)) as shop:
        assert told["synced_count"] == shop.head_total("customers", {"role": "all"})
        orders = [shop.head_total("orders", {"status": status}) for status in ("any", "trash")]
        assert told["orders_count"] == sum(orders)
    assert told["kind"] == "full"
    assert ask(up, "GET", f"{CUSTOMERS}/sync").status_code == 200


def test_a_created_customer_is_found_after_the_next_run(up: Running) -> None:
    """Made in the shop, seen at once, and in the list as soon as the change row is merged."""
    made = ask(up, "POST", CUSTOMERS, json={"email": "nina@example.com", "first_name": "Nina", "last_name": "Newfound"})
    assert made.status_code == 201, made.text
    where = made.headers["Location"]
    assert ask(up, "GET", where).json()["merged"] is False

    def listed() -> bool:
        return bool(ask(up, "GET", CUSTOMERS, params={"search": "newfound"}).json()["customers"])

    wait_for("the list has her", listed, 120)
    merged = ask(up, "GET", where)
    assert (merged.json()["merged"], merged.headers["ETag"]) == (True, made.headers["ETag"])
    edited = ask(up, "PUT", where, json={"last_name": "Renamed"}, headers={"If-Match": merged.headers["ETag"]})
    assert edited.json()["last_name"] == "Renamed"


def test_a_sync_of_no_shop_of_ours_starts_nothing(up: Running) -> None:
    """Dagster would start a run for any name."""
    answer = ask(up, "POST", f"{CUSTOMERS}/sync", params={"shop": "nobody"})
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["shop"])


def test_the_documentation_is_served(up: Running) -> None:
    """The address that `up` prints."""
    assert "API       " in up.said()
    assert ask(up, "GET", "/docs").ok
