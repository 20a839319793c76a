"""One key for each person: accounts, guests, deleted accounts, aliases."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.identity_cases import LATER, Shop, by_name, guest, told
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
from transforms.identity import EmailForm, guest_key, normalise_email, resolve_aliases
from transforms.marts import find_aliases


def owners(
    orders: list[dict[str, Any]],
    accounts: list[dict[str, Any]] | None = None,
    known: Mapping[str, str] | None = None,
    deleted: tuple[int, ...] = (),
) -> dict[int, str]:
    """Return who owns each order."""
    return told(Shop(orders, accounts or [], deleted, known or {})).people


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


def test_a_deleted_account_that_buys_again_as_a_guest_is_alive() -> None:
    """Who orders today belongs in lists and segments, whatever became of the account; a failed try is no order."""
    after = LATER + timedelta(days=1)
    accounts = [an_account(one) for one in (5, 6, 7)]
    orders = [
        a_guest_order(1, "a5@mail.example", created_at=after),
        a_guest_order(2, "a6@mail.example"),
        a_guest_order(3, "a7@mail.example", created_at=after, status="failed"),
    ]

    tables = marts(
        staged(customers=accounts, orders=orders, deletions=[a_deletion("customer", one, LATER) for one in (5, 6, 7)])
    )

    assert [person(tables, f"woo:{one}")["deleted_at"] for one in (5, 6, 7)] == [None, LATER, LATER]


def test_merged_accounts_are_deleted_when_all_of_them_are() -> None:
    """An analyst merged an old account into a new one: deleting one of the two does not end the customer."""
    shop = {"customers": [an_account(3), an_account(8)]}
    first = [a_deletion("customer", 8, LATER)]
    both = [*first, a_deletion("customer", 3, LATER + timedelta(hours=1))]
    merged = {"woo:3": ("woo:8", "merged")}

    one, two = (marts(staged(**shop, deletions=gone), known_aliases=merged) for gone in (first, both))

    assert person(one, "woo:8")["deleted_at"] is None
    assert person(two, "woo:8")["deleted_at"] == LATER + timedelta(hours=1)


def test_each_identity_says_why_it_belongs_to_its_person() -> None:
    """An analyst who doubts a figure asks first whose orders these are, and why."""
    known = {guest("old@x.example"): "woo:5", "woo:6": ("woo:5", "merged")}
    orders = [
        an_order(1, woocommerce_id=5),
        a_guest_order(2, "A5@mail.example"),
        a_guest_order(3, "old@x.example"),
        a_guest_order(4, "a7@mail.example"),
        a_guest_order(5, "g@x.example"),
        a_guest_order(6, None),
    ]
    accounts = [an_account(5), an_account(6), an_account(7)]

    assert told(Shop(orders, accounts, (7,), known)).links == {
        "woo:5": ("woo:5", "account"),
        "woo:6": ("woo:5", "merged"),
        "woo:7": ("woo:7", "account"),
        guest("a5@mail.example"): ("woo:5", "account e-mail"),
        guest("old@x.example"): ("woo:5", "registered"),
        guest("a7@mail.example"): ("woo:7", "deleted account"),
        guest("g@x.example"): (guest("g@x.example"), "guest"),
        "guest-order:6": ("guest-order:6", "guest order"),
    }


def test_an_identity_counts_its_own_orders_of_every_status() -> None:
    """What hangs on a link is seen before it is cut: how many orders, since when, until when."""
    orders = [
        a_guest_order(1, "A5@mail.example", created_at=SEEN),
        a_guest_order(2, "a5@mail.example", created_at=LATER, status="failed"),
        an_order(3, woocommerce_id=5),
    ]

    identities = told(Shop(orders, [an_account(5)])).identities

    row = identities.row(by_predicate=pl.col("identity") == guest("a5@mail.example"), named=True)
    assert (row["email"], row["orders"], row["first_order_at"], row["last_order_at"]) == (
        "a5@mail.example",
        2,
        SEEN,
        LATER,
    )
    assert identities.filter(identity="woo:5").select("email", "orders").row(0) == ("a5@mail.example", 1)


def test_every_role_counts() -> None:
    """Shop managers and editors buy too; the shop has them as accounts like any other."""
    assert owners([a_guest_order(1, "a5@mail.example")], [an_account(5, role="shop_manager")]) == {1: "woo:5"}


def test_a_separated_guest_is_a_person_whatever_owns_the_e_mail() -> None:
    """The analyst saw that the orders are not the account's; no rule knows better."""
    key = guest("a5@mail.example")
    orders = [a_guest_order(1, "a5@mail.example")]

    found = told(Shop(orders, [an_account(5)], known={key: (key, "separated"), guest("x@x.example"): (key, "merged")}))

    assert found.orders == {1: (key, key, "separated")}


