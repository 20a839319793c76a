"""Addresses that strangers share: they are kept apart, listed, and merged again by whoever knows better."""

import pytest

from tests.transforms.identity_cases import Shop, by_name, guest, told
from tests.transforms.staged_builders import HASH_KEY, a_guest_order, aliases, an_account, staged
from transforms.identity import DEFAULT_FORM, EmailForm
from transforms.marts import find_aliases

DESK = "desk@office.example"
PLAIN = guest(DESK)
THREE = [by_name(1, DESK, "Ada Weber"), by_name(2, DESK, "Ben Koch", day=1), by_name(3, DESK, "Cleo Lang", day=2)]


def reviewed(shop: Shop, form: EmailForm = DEFAULT_FORM) -> list[tuple[str, str, set[str], int]]:
    """Return the reviews as rows: address, reason, people, guest orders."""
    rows = told(shop, form).reviews.rows(named=True)
    return [(row["email"], row["reason"], set(row["customer_keys"]), row["orders"]) for row in rows]


def test_guests_of_three_last_names_under_one_address_are_three_people() -> None:
    """An office orders from one mailbox: together its staff would look like one excellent customer."""
    assert told(Shop(THREE)).orders == {
        1: (PLAIN, PLAIN, "first name"),
        2: (guest(DESK, "Ben Koch"), guest(DESK, "Ben Koch"), "own name"),
        3: (guest(DESK, "Cleo Lang"), guest(DESK, "Cleo Lang"), "own name"),
    }


def test_two_last_names_are_one_household() -> None:
    """Couples share a mailbox, and people marry; three different names are what a family rarely has."""
    assert set(told(Shop(THREE[:2])).people.values()) == {PLAIN}


@pytest.mark.parametrize(("names", "people"), [(0, 1), (4, 1), (3, 3), (2, 3)])
def test_how_many_names_mean_strangers_is_a_setting(names: int, people: int) -> None:
    """A shop for gifts sees many names under one address, a shop for companies wants every name apart."""
    assert len(set(told(Shop(THREE), EmailForm(shared_names=names)).people.values())) == people


def test_names_are_compared_without_case_and_spacing_and_blanks_say_nothing() -> None:
    """The same three orders typed by a hurried person are still of one."""
    orders = [by_name(n, DESK, name) for n, name in enumerate(["Ada Weiß", "ADA  WEISS", "ada weiss", "", "Ben Koch"])]

    assert set(told(Shop(orders)).people.values()) == {PLAIN}


def test_orders_without_a_name_stay_with_the_plain_key() -> None:
    """Nothing in them says that they are anybody else's."""
    assert told(Shop([*THREE, by_name(4, DESK, "")])).people[4] == PLAIN


def test_the_earliest_name_keeps_the_key_that_all_had_before() -> None:
    """Notes were written about the guest when there was one name; they must not pass to whoever orders next."""
    late = by_name(0, DESK, "Dan Graf", day=9)

    assert told(Shop([late, *THREE])).people[1] == PLAIN


def test_under_an_accounts_address_only_its_own_name_is_the_accounts() -> None:
    """Whose account it is is known; the colleagues who type the same address are not this person."""
    account = an_account(5, email=DESK, first_name="Ben", last_name="KOCH")

    assert told(Shop(THREE, [account])).orders == {
        1: (PLAIN, PLAIN, "first name"),
        2: (guest(DESK, "Ben Koch"), "woo:5", "account e-mail"),
        3: (guest(DESK, "Cleo Lang"), guest(DESK, "Cleo Lang"), "own name"),
    }


@pytest.mark.parametrize("name", ["Ben Koch", "Dan Graf", "", None])
@pytest.mark.parametrize("deleted", [(), (5,)])
def test_an_account_of_another_name_takes_no_key_of_the_strangers(name: str | None, deleted: tuple[int, ...]) -> None:
    """Notes hang on keys: what was written about Ada would else stand on the page of whoever registers her mailbox."""
    first, _, last = (name or "").rpartition(" ")
    account = an_account(5, email=DESK, first_name=first or None, last_name=last or None)
    orders = [*THREE, by_name(4, DESK, "", day=3)]
    before, after = told(Shop(orders)), told(Shop(orders, [account], deleted))

    assert after.owners["identity"].equals(before.owners["identity"])
    assert after.people[1] == after.people[4] == PLAIN
    assert after.people[3] == guest(DESK, "Cleo Lang")
    assert (after.people[2] == "woo:5") == (name == "Ben Koch")


def test_an_account_of_the_first_name_takes_what_was_written_about_it() -> None:
    """The guest who was first has registered: it is the same person, and their notes go with them."""
    account = an_account(5, email=DESK, first_name="ADA", last_name="Weber")

    assert told(Shop(THREE, [account])).orders[1] == (PLAIN, "woo:5", "account e-mail")


def test_what_was_recorded_before_the_strangers_came_gives_none_of_them_to_the_account() -> None:
    """Two names were a household, and Ada's orders Ben's account's; with a third they are strangers, as if never joined."""
    account = an_account(5, email=DESK, first_name="Ben", last_name="Koch")
    recorded = {PLAIN: ("woo:5", "registered")}
    moved = an_account(5, email="ben@x.example", first_name="Ben", last_name="Koch")

    assert told(Shop(THREE[:2], [account], known=recorded)).people == {1: "woo:5", 2: "woo:5"}
    assert told(Shop(THREE, [account], known=recorded)).orders == told(Shop(THREE, [account])).orders
    assert told(Shop(THREE, [moved], known=recorded)).people[1] == PLAIN


