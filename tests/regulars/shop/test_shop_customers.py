"""Creating and editing customers: against a demo shop's process, and against what a real shop answered."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from regulars.directory.unmerged import NUMBERED
from regulars.errors import (
    InboxUnavailable,
    NoAccount,
    ShopBusy,
    ShopRecordGone,
    ShopRefused,
    ShopRequestInvalid,
    ShopUnreachable,
    StaleVersion,
)
from regulars.inbox.sqlite import SqliteInbox
from regulars.models import ShopConfig
from regulars.records.sql import SqlRecords
from regulars.shop.customers import Saved, create_customer, current_customer, edit_customer
from regulars.shop.fields import PATHS, CustomerFields, NewCustomer, editable, fingerprint, nested, read_fields
from regulars.shop.fields import given as values_of
from regulars.shop.refusals import complaints
from tests.e2e.running import KEY, SECRET, foreign_shop, free_ports
from tests.regulars.shop.scripted_shop import Asked, Said, recorded, scripted, shop_at
from transforms.identity import ALIASES
from transforms.people import people
from transforms.schemas import TIME, empty
from transforms.staged_schemas import RAW, STAGED_ORDERS
from transforms.staging import stage_customers


class Stores:
    """A shop to write to, and where its answers go."""

    def __init__(self, shop: ShopConfig, folder: Path) -> None:
        self.shop = shop
        self.records = SqlRecords(folder / "records.db")
        self.inbox = SqliteInbox(folder / "inbox.db")

    def create(self, **fields: Any) -> Saved:
        """Create a customer."""
        sent = read_fields(NewCustomer, fields)
        return create_customer(self.shop, sent, records=self.records, inbox=self.inbox, author="ann")

    def edit(self, number: int | None, expected: str | None = None, **fields: Any) -> Saved:
        """Edit a customer."""
        sent = read_fields(CustomerFields, fields)
        return edit_customer(
            self.shop, number, sent, records=self.records, inbox=self.inbox, author="ben", expected=expected
        )

    def close(self) -> None:
        """Let go of both."""
        self.records.close()
        self.inbox.close()


@pytest.fixture(scope="module")
def shop_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a demo shop from a process of its own."""
    with foreign_shop(tmp_path_factory.mktemp("shop"), "--people", "20", "--seed", "3") as url:
        yield url


@pytest.fixture
def stores(shop_url: str, tmp_path: Path) -> Iterator[Stores]:
    """Return that shop with empty stores."""
    keys = {"consumer_key": SecretStr(KEY), "consumer_secret": SecretStr(SECRET)}
    opened = Stores(ShopConfig(name="shop", url=shop_url, **keys), tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Any]:
    """Return a way to write to a shop at an address."""
    opened: list[Stores] = []

    def shop(url: str) -> Stores:
        opened.append(Stores(shop_at(url), tmp_path))
        return opened[-1]

    yield shop
    for each in opened:
        each.close()


def test_a_created_customer_is_in_the_shop_and_comes_in_as_a_change_row(stores: Stores) -> None:
    """There is one way in: the next sync must find the new customer among the change rows."""
    billing = {"city": "Bonn", "email": "post@example.com"}
    saved = stores.create(email="Nina@example.com", first_name="Nina", billing=billing)
    there = current_customer(stores.shop, saved.woocommerce_id)
    assert (there["email"], there["first_name"], there["billing"]["city"]) == ("Nina@example.com", "Nina", "Bonn")
    (row,) = stores.inbox.changes_of("shop", "customer", saved.woocommerce_id, 0)
    assert (row.topic, json.loads(row.body)["email"], row.reason) == ("customer.created", "Nina@example.com", None)
    (event,) = stores.records.events("shop", saved.key)
    assert (event.kind, event.author, event.detail) == (
        "created",
        "ann",
        "email, first_name, billing.city, billing.email",
    )
    assert (saved.key, saved.late) == (f"woo:{saved.woocommerce_id}", "")


