"""Customers over HTTP, on either store: lists, profiles, orders, deleting and restoring."""

from datetime import timedelta
from typing import Any, get_args

import pytest

from regulars.directory.query import SORTS
from tests.regulars.directory.builders import AS_OF, HOSTILE
from tests.webhook_receiver.api.serving import SHOP, Api, people, publish, serving, settings_of
from transforms.rfm import RFM_GROUPS
from webhook_receiver.api.asked import RfmGroup, Sort

CONTRACT = {
    *("shop", "key", "id", "name", "email", "orders_count", "total_spent", "currency", "last_order"),
    *("rfm_group", "segments", "tags"),
}


def keys(answer: Any) -> list[str]:
    """Return the keys on a page."""
    return [customer["key"] for customer in answer["customers"]]


def test_the_first_ten_of_a_list_with_their_pagination(shared_api: Api) -> None:
    """The order's own check, with the keys that others script against."""
    answer = shared_api.json("/api/customers", page=1, limit=10)
    assert set(answer) == {"customers", "pagination"}
    assert len(answer["customers"]) == 10
    assert answer["pagination"] == {"page": 1, "limit": 10, "total": 33, "pages": 4}
    assert set(answer["customers"][0]) == CONTRACT
    assert answer["customers"][0] == {
        "shop": SHOP,
        "key": "woo:1",
        "id": 1,
        "name": "Ærøskøbing Müller-Lüdenscheidt",
        "email": "mueller@example.com",
        "orders_count": 3,
        "total_spent": "1318.40",
        "currency": "EUR",
        "last_order": "2026-10-31T08:00:00Z",
        "rfm_group": "Loyal",
        "segments": [],
        "tags": [],
    }


def test_everybody_is_on_exactly_one_page(shared_api: Api) -> None:
    """Whoever copies the list page by page gets it whole; past its end comes nothing."""
    pages = [shared_api.json("/api/customers", page=number, limit=7, sort="rfm") for number in range(1, 7)]
    found = [key for page in pages for key in keys(page)]
    assert sorted(found) == sorted(person["customer_key"] for person in people())
    assert [len(page["customers"]) for page in pages] == [7, 7, 7, 7, 5, 0]
    assert pages[5]["pagination"] == {"page": 6, "limit": 7, "total": 33, "pages": 5}


def test_the_page_size_is_the_settings_and_bounded_by_them(reading_api: Api) -> None:
    """Page sizes are configured, and one caller cannot ask for everything at once."""
    assert reading_api.json("/api/customers")["pagination"]["limit"] == 10
    assert len(reading_api.json("/api/customers", limit=50)["customers"]) == 33
    answer = reading_api.get("/api/customers", params={"limit": 51})
    assert (answer.status_code, answer.json()["fields"]) == (
        422,
        {"limit": "At most 50 rows a page (REGULARS_PAGE_SIZE_MAX)."},
    )


@pytest.mark.parametrize("sort", sorted(set(SORTS) - {"created"}))  # all of them were created at once
def test_a_minus_sorts_descending(sort: str, reading_api: Api) -> None:
    """`-last_order` is the newest first; who has no value comes last either way."""
    up, down = (keys(reading_api.json("/api/customers", limit=50, sort=each)) for each in (sort, f"-{sort}"))
    assert sorted(up) == sorted(down)
    assert up != down


def test_newest_orders_first(reading_api: Api) -> None:
    """The direction that the documentation names."""
    found = [
        each["last_order"] for each in reading_api.json("/api/customers", limit=50, sort="-last_order")["customers"]
    ]
    dated = [each for each in found if each]
    assert dated == sorted(dated, reverse=True)
    assert found[: len(dated)] == dated


