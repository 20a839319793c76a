"""Whoever was just separated is a person at once: the version that is published still has them under somebody else."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from regulars.directory import who_is_who
from regulars.directory.published import Directory
from regulars.errors import RecordNotFound
from regulars.records.sql import SqlRecords
from tests.regulars.directory.builders import AS_OF, SHOP, a_buyer, a_refund, an_order, publish_people

WHOLE, PART = "woo:1", "guest:aa"


def an_identity(identity: str, link: str, orders: int) -> dict[str, object]:
    """Return a row of `identities` of the one person there is."""
    about = {"shop": SHOP, "customer_key": WHOLE, "email": "a@mail.example"}
    times = {"first_order_at": AS_OF, "last_order_at": AS_OF}
    return {**about, **times, "identity": identity, "link": link, "orders": orders}


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    """Return the records of the shop."""
    with SqlRecords(tmp_path / "records.db") as store:
        yield store


@pytest.fixture
def directory(tmp_path: Path, records: SqlRecords) -> Directory:
    """Return a shop of one person: an account with an order, and a guest with three, one refunded, one not counted."""
    orders = [
        an_order(1, WHOLE, identity=WHOLE, total=Decimal("100.00")),
        an_order(2, WHOLE, identity=PART, total=Decimal("10.00")),
        an_order(3, WHOLE, identity=PART, total=Decimal("20.50")),
        an_order(4, WHOLE, identity=PART, total=Decimal("7.00"), counted=False),
    ]
    publish_people(
        tmp_path / "published",
        [a_buyer(1, customer_key=WHOLE, orders=3, net="126.50")],
        orders=orders,
        refunds=[a_refund(9, 2, WHOLE, "4.00"), a_refund(10, 1, WHOLE, "50.00")],
        identities=[an_identity(WHOLE, "account", 1), an_identity(PART, "account e-mail", 3)],
    )
    return Directory(tmp_path / "published", shop=SHOP, records=records)


def test_a_separated_person_has_their_orders_and_sums_at_once(directory: Directory, records: SqlRecords) -> None:
    """A page that is not there until the next run looks as if the click had lost somebody."""
    records.add_tag(SHOP, PART, "late", "ana")
    records.separate(SHOP, PART, "ana", of=WHOLE)
    person = directory.person(PART)

    assert (person.row["customer_key"], person.row["email"], person.row["tags"]) == (PART, "a@mail.example", ["late"])
    assert (person.row["orders_count"], person.row["gross"], person.row["refunded"], person.row["net"]) == (
        2,
        Decimal("30.5"),
        Decimal(4),
        Decimal("26.5"),
    )
    assert (person.row["rfm_group"], person.row["r"], person.segments) == (None, None, ())
    assert person.currencies.select("customer_key", "orders_count").rows() == [(PART, 2)]
    assert set(directory.orders_of(PART)["order_id"]) == {2, 3, 4}
    assert directory.refunds_of(PART)["refund_id"].to_list() == [9]
    (part,) = who_is_who.parts_of(directory, records, SHOP, PART)
    assert (part.identity, part.waits) == (PART, True)


def test_both_sides_of_a_decision_say_that_figures_follow(directory: Directory, records: SqlRecords) -> None:
    """The account's sums still hold the guest's orders: whoever looks at either must know."""
    assert not who_is_who.figures_wait(directory, records, SHOP, WHOLE)
    records.separate(SHOP, PART, "ana", of=WHOLE)

    assert [who_is_who.figures_wait(directory, records, SHOP, key) for key in (WHOLE, PART, "woo:2")] == [
        True,
        True,
        False,
    ]


def test_a_key_of_nobody_is_nobodys_still(directory: Directory) -> None:
    """An old link, or one of another shop."""
    with pytest.raises(RecordNotFound):
        directory.person("guest:ff")
    assert directory.orders_of("guest:ff").is_empty()
