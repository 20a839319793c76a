"""The same road with MongoDB as the store: one demo, its API, its collections, and its app in a browser."""

import signal
from typing import Any

import pytest

from tests.e2e.order_checks import check_everything
from tests.e2e.running import Place, wait_for
from tests.mongod import Mongod

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
SHOP = "demo"
START_SECONDS = 200


def test_everything_that_was_ordered_works_on_mongodb(
    mongod: Mongod, mongo_uri: str, tmp_path: Any, browser: Any
) -> None:
    """Whoever sets MONGODB_URI gets the same product: same answers, same screens, and collections to query."""
    place = Place(tmp_path, MONGODB_URI=mongo_uri)
    with place.running("demo", "--people", "60") as run:
        run.wait_until_said("Ctrl-C ends everything.", START_SECONDS)
        check_everything(place)
        check_collections(mongod, mongo_uri, place)
        check_app(place, browser)
        assert run.end(signal.SIGINT, seconds=30) == 0
        assert "Traceback" not in run.said()
    assert not (place.data / "records.db").exists()
    assert not (place.data / "inbox.db").exists()


def check_collections(mongod: Mongod, uri: str, place: Place) -> None:
    """Hold the collections to the published tables: orders refer to customers who are there."""
    name = uri.partition("?")[0].rpartition("/")[2]
    people = place.table(SHOP, "customers").height
    with mongod.client() as client:
        database = client[name]
        wait_for("everybody is served", lambda: database.customers.count_documents({}) == people, 60)
        missing = database.orders.aggregate(
            [
                {"$lookup": {"from": "customers", "localField": "customer", "foreignField": "_id", "as": "found"}},
                {"$match": {"found": {"$size": 0}}},
                {"$count": "orders"},
            ]
        )
        assert list(missing) == []
        assert database.orders.count_documents({}) == place.table(SHOP, "orders").height
        assert database.customer_segments.count_documents({}) >= 5


def check_app(place: Place, browser: Any) -> None:
    """Open list and profile, and write a note that stays."""
    page = browser.new_context(viewport={"width": 1440, "height": 1700}).new_page()
    page.set_default_timeout(60_000)
    page.goto(place.url("REGULARS_APP_PORT", "/customer?customer=woo:2"))
    page.get_by_role("tab", name="Notes").click()
    page.get_by_label("New note").fill("Kept in MongoDB.")
    page.get_by_role("button", name="Add note").click()
    page.get_by_text("Kept in MongoDB.", exact=True).first.wait_for()
    page.reload()
    page.get_by_role("tab", name="Notes").click()
    page.get_by_text("Kept in MongoDB.", exact=True).first.wait_for()