def test_an_edit_sends_only_what_differs(stores: Stores) -> None:
    """A field that nobody touched must not be written back: somebody in the shop may be changing it."""
    saved = stores.create(email="only@example.com", first_name="Old", billing={"city": "Bonn"})
    edited = stores.edit(saved.woocommerce_id, first_name="New", billing={"city": "Bonn", "phone": "123"})
    assert edited.changed == ("first_name", "billing.phone")
    assert edited.item["billing"]["city"] == "Bonn"
    assert stores.records.events("shop", saved.key, 1)[0].detail == "first_name, billing.phone"
    assert len(stores.inbox.changes_of("shop", "customer", saved.woocommerce_id, 0)) == 2


def test_an_edit_that_changes_nothing_sends_nothing(stores: Stores) -> None:
    """A form saved untouched must not move the customer's modification date."""
    saved = stores.create(email="same@example.com", first_name="Same")
    again = stores.edit(saved.woocommerce_id, email="same@example.com", first_name="Same")
    assert (again.changed, again.fingerprint) == ((), saved.fingerprint)
    assert len(stores.inbox.changes_of("shop", "customer", saved.woocommerce_id, 0)) == 1


def test_a_stale_edit_sends_nothing_and_carries_both(stores: Stores) -> None:
    """Two people edit one customer: the second must see what the first wrote, and keep what they typed."""
    saved = stores.create(email="stale@example.com", first_name="First")
    stores.edit(saved.woocommerce_id, saved.fingerprint, first_name="Theirs")
    with pytest.raises(StaleVersion) as caught:
        stores.edit(saved.woocommerce_id, saved.fingerprint, first_name="Mine", billing={"city": "Ulm"})
    assert caught.value.yours == {"first_name": "Mine", "billing.city": "Ulm"}
    assert caught.value.current is not None
    assert (caught.value.current["first_name"], caught.value.current["billing.city"]) == ("Theirs", "")
    assert current_customer(stores.shop, saved.woocommerce_id)["first_name"] == "Theirs"


def test_a_taken_address_is_told_at_its_field(stores: Stores) -> None:
    """The form shows the shop's own words beside the field, and nothing is written here."""
    stores.create(email="taken@example.com")
    with pytest.raises(ShopRequestInvalid) as caught:
        stores.create(email="taken@example.com")
    assert "already registered" in caught.value.fields["email"]
    assert "taken@example.com" not in caught.value.message
    assert len(stores.inbox.pending("shop", 0)) == 1


def test_an_edit_to_a_foreign_address_is_told_at_its_field(stores: Stores) -> None:
    """WooCommerce says it with another code than at creation."""
    stores.create(email="one@example.com")
    two = stores.create(email="two@example.com")
    with pytest.raises(ShopRequestInvalid) as caught:
        stores.edit(two.woocommerce_id, email="one@example.com")
    assert set(caught.value.fields) == {"email"}


def test_a_guest_has_nothing_to_edit(stores: Stores) -> None:
    """Guests are known from their orders alone."""
    with pytest.raises(NoAccount, match="guest"):
        stores.edit(None, first_name="X")


def test_a_customer_that_the_shop_has_not_is_told(stores: Stores) -> None:
    """Deleted in the shop since the list was read."""
    with pytest.raises(ShopRecordGone):
        stores.edit(999_999, first_name="X")


def test_what_the_recorded_shop_said_of_a_taken_address() -> None:
    """A real WooCommerce 9.9.5, word for word."""
    said = json.loads(recorded("errors/customer_duplicate_email").body)
    sentence, fields = complaints(said)
    assert fields == {"email": sentence}
    assert sentence.startswith("An account is already registered with owner@store.example.")


