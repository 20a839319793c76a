"""One key for each person: accounts, guests, deleted accounts, aliases."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.staged_builders import (
    HASH_KEY,
    SEEN,
    a_deletion,
    a_guest_order,
    aliases,
    an_account,
    an_order,
    marts,
    person,
    staged,
)
from transforms.identity import guest_key, identify, normalise_email, resolve_aliases
from transforms.marts import find_aliases
from transforms.orders import with_deleted_at

LATER = SEEN + timedelta(hours=1)


def owners(
    orders: list[dict[str, Any]],
    accounts: list[dict[str, Any]] | None = None,
    known: Mapping[str, str] | None = None,
    deleted: tuple[int, ...] = (),
) -> dict[int, str]:
    """Return who owns each order."""
    tables = staged(
        orders=orders, customers=accounts or [], deletions=[a_deletion("customer", one, LATER) for one in deleted]
    )
    people = with_deleted_at(tables["customers"], tables["deletions"], "customer", "woocommerce_id")
    found = identify(tables["orders"], people, hash_key=HASH_KEY, aliases=aliases(known)).owners.collect()
    assert found.height == len(orders)
    return dict(found.select("order_id", "customer_key").rows())


def guest(email: str) -> str:
    """Return the key of a guest with this e-mail."""
    normal = normalise_email(email)
    assert normal is not None
    return guest_key(normal, HASH_KEY)


def test_an_order_of_an_account_belongs_to_it_whatever_e_mail_it_carries() -> None:
    """The shop's own statement beats every inference of ours."""
    orders = [an_order(1, woocommerce_id=7, email="a8@mail.example")]

    assert owners(orders, [an_account(7), an_account(8)]) == {1: "woo:7"}


def test_an_account_that_we_do_not_have_is_still_a_person() -> None:
    """Orders can arrive before their customer, or name one that the key may not read."""
    tables = marts(staged(orders=[an_order(1, woocommerce_id=9, billing={"first_name": "Ada", "city": "Wien"})]))

    row = person(tables, "woo:9")
    assert (row["woocommerce_id"], row["first_name"], row["city"], row["orders_count"]) == (9, "Ada", "Wien", 1)


def test_guests_with_one_e_mail_are_one_person_whatever_its_spelling() -> None:
    """People type capitals and spaces; phones type full-width letters."""
    orders = [a_guest_order(n, email) for n, email in enumerate(["Bo@x.example", " bo@X.EXAMPLE ", "ｂｏ@x.example"])]

    assert set(owners(orders).values()) == {guest("bo@x.example")}


def test_guests_without_an_e_mail_are_nobody_elses() -> None:
    """Point-of-sale orders have no e-mail; together they are not one very good customer."""
    assert owners([a_guest_order(1, None), a_guest_order(2, None), a_guest_order(3, "  ")]) == {
        1: "guest-order:1",
        2: "guest-order:2",
        3: "guest-order:3",
    }


def test_a_guest_order_with_an_accounts_e_mail_belongs_to_the_account() -> None:
    """Customers forget to log in: their guest orders are theirs."""
    assert owners([a_guest_order(1, "A5@MAIL.example")], [an_account(5), an_account(6)]) == {1: "woo:5"}


def test_an_e_mail_of_two_accounts_merges_nobody() -> None:
    """Which of the two ordered, nobody can say; guessing would show one person another's orders."""
    shared = [an_account(5, email="us@x.example"), an_account(6, email="US@x.example")]

    assert owners([a_guest_order(1, "us@x.example")], shared) == {1: guest("us@x.example")}


def test_a_living_accounts_billing_e_mail_owns_nothing() -> None:
    """Anyone can type any billing e-mail into their own account; it must not attract other people's orders."""
    account = an_account(5, billing={"email": "victim@x.example"})

    assert owners([a_guest_order(1, "victim@x.example")], [account]) == {1: guest("victim@x.example")}


def test_a_deleted_account_keeps_its_orders_although_the_shop_resets_them() -> None:
    """Deleting a customer sets customer_id of its orders to 0; the history of the person must not scatter."""
    account = an_account(5, billing={"email": "bill5@x.example"})
    orders = [a_guest_order(1, "a5@mail.example"), a_guest_order(2, "BILL5@x.example")]

    assert owners(orders, [account], deleted=(5,)) == {1: "woo:5", 2: "woo:5"}


def test_a_living_account_goes_before_a_deleted_one_with_the_same_e_mail() -> None:
    """Who deleted the account and registered again reads that mailbox today."""
    accounts = [an_account(5, email="me@x.example"), an_account(9, email="me@x.example")]

    assert owners([a_guest_order(1, "me@x.example")], accounts, deleted=(5,)) == {1: "woo:9"}


def test_a_deleted_account_stays_in_the_table_with_the_time_of_its_deletion() -> None:
    """Its notes and its orders are still somebody's; a tombstone older than the row means it came back."""
    deletions = [a_deletion("customer", 5, LATER), a_deletion("customer", 6, SEEN - timedelta(hours=1))]
    tables = marts(staged(customers=[an_account(5), an_account(6)], deletions=deletions))

    assert (person(tables, "woo:5")["deleted_at"], person(tables, "woo:6")["deleted_at"]) == (LATER, None)


