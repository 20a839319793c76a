"""Creating and editing customers on screen, against a demo shop: what the shop says is shown, what was typed stays."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from app_streamlit import actions, reads
from app_streamlit.components.form_state import Form
from demo_shop.changes import Shop
from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from regulars.shop.client import ShopClient
from tests.app_streamlit.test_app_profile import events_of
from tests.app_streamlit.test_app_views import Open, Publish, no_failure, said
from tests.e2e.running import KEY, SECRET, connected, free_ports
from tests.regulars.directory.builders import AS_OF, SHOP, a_buyer

Serve = Callable[..., Shop]


@pytest.fixture
def shop(data: object, published: Publish, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Return a way to serve a demo shop whose account 2 is published here, with a key of these permissions."""
    with ExitStack() as stack:

        def served(permissions: str = "read_write") -> Shop:
            made = generate(12, 3, date(2026, 11, 10), keys=(ApiKey(KEY, SECRET, permissions=permissions),))
            url = stack.enter_context(serve(create_app(made)))
            for name, value in connected(url, REGULARS_SHOP=SHOP).items():
                monkeypatch.setenv(name, value)
            published([a_buyer(2), a_guest()], about={"change_seq": 0})
            return made

        yield served


def a_guest() -> dict[str, object]:
    """Return a guest's row."""
    return a_buyer(8, customer_key="guest:0f3a", woocommerce_id=None, first_name="Gustav", last_name="Guest")


def field(test: AppTest, path: str, key: str = "woo:2"):  # type: ignore[no-untyped-def] # an element of AppTest
    """Return the box at a path; an empty key is the form for somebody new."""
    return test.text_input(key=Form(SHOP, key).field(path))


def press(test: AppTest, label: str) -> AppTest:
    """Press the button with this label, and stay on the page of profiles as a browser does."""
    test._page_hash = calc_hash("customer")
    return next(button for button in test.button if button.label == label).click().run()


def in_shop(number: int) -> dict[str, object]:
    """Return the customer as the shop has it."""
    return dict(reads.shop_record(SHOP, number))


def others_change(number: int, **fields: object) -> None:
    """Change a customer in the shop, as somebody in its back office does."""
    with ShopClient(reads.settings().shop(SHOP)) as client:
        client.put(f"customers/{number}", fields)


def test_an_edit_is_saved_in_the_shop_and_shown_at_once(app: Open, shop: Serve) -> None:
    """The new phone number is read back to the caller the moment it is saved."""
    shop()
    test = app("customer", customer="woo:2", edit="1")
    no_failure(test)
    assert field(test, "email").value == in_shop(2)["email"]

    field(test, "last_name").set_value("Öberg-New")
    field(test, "billing.phone").set_value("+46 70 1")
    press(test, "Save in the shop")

    no_failure(test)
    assert in_shop(2)["last_name"] == "Öberg-New"
    assert test.title[0].value.endswith("New")
    assert "+46 70 1" in said(test)
    assert "not merged yet" in test.expander[0].label
    assert events_of(test)[0].startswith("Edited here: last name, billing phone")
    assert [toast.value for toast in test.toast] == ["Saved in the shop."]


def test_saving_without_a_change_sends_nothing(app: Open, shop: Serve) -> None:
    """Looking a form through and pressing its button is no edit."""
    shop()
    before = in_shop(2)

    test = press(app("customer", customer="woo:2", edit="1"), "Save in the shop")

    no_failure(test)
    assert in_shop(2) == before
    assert "Nothing was changed" in test.toast[0].value


def test_a_field_that_the_shop_refuses_says_why_and_keeps_what_was_typed(app: Open, shop: Serve) -> None:
    """The shop's own words at the field; nobody types an address twice."""
    shop()
    test = app("customer", customer="woo:2", edit="1")
    field(test, "email").set_value("no address")
    field(test, "billing.city").set_value("Lund")

    press(test, "Save in the shop")

    assert not test.exception
    assert "E\\-mail" in test.error[0].value
    assert [mark.value for mark in test.markdown if mark.value.startswith(":red[")] == [
        ":red[:material/error: Invalid email address\\.]"
    ]
    assert field(test, "email").value == "no address"
    assert field(test, "billing.city").value == "Lund"
    assert in_shop(2)["billing"]["city"] != "Lund"  # type: ignore[index]


def test_a_field_is_checked_here_before_the_shop_is_asked(app: Open, shop: Serve) -> None:
    """What cannot be right in any shop need not travel."""
    shop()
    test = app("customer", customer="woo:2", edit="1")
    field(test, "first_name").set_value("x" * 201)

    press(test, "Save in the shop")

    assert "200 characters" in test.error[0].value


def test_a_new_customer_is_created_in_the_shop_and_opened(app: Open, shop: Serve) -> None:
    """From an empty form to a profile, without waiting for a sync."""
    made = shop()
    test = app("customer", new="1")
    field(test, "email", "").set_value("nia@example.com")
    field(test, "first_name", "").set_value("Nia")
    field(test, "billing.city", "").set_value("Lund")
    press(test, "Ship to the billing address")
    press(test, "Create in the shop")

    no_failure(test)
    assert test.title[0].value == "Nia"
    (created,) = [one for one in made.customers.values() if one.email == "nia@example.com"]
    assert (created.billing.city, created.shipping.city) == ("Lund", "Lund")
    assert "just arrived" in test.info[0].value