def params(**named: str) -> dict[str, Any]:
    """Return WordPress's answer to a request that its schema refuses."""
    details = {name: {"code": "rest_invalid_param", "message": said, "data": None} for name, said in named.items()}
    return {"code": "rest_invalid_param", "message": "Invalid", "data": {"params": named, "details": details}}


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        (params(email="Invalid email address."), {"email": "Invalid email address."}),
        (
            params(billing="billing[phone] is not of type string."),
            {"billing.phone": "billing[phone] is not of type string."},
        ),
        (
            {"data": {"params": {"billing": "No."}, "details": {"billing": {"code": "rest_invalid_email"}}}},
            {"billing.email": "No."},
        ),
        ({"code": "customer_invalid_billing_email", "message": "Bad"}, {"billing.email": "Bad"}),
        ({"code": "registration-error-username-exists", "message": "Taken"}, {"username": "Taken"}),
        ({"code": "registration-error-invalid-username", "message": "Bad"}, {"username": "Bad"}),
        ({"code": "woocommerce_rest_customer_invalid_argument", "message": "No"}, {"username": "No"}),
        ({"data": {"params": ["email"]}}, {"email": "The shop needs this."}),
        (
            {"code": "registration-error-email-exists", "message": '<a href="x">Log&nbsp;in</a>\n!'},
            {"email": "Log in !"},
        ),
        ({"code": "something_else", "message": "Odd"}, {}),
        ([], {}),
        (None, {}),
        ({"data": {"params": 5}}, {}),
    ],
)
def test_each_complaint_finds_its_field(answer: Any, fields: dict[str, str]) -> None:
    """Codes and parameters are WooCommerce's; what a shop says is shown as text, links and all removed."""
    assert complaints(answer)[1] == fields


def test_a_key_that_may_only_read_is_told_what_it_lacks(at: Any) -> None:
    """Most keys are made with Read; the sentence must name the permission."""
    with (
        scripted(lambda _: recorded("errors/read_key_writing")) as (url, _),
        pytest.raises(ShopRefused, match="Read/Write"),
    ):
        at(url).create(email="a@example.com")


def test_a_write_is_sent_once_and_a_lost_answer_says_that_it_may_have_arrived(at: Any) -> None:
    """A second try could create a second customer, and "failed" would be a lie."""
    with scripted(lambda _: Said(500, b"<p>fatal</p>")) as (url, log), pytest.raises(ShopUnreachable) as caught:
        at(url).create(email="a@example.com")
    assert len(log) == 1
    assert (caught.value.sent, caught.value.retry) == (True, False)
    assert "may have created the customer all the same" in caught.value.message


def test_an_answer_that_is_no_json_may_have_been_obeyed_too(at: Any) -> None:
    """A cache or a plugin may answer in the shop's place."""
    with scripted(lambda _: Said(200, b"<html>ok")) as (url, _), pytest.raises(ShopUnreachable, match="all the same"):
        at(url).create(email="a@example.com")


def test_a_shop_that_turns_away_has_not_obeyed(at: Any) -> None:
    """Maintenance and rate limits answer before WordPress does anything."""
    with scripted(lambda _: recorded("faults/maintenance_mode")) as (url, _), pytest.raises(ShopBusy) as caught:
        at(url).create(email="a@example.com")
    assert "all the same" not in caught.value.message


def test_no_connection_means_that_nothing_was_sent(at: Any) -> None:
    """Then trying again is safe, and the sentence must not frighten."""
    with pytest.raises(ShopUnreachable) as caught:
        at(f"http://127.0.0.1:{free_ports(1)[0]}").create(email="a@example.com")
    assert (caught.value.sent, caught.value.retry) == (False, True)


class Broken(SqliteInbox):
    """An inbox on a full disk."""

    def commit(self, deliveries: Any) -> Any:
        """Refuse."""
        raise InboxUnavailable("The disk is full.")