def test_aliases_are_followed_to_the_end_of_the_chain() -> None:
    """A guest who became an account that was merged into another: one person in the end."""
    known = {guest("g@x.example"): "woo:5", "woo:5": "woo:6"}

    assert owners([a_guest_order(1, "g@x.example"), an_order(2, woocommerce_id=5)], known=known) == {
        1: "woo:6",
        2: "woo:6",
    }


def test_a_recorded_alias_goes_before_the_owner_of_the_e_mail() -> None:
    """What was decided once stays, also when the e-mail moves to another account."""
    known = {guest("a5@mail.example"): "woo:2"}

    assert owners([a_guest_order(1, "a5@mail.example")], [an_account(5)], known) == {1: "woo:2"}


def test_merged_accounts_are_one_person_with_the_profile_of_the_one_merged_into() -> None:
    """Two rows for one key would double every figure in lists."""
    accounts = [an_account(3, first_name="Old"), an_account(8, first_name="New")]
    orders = [an_order(1, woocommerce_id=3), an_order(2, woocommerce_id=8)]

    tables = marts(staged(customers=accounts, orders=orders), known_aliases={"woo:3": "woo:8"})

    assert tables["customers"]["customer_key"].to_list() == ["woo:8"]
    assert (person(tables, "woo:8")["first_name"], person(tables, "woo:8")["orders_count"]) == ("New", 2)


def test_a_guest_shows_what_the_latest_order_says() -> None:
    """People move and change their number; the newest address is the one to write to."""
    orders = [
        a_guest_order(
            2, "g@x.example", billing={"first_name": "Eve", "phone": "2", "country": "AT", "email": "g@x.example"}
        ),
        a_guest_order(
            1, "G@x.example", created_at=datetime(2026, 4, 1, tzinfo=UTC), billing={"first_name": "Eva", "phone": "1"}
        ),
    ]

    row = person(marts(staged(orders=orders)), guest("g@x.example"))

    assert (row["first_name"], row["phone"], row["country"], row["email"]) == ("Eve", "2", "AT", "g@x.example")
    assert (row["woocommerce_id"], row["role"], row["created_at"]) == (None, None, datetime(2026, 4, 1, tzinfo=UTC))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("abcdefghxy"), max_size=8))
def test_resolving_aliases_is_following_them_by_hand(pairs: dict[str, str]) -> None:
    """Any chain, any length; a loop (two wrong merges) must neither hang a run nor swap two people."""
    expected = {}
    for alias in pairs:
        here, steps = alias, 0
        while here in pairs and steps <= len(pairs):
            here, steps = pairs[here], steps + 1
        if here not in pairs:
            expected[alias] = here

    assert dict(resolve_aliases(aliases(pairs)).collect().rows()) == expected


EMAILS = st.sampled_from(["a1@mail.example", "A1@mail.example", "a2@mail.example", "g@x.example", "h@x.example", None])


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), EMAILS), max_size=8),
    st.lists(st.integers(1, 4), unique=True, max_size=4),
    st.randoms(use_true_random=False),
)
def test_owners_do_not_depend_on_the_order_of_rows(
    rows: list[tuple[int, str | None]], ids: list[int], random: Any
) -> None:
    """Pages arrive in any order; a person's key must not."""
    orders = [an_order(n, woocommerce_id=one, email=email) for n, (one, email) in enumerate(rows)]
    accounts = [an_account(one, email="a1@mail.example" if one == 4 else f"a{one}@mail.example") for one in ids]
    known = {guest("h@x.example"): "woo:2"}
    first = owners(orders, accounts, known)

    random.shuffle(orders)
    random.shuffle(accounts)

    assert owners(orders, accounts, known) == first


@settings(deadline=None)
@given(st.text(max_size=12))
def test_normalising_an_e_mail_twice_changes_nothing(text: str) -> None:
    """Keys are made from normalised e-mails; were it not stable, a key would depend on how often it was done."""
    once = normalise_email(text)

    assert once is None or normalise_email(once) == once


def test_guest_keys_say_nothing_without_the_hash_key() -> None:
    """Keys stand in logs and file names; a list of known e-mails must not be enough to read them."""
    assert guest_key("a@x.example", HASH_KEY) != guest_key("a@x.example", HASH_KEY[::-1])
    with pytest.raises(ValueError, match="16 bytes"):
        guest_key("a@x.example", b"short")


def test_guests_who_became_accounts_are_named_once() -> None:
    """Recorded, the alias keeps notes attached; recorded again each run, it would fill the records."""
    tables = staged(
        orders=[a_guest_order(1, "a5@mail.example"), an_order(2, woocommerce_id=6, email="a6@mail.example")],
        customers=[an_account(5), an_account(6), an_account(7)],
    )
    published = pl.LazyFrame({"customer_key": [guest("a6@mail.example"), "woo:7"]})

    def found(recorded: Mapping[str, str]) -> dict[str, str]:
        named = find_aliases(tables, published, hash_key=HASH_KEY, aliases=aliases(recorded))
        return dict(named.collect().rows())

    expected = {guest("a5@mail.example"): "woo:5", guest("a6@mail.example"): "woo:6"}
    assert found({}) == expected
    assert found(expected) == {}