def test_sorts_and_groups_are_those_of_the_directory() -> None:
    """The document lists them by name; a new one must not be forgotten here."""
    assert {name.removeprefix("-") for name in get_args(Sort)} == set(SORTS)
    assert len(get_args(Sort)) == 2 * len(SORTS)
    assert get_args(RfmGroup) == RFM_GROUPS


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"search": "muller"}, ["woo:1"]),
        ({"search": "+49 170 1234567"}, ["woo:6"]),
        ({"search": "501"}, ["woo:1"]),
        ({"search": "%"}, []),
        ({"search": ".*"}, []),
        ({"rfm": "Loyal", "search": "dora"}, ["woo:10"]),
        ({"rfm": ["Lost", "Champions"], "rule": "orders_count >= 7", "sort": "name"}, ["woo:20", "woo:27", "woo:34"]),
        ({"rule": "total_spent > 300", "sort": "name"}, ["woo:6", "woo:1"]),
        ({"segment": "frequent-buyers", "search": "two"}, ["woo:6"]),
        ({"rule": 'country = "IL"'}, ["woo:2"]),
    ],
)
def test_filters_find_whom_they_name(asked: dict[str, Any], found: list[str], reading_api: Api) -> None:
    """What is typed is text, never a pattern; several filters must all hold."""
    answer = reading_api.json("/api/customers", **asked)
    assert sorted(keys(answer)) == sorted(found)
    assert answer["pagination"]["total"] == len(found)


def test_an_unknown_segment_is_told_at_its_parameter(reading_api: Api) -> None:
    """A typing mistake must not read as "nobody"."""
    answer = reading_api.get("/api/customers", params={"segment": "no-such"})
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["segment"])


def test_a_profile_has_what_the_list_has_and_more(shared_api: Api) -> None:
    """Scripts read one from the other."""
    listed = shared_api.json("/api/customers", limit=1)["customers"][0]
    answer = shared_api.get("/api/customers/woo:1")
    profile = answer.json()
    assert {name: profile[name] for name in CONTRACT} == listed
    assert profile["spend"] == [
        {
            "currency": "EUR",
            "orders_count": 3,
            "gross": "1318.40",
            "refunded": "0.00",
            "net": "1318.40",
            "average_order": "439.466667",
            "first_order": "2026-09-01T08:00:00Z",
            "last_order": "2026-10-31T08:00:00Z",
        }
    ]
    assert (profile["merged"], profile["hidden"], profile["notice"]) == (True, None, "")
    assert answer.headers["ETag"].strip('"').isalnum()


def test_orders_come_with_their_lines_the_newest_first(shared_api: Api) -> None:
    """Money is text with its exact decimals, so that no reader loses a cent."""
    answer = shared_api.json("/api/customers/woo:1/orders")
    assert [(order["id"], order["total"], order["counted"], len(order["lines"])) for order in answer["orders"]] == [
        (502, "9.90", False, 1),
        (501, "40.00", True, 2),
    ]
    assert answer["pagination"] == {"page": 1, "limit": 10, "total": 2, "pages": 1}
    assert answer["orders"][1]["lines"][1] == {
        "product_id": 7,
        "variation_id": None,
        "sku": "TEA-2",
        "name": "Green tea",
        "quantity": 2,
        "subtotal": "20.00",
        "total": "20.00",
        "tax": "3.20",
    }
    assert [order["id"] for order in shared_api.json("/api/customers/woo:1/orders", page=2, limit=1)["orders"]] == [501]


def test_refunds_keep_each_decimal(shared_api: Api) -> None:
    """A shop may refund tenths of cents."""
    (refund,) = shared_api.json("/api/customers/woo:1/refunds")["refunds"]
    assert (refund["id"], refund["order_id"], refund["amount"], refund["currency"]) == (601, 501, "12.345", "EUR")


@pytest.mark.parametrize("path", ["", "/orders", "/refunds", "/notes", "/tags"])
@pytest.mark.parametrize("key", ["woo:999", "guest:none", "nonsense", "woo:99999999999999999999999", "woo:-1", "woo:"])
def test_nobody_is_404(path: str, key: str, reading_api: Api) -> None:
    """Whatever is asked about them."""
    answer = reading_api.get(f"/api/customers/{key}{path}")
    assert (answer.status_code, answer.json()["type"]) == (404, "/docs#not-found")