def test_where_the_copy_cannot_be_told_the_edit_still_succeeded(stores: Stores, tmp_path: Path) -> None:
    """The shop has it: saying that it failed would make people do it twice."""
    stores.inbox = Broken(tmp_path / "full.db")
    saved = stores.create(email="late@example.com")
    assert "disk is full" in saved.late
    assert current_customer(stores.shop, saved.woocommerce_id)["email"] == "late@example.com"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"email": "a" * 101}, "email"),
        ({}, "email"),
        ({"email": "a@b.c", "first_name": "x\0"}, "first_name"),
        ({"email": "a@b.c", "first_name": "\ud800"}, "first_name"),
        ({"email": "a@b.c", "password": "secret"}, "password"),
        ({"email": "a@b.c", "billing": {"city": "x" * 201}}, "billing.city"),
        ({"email": "a@b.c", "billing": {"vat": "1"}}, "billing.vat"),
        ({"email": {"$ne": None}}, "email"),
        ({"email": "a@b.c", "billing": []}, "billing"),
    ],
)
def test_what_cannot_be_right_is_refused_before_the_shop_is_asked(sent: dict[str, Any], field: str) -> None:
    """Each fault is told at its field, and never repeats what was typed."""
    with pytest.raises(ShopRequestInvalid) as caught:
        read_fields(NewCustomer, sent)
    assert list(caught.value.fields) == [field]
    assert "secret" not in str(caught.value.fields)


LETTERS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=20)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(PATHS), LETTERS, min_size=1))
def test_values_by_path_survive_the_way_there_and_back(values: dict[str, str]) -> None:
    """Forms think in paths, the shop in nested objects."""
    fields = read_fields(CustomerFields, nested(values))
    assert values_of(fields) == values
    assert {path: value for path, value in editable(nested(values)).items() if value} == values


def recorded_customers() -> list[dict[str, Any]]:
    """Return a page of a real shop's customers."""
    items: list[dict[str, Any]] = json.loads(recorded("customers/role-all_orderby-id_per100/page-001").body)
    return items


def test_the_published_row_and_the_shops_record_have_one_fingerprint() -> None:
    """An edit is made from what the app shows, and compared with what the shop has: untouched, both must agree."""
    items = recorded_customers()
    now = datetime(2026, 11, 22, tzinfo=UTC)
    raw = pl.LazyFrame(
        [{"id": item["id"], "body": json.dumps(item), "observed_at": now} for item in items], schema=dict(RAW)
    )
    accounts = stage_customers(raw).with_columns(deleted_at=pl.lit(None, dtype=TIME))
    no_orders = pl.DataFrame(schema=dict(STAGED_ORDERS))
    shown = people(accounts, empty(NUMBERED), empty(NUMBERED), empty(ALIASES), lambda _: no_orders).collect()
    rows = {row["woocommerce_id"]: row for row in shown.to_dicts()}
    assert len(rows) == len(items) > 10
    assert {number: fingerprint(row) for number, row in rows.items()} == {i["id"]: fingerprint(i) for i in items}


def test_each_editable_field_moves_the_fingerprint() -> None:
    """A change that it does not see would be overwritten silently."""
    (item,) = recorded_customers()[:1]
    changed = {path: fingerprint({**item, **nested({path: "other"})}) for path in PATHS if "." not in path}
    for path in (path for path in PATHS if "." in path):
        outer, _, inner = path.partition(".")
        changed[path] = fingerprint({**item, outer: {**item[outer], inner: "other"}})
    assert len({fingerprint(item), *changed.values()}) == len(PATHS) + 1


def asked_paths(log: list[Asked]) -> list[tuple[str, str]]:
    """Return method and path of each request."""
    return [(asked.method, asked.path) for asked in log]


def test_an_edit_reads_before_it_writes(at: Any) -> None:
    """Without a look first nothing could tell a stale edit."""
    item = recorded_customers()[0]
    with scripted(lambda _: Said(200, json.dumps(item).encode())) as (url, log):
        at(url).edit(item["id"], first_name="Other")
    path = f"/wp-json/wc/v3/customers/{item['id']}"
    assert asked_paths(log) == [("GET", path), ("PUT", path)]
    assert json.loads(log[1].body) == {"first_name": "Other"}
