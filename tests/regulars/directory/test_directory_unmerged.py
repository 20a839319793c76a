"""What has arrived about a person and is not merged yet, told from change rows and the published rows."""

import base64
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.directory.unmerged import Unmerged, arrived_account, unmerged
from regulars.models import ChangeRow
from tests.regulars.directory.builders import AS_OF, SHOP, a_buyer, an_order, frame
from transforms.schemas import CUSTOMERS

NOON = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)


def a_row(seq: int, body: object, topic: str = "order.updated", number: int | None = None) -> ChangeRow:
    """Return a change row; the id is the body's unless told otherwise."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ChangeRow(
        seq=seq,
        shop=SHOP,
        topic=topic,
        resource=topic.partition(".")[0],
        resource_id=number if number is not None else body["id"],  # type: ignore[index]
        received_at=NOON + timedelta(seconds=seq),
        body=text,
    )


def an_order_body(number: int, **fields: Any) -> dict[str, Any]:
    """Return what the shop says of an order: of account 1, unless told otherwise."""
    body = {
        "id": number,
        "number": str(number),
        "status": "processing",
        "currency": "EUR",
        "customer_id": 1,
        "billing": {"email": "person1@example.com"},
        "total": "40.00",
        "date_created_gmt": "2026-11-11T11:00:00",
        "date_modified_gmt": "2026-11-11T11:30:00",
    }
    return body | fields


def an_account_body(number: int = 1, **fields: Any) -> dict[str, Any]:
    """Return what the shop says of an account, as `a_buyer` has it unless told otherwise."""
    body = {
        "id": number,
        "email": f"person{number}@example.com",
        "first_name": f"First{number}",
        "last_name": f"Last{number}",
        "username": "",
        "role": "customer",
        "billing": {"country": "DE", "city": "Berlin"},
        "shipping": {},
        "date_created_gmt": "2025-10-07T23:00:00",
        "date_modified_gmt": "2026-11-11T11:30:00",
    }
    return body | fields


def seen(rows: list[ChangeRow], person: dict[str, Any] | None = None, *orders: dict[str, Any]) -> Unmerged:
    """Return what `rows` say about `person` with these published orders."""
    return unmerged(rows, person or a_person(), frame("orders", orders))


def a_person(**fields: Any) -> dict[str, Any]:
    """Return account 1 as published, with the addresses that `an_account_body` has."""
    names = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country")
    billing = dict.fromkeys((*names, "email", "phone")) | {"country": "DE", "city": "Berlin"}
    return a_buyer(1) | {"billing": billing, "shipping": dict.fromkeys((*names, "phone"))} | fields


def test_an_order_of_the_account_that_nobody_has_seen_yet_is_told_with_its_total() -> None:
    """Somebody on the phone has just ordered: the profile must know."""
    (change,) = seen([a_row(4, an_order_body(77, status="on-hold", total="12.50"))]).changes

    assert (change.resource, change.number, change.status, change.is_new) == ("order", "77", "on-hold", True)
    assert (change.total, change.currency) == (Decimal("12.50"), "EUR")


def test_orders_of_others_are_left_out() -> None:
    """Nobody's profile may show somebody else's order."""
    rows = [
        a_row(4, an_order_body(77, customer_id=2, billing={"email": "person1@example.com"})),
        a_row(5, an_order_body(78, customer_id=0, billing={"email": "other@example.com"})),
        a_row(6, an_order_body(79, customer_id=0, billing={"email": ""})),
        a_row(7, {"id": 80}, "order.deleted"),
        a_row(8, an_account_body(2), "customer.updated"),
    ]

    assert seen(rows) == Unmerged()
    assert seen(rows[2:3], a_person(email=None, woocommerce_id=None)) == Unmerged()


def test_under_an_email_that_strangers_share_an_order_is_of_the_one_whose_name_it_bears() -> None:
    """An office's mailbox: the order of one must not show on the pages of all."""
    person = a_person(first_name="Anna", last_name="Weiß", email="desk@office.example")

    def of(number: int, first: str | None, last: str | None) -> ChangeRow:
        billing = {"email": "desk@office.example", "first_name": first, "last_name": last}
        return a_row(number, an_order_body(number, customer_id=0, billing=billing))

    rows = [of(1, "anna", "WEISS "), of(2, "Ben", "Weiß"), of(3, None, None)]
    shown = unmerged(rows, person, frame("orders", []), shared=True).changes
    assert [change.number for change in shown] == ["1"]
    assert len(unmerged(rows, person, frame("orders", []), shared=False).changes) == 3
    nameless = person | {"first_name": None, "last_name": None}
    assert unmerged(rows, nameless, frame("orders", []), shared=True).changes == ()


def test_a_guest_is_known_by_the_email_however_it_was_typed() -> None:
    """Guests type their address anew each time."""
    guest = a_person(customer_key="guest:0f3a", woocommerce_id=None, email="Anna@Example.com")
    order = an_order_body(77, customer_id=0, billing={"email": " ANNA@example.COM "})

    assert [change.number for change in seen([a_row(4, order)], guest).changes] == ["77"]


def test_a_changed_order_is_told_once_and_as_it_is_now() -> None:
    """Three deliveries about one order are one change; deliveries change places, modification times do not."""
    paid = an_order_body(77, status="processing", date_modified_gmt="2026-11-11T11:30:00")
    done = an_order_body(77, status="completed", date_modified_gmt="2026-11-11T11:40:00")
    published = an_order(77, "woo:1", status="pending", modified_at=NOON - timedelta(hours=2))

    (change,) = seen([a_row(4, paid), a_row(5, done), a_row(6, paid)], None, published).changes

    assert (change.status, change.is_new) == ("completed", False)