def test_an_email_that_has_an_account_is_refused_in_the_shops_words(app: Open, shop: Serve) -> None:
    """The most usual mistake must say what it is."""
    made = shop()
    count = len(made.customers)
    test = app("customer", new="1")
    field(test, "email", "").set_value(str(in_shop(2)["email"]))

    press(test, "Create in the shop")

    assert "already registered" in test.error[0].value.replace("\\", "")
    assert field(test, "email", "").value == in_shop(2)["email"]
    assert len(made.customers) == count


def test_an_edit_over_somebody_elses_shows_both_and_mine_can_be_saved(app: Open, shop: Serve) -> None:
    """Two people edit one customer: the second sees both values, and only what was typed is written."""
    shop()
    test = app("customer", customer="woo:2", edit="1")
    field(test, "billing.city").set_value("Lund")
    others_change(2, last_name="Theirs", billing={"city": "Malmö"})

    press(test, "Save in the shop")

    assert not test.exception
    assert "Somebody changed this customer" in test.warning[0].value
    assert "In the shop now: Malmö\nYours: Lund" in said(test)
    assert "In the shop now: Theirs\nYou did not change it" in said(test)
    press(test, "Save mine")
    no_failure(test)
    now = in_shop(2)
    assert (now["last_name"], now["billing"]["city"]) == ("Theirs", "Lund")  # type: ignore[index]


def test_an_edit_over_somebody_elses_can_give_way(app: Open, shop: Serve) -> None:
    """Theirs stays; what nobody else touched is still in its box."""
    shop()
    test = app("customer", customer="woo:2", edit="1")
    field(test, "billing.city").set_value("Lund")
    field(test, "billing.phone").set_value("+46 1")
    others_change(2, billing={"city": "Malmö"})
    press(test, "Save in the shop")

    press(test, "Take the shop's")

    assert field(test, "billing.city").value == "Malmö"
    assert field(test, "billing.phone").value == "+46 1"
    press(test, "Save in the shop")
    no_failure(test)
    assert in_shop(2)["billing"]["phone"] == "+46 1"  # type: ignore[index]


def test_a_key_that_may_not_write_is_named(app: Open, shop: Serve) -> None:
    """Who reads it can put it right: the key's permission in the shop."""
    shop("read")
    test = app("customer", customer="woo:2", edit="1")
    field(test, "billing.city").set_value("Lund")

    press(test, "Save in the shop")

    assert not test.exception
    assert "Read/Write" in test.error[0].value.replace("\\", "").replace("\u2060", "")
    assert field(test, "billing.city").value == "Lund"


def test_a_shop_that_is_away_is_a_sentence_and_can_be_tried_again(
    app: Open, published: Publish, data: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form needs the shop; the profile does not."""
    for name, value in connected(f"http://127.0.0.1:{free_ports(1)[0]}", REGULARS_SHOP=SHOP).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("regulars.shop.customers.PATIENCE", 0.1)
    published([a_buyer(2)])

    test = app("customer", customer="woo:2", edit="1")

    assert not test.exception
    assert "cannot be reached" in test.error[0].value
    assert {"Try again", "Back to the profile"} <= {button.label for button in test.button}
    no_failure(app("customer", customer="woo:2"))


def test_a_shop_that_is_not_configured_is_a_sentence(app: Open, published: Publish) -> None:
    """Published data of a shop may outlive its settings."""
    published([a_buyer(2)])

    test = app("customer", customer="woo:2", edit="1")

    assert not test.exception
    assert "No shop is configured" in test.error[0].value


def test_guests_and_deleted_accounts_have_nothing_to_edit(app: Open, published: Publish) -> None:
    """No form that could only fail."""
    published([a_guest(), a_buyer(3, deleted_at=AS_OF)])

    assert "Ordered as a guest" in app("customer", customer="guest:0f3a", edit="1").info[0].value
    test = app("customer", customer="woo:3", edit="1")
    assert "deleted in the shop" in test.info[0].value
    press(test, "Back to the profile")
    no_failure(test)
    assert test.title[0].value == "First3 Last3"


def test_cancelling_writes_nothing_and_forgets_what_was_typed(app: Open, shop: Serve) -> None:
    """The next look at the form shows what the shop has."""
    shop()
    test = app("customer", customer="woo:2", edit="1")
    field(test, "billing.city").set_value("Lund")
    before = in_shop(2)

    press(test, "Cancel")

    assert test.title[0].value == "First2 Last2"
    assert in_shop(2) == before
    press(test, "Edit")
    assert field(test, "billing.city").value != "Lund"


def test_a_second_click_while_the_first_is_on_its_way_sends_nothing(
    app: Open, shop: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People click twice; the shop must get one customer."""
    from app_streamlit.components import forms

    made = shop()
    count, sent = len(made.customers), actions.create_customer
    calls: list[object] = []

    def twice(shop_name: str, values: dict[str, str]):  # type: ignore[no-untyped-def]
        calls.append(values)
        saved = sent(shop_name, values)
        form = Form(shop_name, "")
        form.take(saved)
        forms._save(form, None)  # the second click, as Streamlit runs it: the first has been taken by then
        return saved

    monkeypatch.setattr(actions, "create_customer", twice)
    test = app("customer", new="1")
    field(test, "email", "").set_value("once@example.com")
    press(test, "Create in the shop")

    assert len(calls) == 1
    assert len(made.customers) == count + 1