@pytest.mark.parametrize("name", ["Ada Weber", None])
def test_what_was_recorded_for_an_account_of_the_name_or_of_none_holds_among_strangers(name: str | None) -> None:
    """The guest's own account keeps their orders, also when it has another e-mail; of no name nobody can know better."""
    first, _, last = (name or "").rpartition(" ")
    moved = an_account(5, email="ada@x.example", first_name=first or None, last_name=last or None)

    assert told(Shop(THREE, [moved], known={PLAIN: ("woo:5", "registered")})).links[PLAIN] == ("woo:5", "registered")


def test_a_merge_by_hand_holds_among_strangers() -> None:
    """Who decided knew more than names."""
    account = an_account(5, email="ben@x.example", first_name="Ben", last_name="Koch")

    assert told(Shop(THREE, [account], known={PLAIN: ("woo:5", "merged")})).links[PLAIN] == ("woo:5", "merged")


def test_an_e_mail_is_shared_whoever_else_claims_its_address() -> None:
    """Keys must not move with a setting: an account's name counts under its e-mail, also where another claims the address."""
    accounts = [an_account(5, email="a@x.example", last_name="Graf"), an_account(6, email="a+1@x.example")]
    shop = Shop([by_name(1, "a@x.example", "Weber")], accounts)
    forms = [EmailForm(ignore_tags=tags, shared_names=2) for tags in (False, True)]

    assert [told(shop, form).people for form in forms] == [{1: guest("a@x.example")}] * 2


def test_an_accounts_name_counts_among_the_names() -> None:
    """Two strangers who order under the address of a third are three people."""
    account = an_account(5, email=DESK, last_name="Graf")

    assert "woo:5" not in told(Shop(THREE[:2], [account])).people.values()


def test_an_address_shared_by_names_is_listed_with_everybody_who_uses_it() -> None:
    """Nothing is decided silently: an analyst sees who was kept apart, and can merge them."""
    account = an_account(5, email=DESK, first_name="Ben", last_name="Koch")
    strangers = {PLAIN, guest(DESK, "Cleo Lang")}

    assert reviewed(Shop(THREE)) == [(DESK, "names", {PLAIN, guest(DESK, "Ben Koch"), guest(DESK, "Cleo Lang")}, 3)]
    assert reviewed(Shop(THREE, [account])) == [(DESK, "names", {"woo:5", *strangers}, 3)]


def test_an_address_of_two_living_accounts_is_listed() -> None:
    """Guest orders under it are nobody's we can name; two accounts may be one person who forgot the first."""
    accounts = [an_account(5, email="us@x.example"), an_account(6, email="US@x.example")]

    assert reviewed(Shop(accounts=accounts)) == [("us@x.example", "accounts", {"woo:5", "woo:6"}, 0)]
    assert reviewed(Shop([a_guest_order(1, "us@x.example")], accounts)) == [
        ("us@x.example", "accounts", {"woo:5", "woo:6", guest("us@x.example")}, 1)
    ]
    assert reviewed(Shop(accounts=accounts, deleted=(5,))) == []


def test_merged_by_hand_strangers_are_one_person_and_no_longer_listed() -> None:
    """The analyst knows that the three names are one buyer's staff: that is the answer, not a question any more."""
    ben, cleo = guest(DESK, "Ben Koch"), guest(DESK, "Cleo Lang")
    merged = Shop(THREE, known={ben: (PLAIN, "merged"), cleo: (PLAIN, "merged")})

    assert told(merged).links == {PLAIN: (PLAIN, "first name"), ben: (PLAIN, "merged"), cleo: (PLAIN, "merged")}
    assert reviewed(merged) == []
    assert len(reviewed(merged._replace(known={ben: (PLAIN, "merged")}))) == 1


def test_strangers_kept_apart_by_hand_are_no_longer_listed() -> None:
    """To keep them apart is an answer too: asked again every day, nobody would look at the list."""
    keys = [PLAIN, guest(DESK, "Ben Koch"), guest(DESK, "Cleo Lang")]
    known = {key: (key, "separated") for key in keys}

    assert reviewed(Shop(THREE, known=known)) == []
    assert reviewed(Shop(THREE, known={keys[1]: (PLAIN, "merged"), keys[2]: (keys[2], "separated")})) == []
    assert len(reviewed(Shop(THREE, known={keys[1]: (keys[1], "separated")}))) == 1


def found(shop: Shop, form: EmailForm = DEFAULT_FORM) -> dict[str, str]:
    """Return the aliases that a run would record."""
    tables = staged(orders=shop.orders, customers=shop.accounts)
    published = tables["orders"].select(customer_key="number").clear()
    new = find_aliases(tables, published, hash_key=HASH_KEY, aliases=aliases(shop.known), form=form)
    return dict(new.collect().rows())


def test_a_run_records_nothing_of_an_address_that_strangers_share() -> None:
    """What is recorded stays: the strangers' orders would be the account's for ever."""
    account = an_account(5, email=DESK, first_name="Ben", last_name="Koch")

    assert found(Shop(THREE, [account])) == {}
    assert found(Shop(THREE, [account]), EmailForm(shared_names=0)) == {PLAIN: "woo:5"}


def test_a_run_records_nothing_that_a_person_decided_otherwise() -> None:
    """A separated guest stays separated, and an account merged into its guest does not go in a circle."""
    shop = Shop([a_guest_order(1, "a5@mail.example")], [an_account(5)])
    key = guest("a5@mail.example")

    assert found(shop) == {key: "woo:5"}
    assert found(shop._replace(known={key: (key, "separated")})) == {}
    assert found(shop._replace(known={"woo:5": (key, "merged")})) == {}


def test_a_run_records_nothing_that_hangs_on_a_setting() -> None:
    """Dots and tags ignored for a day must leave nothing behind when they count again."""
    shop = Shop([a_guest_order(1, "a5+x@mail.example")], [an_account(5)])

    assert found(shop, EmailForm(ignore_tags=True)) == {}