def test_what_the_published_version_already_knows_is_not_told_again() -> None:
    """A pull may have been faster than the webhook."""
    published = an_order(77, "woo:1", status="completed", modified_at=NOON)
    older = an_order_body(77, status="processing", date_modified_gmt="2026-11-11T11:59:59")
    same = an_order_body(77, status="completed", date_modified_gmt="2026-11-11T12:00:00")
    account = a_row(6, an_account_body(), "customer.updated")

    assert seen([a_row(4, older), a_row(5, same), account], None, published) == Unmerged()


def test_of_two_changes_within_one_second_the_later_one_is_told() -> None:
    """The shop's times have whole seconds: an equal one proves nothing, and the next run asks the shop."""
    published = an_order(77, "woo:1", status="processing", modified_at=NOON)
    later = an_order_body(77, status="completed", date_modified_gmt="2026-11-11T12:00:00")

    assert [change.status for change in seen([a_row(4, later)], None, published).changes] == ["completed"]


def test_a_trashed_order_is_told_where_it_is_theirs() -> None:
    """A deletion says nothing but the id; a late update does not bring the order back, a restoring does."""
    published = an_order(77, "woo:1", modified_at=NOON - timedelta(hours=2))
    gone = a_row(4, {"id": 77}, "order.deleted")
    late = a_row(5, an_order_body(77, status="on-hold"))

    (change,) = seen([gone, late], None, published).changes
    assert change.gone
    assert change.number == "77"
    (back,) = seen([gone, a_row(5, an_order_body(77), "order.restored")], None, published).changes
    assert not back.gone
    assert seen([gone], None, published | {"status": "trash"}).changes == ()


def test_a_changed_account_shows_the_profile_that_the_next_version_will_have() -> None:
    """Who saved a new phone number must read it at once, where the number will stand tomorrow."""
    body = an_account_body(last_name="Ek", billing={"country": "SE", "city": "Lund", "phone": "+46 1", "company": ""})

    found = seen([a_row(4, body, "customer.updated")])

    assert found.changed == {"last_name", "billing", "phone", "country", "city"}
    assert found.profile["last_name"] == "Ek"
    assert found.profile["phone"] == "+46 1"
    assert found.profile["company"] is None
    assert found.last_seq == 4


def test_an_older_state_of_the_account_changes_nothing() -> None:
    """A delivery that was late must not show last week's address."""
    body = an_account_body(last_name="Old", date_modified_gmt="2026-01-01T00:00:00")

    assert seen([a_row(4, body, "customer.updated")]) == Unmerged()


def test_a_deleted_account_is_told_and_shows_no_profile() -> None:
    """The account is gone, whatever an update before it said."""
    rows = [a_row(4, an_account_body(last_name="Ek"), "customer.updated"), a_row(5, {"id": 1}, "customer.deleted")]

    found = seen(rows)

    assert [(change.resource, change.gone) for change in found.changes] == [("customer", True)]
    assert found.profile == {}
    assert seen(rows, a_person(deleted_at=NOON)).changes == ()


def test_a_new_account_has_a_row_before_any_version_has_it() -> None:
    """Whoever has just made a customer opens the profile; a sync takes a while."""
    row = arrived_account([a_row(4, an_account_body(9, first_name="Nia"), "customer.created")], SHOP, 9, AS_OF)

    assert row is not None
    assert set(row) == set(CUSTOMERS)
    assert (row["customer_key"], row["first_name"], row["orders_count"]) == ("woo:9", "Nia", 0)
    pl.DataFrame([row], schema=dict(CUSTOMERS), orient="row")
    assert arrived_account([a_row(4, {"id": 9}, "customer.deleted")], SHOP, 9, AS_OF) is None
    assert arrived_account([a_row(4, an_order_body(9))], SHOP, 9, AS_OF) is None


BODIES = st.one_of(
    st.binary(max_size=40),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda part: (
            st.lists(part, max_size=3)
            | st.dictionaries(
                st.sampled_from(["id", "billing", "email", "total", "status", "customer_id"]), part, max_size=4
            )
        ),
        max_leaves=8,
    ).map(lambda body: json.dumps(body).encode()),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(BODIES, st.sampled_from(["order.updated", "customer.updated", "order.deleted"])), max_size=4))
def test_no_body_breaks_the_profile(bodies: list[tuple[bytes, str]]) -> None:
    """Bodies come from plugins and strangers; the profile opens whatever they hold."""
    rows = [a_row(n + 1, body, topic, number=1 + n % 2) for n, (body, topic) in enumerate(bodies)]

    found = seen(rows, None, an_order(1, "woo:1"))

    assert all(change.seq <= len(rows) for change in found.changes)
    arrived_account(rows, SHOP, 1, AS_OF)


@pytest.mark.parametrize("file", ["05_order_created_02_order.updated", "32_checkout_cod_a_01_order.updated"])
def test_a_recorded_delivery_of_an_order_is_understood(file: str) -> None:
    """The shape is WooCommerce's own, not only ours."""
    folder = Path(__file__).parents[2] / "fixtures" / "recordings" / "webhooks"
    body = base64.b64decode(json.loads((folder / f"{file}.json").read_text())["body_base64"])
    told = json.loads(body)
    person = a_person(woocommerce_id=told["customer_id"] or None, email=told["billing"]["email"])

    (change,) = seen([a_row(4, body, number=told["id"])], person).changes

    assert (change.number, change.status, change.total) == (told["number"], told["status"], Decimal(told["total"]))