def test_who_is_deleted_here_is_in_no_list_until_restored(api: Api) -> None:
    """The shop keeps them, and so do notes, tags and published data."""
    api.ask("PUT", "/api/customers/woo:6/tags", json={"tags": ["kept"]})
    deleted = api.ask("DELETE", "/api/customers/woo:6")
    assert (deleted.status_code, deleted.json()["hidden"]["author"]) == (200, "analyst")
    assert keys(api.json("/api/customers", search="twocoins")) == []
    assert keys(api.json("/api/customers", hidden=True)) == ["woo:6"]
    assert api.json("/api/customers/woo:6")["hidden"] == deleted.json()["hidden"]
    assert api.ask("DELETE", "/api/customers/woo:6").json() == deleted.json()
    restored = api.ask("POST", "/api/customers/woo:6/restore")
    assert (restored.status_code, restored.json()["hidden"]) == (200, None)
    assert api.json("/api/customers", search="twocoins")["customers"][0]["tags"] == ["kept"]


def test_hostile_names_come_out_as_they_are(reading_api: Api) -> None:
    """JSON needs no escaping of Markdown; what must not happen is that a name changes."""
    assert reading_api.json("/api/customers/woo:4")["name"] == HOSTILE


def test_a_key_of_the_past_leads_on(files_api: Api) -> None:
    """A guest who registered is found under both keys, with the notes from before."""
    files_api.house.records.add_note(SHOP, "guest:before", "Called.", "ann")
    files_api.house.records.add_aliases(SHOP, {"guest:before": "woo:1"})
    files_api.house.records.hide(SHOP, "guest:before", "ann")
    assert files_api.json("/api/customers/guest:before")["key"] == "woo:1"
    assert [note["text"] for note in files_api.json("/api/customers/woo:1/notes")["notes"]] == ["Called."]
    assert files_api.json("/api/customers/woo:1")["hidden"]["author"] == "ann"
    files_api.ask("POST", "/api/customers/woo:1/restore")
    assert files_api.json("/api/customers/woo:1")["hidden"] is None


def test_before_the_first_sync_each_answer_says_so(tmp_path: Any) -> None:
    """A new deployment: not an empty list, which would read as a shop without customers."""
    with serving(settings_of(tmp_path / "data")) as api:
        answer = api.get("/api/customers")
        assert (answer.status_code, answer.json()["type"]) == (503, "/docs#nothing-published")
        (shop,) = api.json("/api/shops")["shops"]
        assert (shop["name"], shop["version"]) == (SHOP, None)
        assert [segment["people"] for segment in api.json("/api/segments")["segments"]] == [None] * 5


def test_shops_tell_what_is_published(reading_api: Api) -> None:
    """Several shops may be served; a script begins here."""
    (shop,) = reading_api.json("/api/shops")["shops"]
    as_of = AS_OF.isoformat().replace("+00:00", "Z")
    assert (shop["name"], shop["title"], shop["as_of"], shop["configured"]) == (SHOP, "Tea & Co", as_of, True)


def test_of_several_shops_one_must_be_named(tmp_path: Any) -> None:
    """A customer of one shop must not be read as one of another."""
    publish(tmp_path / "data")
    publish(tmp_path / "data")
    (tmp_path / "data" / "published" / "other").mkdir()
    with serving(settings_of(tmp_path / "data")) as api:
        for given in ({}, {"shop": "third"}, {"shop": "../demo"}):
            answer = api.get("/api/customers", params=given)
            assert (answer.status_code, list(answer.json()["fields"])) == (422, ["shop"])
        assert api.json("/api/customers", shop=SHOP)["pagination"]["total"] == 33
        assert api.get("/api/customers", params={"shop": "other"}).status_code == 503
        unconfigured = api.ask("POST", "/api/customers", params={"shop": "other"}, json={"email": "a@example.com"})
        assert "not configured" in unconfigured.json()["fields"]["shop"]


def test_a_new_version_is_served_as_soon_as_it_is_published(files_api: Api) -> None:
    """A sync must show without a restart."""
    publish(files_api.settings.data_dir, about={"published_at": AS_OF + timedelta(hours=1), "shop_name": "New"})
    assert files_api.json("/api/shops")["shops"][0]["title"] == "New"
    assert files_api.json("/api/customers")["pagination"]["total"] == 33