DOTS, TAGS = EmailForm(ignore_dots=True), EmailForm(ignore_tags=True)


def test_dots_and_tags_tell_people_apart_unless_the_setting_ignores_them() -> None:
    """Outside Gmail a dot is part of the name, and a tag may be; only the shop's own people know their customers."""
    orders = [a_guest_order(1, "a.b@gmail.com"), a_guest_order(2, "ab@gmail.com"), a_guest_order(3, "ab+x@gmail.com")]

    assert [len(set(told(Shop(orders), form).people.values())) for form in (EmailForm(), DOTS, TAGS)] == [3, 2, 2]
    assert len(set(told(Shop(orders), EmailForm(ignore_dots=True, ignore_tags=True)).people.values())) == 1


def test_dots_are_ignored_at_gmail_only() -> None:
    """a.b and ab at another provider are two mailboxes."""
    assert (
        len(
            set(told(Shop([a_guest_order(1, "a.b@x.example"), a_guest_order(2, "ab@x.example")]), DOTS).people.values())
        )
        == 2
    )


def test_guests_of_one_mailbox_go_by_the_earliest_of_them() -> None:
    """Later orders with another tag must not change the key under which the person is known."""
    first = a_guest_order(5, "a+1@x.example", created_at=SEEN)
    later = a_guest_order(1, "a@x.example", created_at=LATER)

    assert told(Shop([later, first]), TAGS).links == {
        guest("a+1@x.example"): (guest("a+1@x.example"), "guest"),
        guest("a@x.example"): (guest("a+1@x.example"), "same address"),
    }


def test_guests_of_an_accounts_mailbox_are_the_accounts() -> None:
    """The account's login and the tagged address are one mailbox."""
    found = told(Shop([a_guest_order(1, "a5+news@mail.example")], [an_account(5)]), TAGS)

    assert found.orders == {1: (guest("a5+news@mail.example"), "woo:5", "same address")}


def test_who_was_merged_follows_to_where_the_rules_give_that_one() -> None:
    """A setting that folds addresses must not tear apart what somebody put together, nor show an account twice."""
    orders = [
        a_guest_order(1, "ben@x.example", created_at=SEEN),
        a_guest_order(2, "ben+shop@x.example", created_at=LATER),
        an_order(3, woocommerce_id=7),
    ]
    known = {"woo:7": (guest("ben+shop@x.example"), "merged")}

    apart, together = (told(Shop(orders, [an_account(7)], known=known), form) for form in (EmailForm(), TAGS))
    tables = marts(staged(orders=orders, customers=[an_account(7)]), known_aliases=known, form=TAGS)

    assert apart.people[3] == apart.people[2] != apart.people[1]
    assert set(together.people.values()) == {guest("ben@x.example")}
    assert together.links["woo:7"] == (guest("ben@x.example"), "merged")
    assert tables["customers"]["customer_key"].to_list() == [guest("ben@x.example")]


def test_a_merge_and_a_rule_that_lead_in_a_circle_end_where_the_merge_says() -> None:
    """The account was merged into the guest of its own e-mail: they are one person, under the guest's key."""
    orders = [a_guest_order(1, "a7@x.example"), an_order(2, woocommerce_id=7)]
    known = {"woo:7": (guest("a7@x.example"), "merged")}

    found = told(Shop(orders, [an_account(7, email="a7@x.example")], known=known))

    assert set(found.people.values()) == {guest("a7@x.example")}


def test_strangers_are_not_folded_together_by_a_setting() -> None:
    """office+anna, office+ben and office+cleo are three colleagues, each with a tag of their own."""
    orders = [by_name(n, f"office+{name}@x.example", name) for n, name in enumerate(["Anna", "Ben", "Cleo"])]
    found = told(Shop(orders), TAGS)

    assert {link for _, _, link in found.orders.values()} == {"guest"}
    assert found.reviews.select("email", "reason", "orders").rows() == [("office@x.example", "names", 3)]


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
