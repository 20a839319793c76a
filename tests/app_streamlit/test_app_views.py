"""Every screen, with nobody, one person and many; with what people write; and when things fail."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit import reads
from regulars.models import SyncProgress
from regulars.paths import DataPaths
from tests.regulars.directory.builders import (
    AS_OF,
    HOSTILE,
    SHOP,
    a_buyer,
    a_line,
    a_person,
    a_refund,
    also_in,
    an_order,
    tricky_people,
)

Open = Callable[..., AppTest]
Publish = Callable[..., str]


def said(test: AppTest) -> str:
    """Return every sentence on the screen."""
    kinds = (test.title, test.caption, test.markdown, test.info, test.warning, test.error, test.text, test.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def table(test: AppTest, key: str) -> Any:
    """Return the frame of the table with this in its key."""
    return next(frame.value for frame in test.dataframe if key in frame.proto.id)


def metrics(test: AppTest) -> dict[str, str]:
    """Return the figures on the screen by label."""
    return {metric.label: metric.value for metric in test.metric}


def no_failure(test: AppTest) -> None:
    """Fail with what the app said when something went wrong."""
    assert not test.exception
    assert [error.value for error in test.error] == []


def write_progress(data: Path, state: str, **fields: Any) -> None:
    """Write a sync's progress as the one who runs it does."""
    now = datetime.now(UTC)
    progress = SyncProgress(
        **{"shop": SHOP, "state": state, "stage": "orders", "started_at": now, "updated_at": now} | fields
    )
    file = DataPaths(data).progress(SHOP)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(progress.model_dump_json())


def test_without_a_shop_the_app_names_the_two_ways_to_one(app: Open) -> None:
    """The first thing somebody sees must tell what to do next."""
    test = app()

    no_failure(test)
    assert "regulars demo" in said(test)
    assert "Connect your shop" in said(test)


def test_before_the_first_publish_the_sync_is_followed(app: Open, data: Path) -> None:
    """`regulars up` opens the app at once; until there are data it shows how far the sync is."""
    write_progress(data, "running", done=3_000, total=12_000)

    test = app()

    no_failure(test)
    (bar,) = test.progress
    assert bar.proto.text == "Syncing orders: 3,000 of 12,000"
    assert bar.proto.value == 25


def test_a_failed_first_sync_says_why(app: Open, data: Path) -> None:
    """The sentence of the one who failed is the only one that helps."""
    write_progress(data, "failed", message="The shop refused the key: check WOOCOMMERCE_CONSUMER_KEY.")

    assert "The shop refused the key" in app().error[0].value.replace("\\", "").replace("\u2060", "")


def test_a_sync_that_fell_silent_is_not_shown_as_running(app: Open, data: Path) -> None:
    """A killed sync leaves "running" behind for ever."""
    write_progress(data, "running", updated_at=datetime.now(UTC) - timedelta(minutes=10))

    assert "stopped without a word" in app().warning[0].value


def test_the_app_turns_to_the_data_once_they_are_published(app: Open, data: Path, published: Publish) -> None:
    """Nobody should have to reload the page when the first sync ends."""
    write_progress(data, "running")
    test = app()
    assert test.title[0].value == "Almost there"

    published([a_buyer(1)])
    test.run()

    assert test.title[0].value == "Overview"


def test_an_empty_shop_says_so_on_every_page(app: Open, published: Publish) -> None:
    """A new shop has no customers; that is no error."""
    published([])

    for page in (None, "customers", "segments", "segment"):
        no_failure(app(page))
    assert "no customers yet" in said(app("customers"))


def test_one_person_is_a_list_of_one(app: Open, published: Publish) -> None:
    """The smallest list: one row, no paging."""
    published([a_buyer(1, first_name="Anna", last_name="Ek", net="1234.5", days=12)])

    test = app("customers")

    no_failure(test)
    assert "**1 person** · 1,234.50 EUR net" in said(test)
    assert len(test.get("pagination")) == 0
    row = table(test, "wide").iloc[0].to_dict()
    assert row["customer"] == "Anna Ek · person1@example.com"
    assert row["net"] == "1,234.50 EUR"
    assert row["rfm"] == "Loyal"


def test_many_people_are_paged_and_every_filter_stands_in_the_address(app: Open, published: Publish) -> None:
    """A filtered list is a link that can be kept."""
    published([a_buyer(n, net=str(n), rfm_group="Lost" if n % 2 else "New") for n in range(1, 81)])

    test = app("customers", rfm="Lost", sort="-net", page="2")

    no_failure(test)
    assert "40 of 80 people" in said(test)
    assert table(test, "wide")["net"].tolist()[0] == "51.00 EUR"
    test.text_input(key="q").set_value("First77").run()
    assert "1 of 80 people" in said(test)
    assert dict(test.query_params) == {"q": "First77", "rfm": "Lost", "sort": "-net"}


@pytest.mark.parametrize(
    "address",
    [
        {"page": "x"},
        {"page": "-3"},
        {"page": "9" * 30},
        {"page": "9" * 5000},
        {"sort": "drop table"},
        {"rfm": "Nobodies"},
        {"segment": "gone"},
    ],
)
def test_an_address_that_makes_no_sense_shows_the_whole_list(
    app: Open, published: Publish, address: dict[str, str]
) -> None:
    """Addresses are typed, cut and kept for years."""
    published([a_buyer(n) for n in range(1, 31)])

    test = app("customers", **address)

    no_failure(test)
    assert "30 people" in said(test)


def test_saved_segments_filter_the_list_with_the_count_of_their_card(app: Open, published: Publish) -> None:
    """The same number everywhere, or nobody trusts any of them."""
    published([a_buyer(n, orders=6 if n <= 7 else 2, days=20) for n in range(1, 31)])
    cards = app("segments")
    assert metrics(cards)["840.00 EUR net"] == "7 people"

    test = app("customers", segment="frequent-buyers")

    assert "7 of 30 people" in said(test)


def test_a_link_with_a_deleted_segment_says_that_it_filters_nothing(app: Open, published: Publish) -> None:
    """Whoever opens an old link must not take everybody for the segment's people."""
    published([a_buyer(1)])

    test = app("customers", segment="gone")

    assert [warning.value for warning in test.warning] == ["A segment in this address was deleted; it filters nothing."]
    assert app("customers", segment="vip").warning == []


def test_nobody_matches_is_a_sentence_with_a_way_back(app: Open, published: Publish) -> None:
    """An empty table tells nothing."""
    published([a_buyer(1)])
    test = app("customers", q="zzz")
    assert "Nobody matches" in said(test)

    test.button[0].click().run()

    assert "1 person" in said(test)


def test_tricky_names_are_shown_as_the_text_they_are(app: Open, published: Publish) -> None:
    """A name is never a link, Markdown, HTML or LaTeX, and cannot break the line it stands in."""
    published(tricky_people())

    test = app("customers")

    no_failure(test)
    names = table(test, "wide")["customer"].tolist()
    assert f"{HOSTILE} · <b>x</b>@example.com" in names
    assert "No name" in names
    assert "Dora Deleted (deleted) · person10@example.com" in names
    assert all("\n" not in name and "\r" not in name for name in names)


@pytest.mark.parametrize("person", tricky_people(), ids=lambda person: str(person["customer_key"]))
def test_every_tricky_person_has_a_profile(app: Open, published: Publish, person: dict[str, Any]) -> None:
    """Gaps, odd names, negative sums: each profile opens."""
    published(tricky_people())

    no_failure(app("customer", customer=person["customer_key"]))


def test_a_profile_tells_who_what_and_how_much(app: Open, published: Publish) -> None:
    """The link in a mail opens the whole person: contacts, sums, orders, refunds, scores."""
    person = a_buyer(
        1, first_name="Anna", last_name="Ek", net="95.00", refunded="25.00", phone="+46 8 1", orders=2, days=12
    )
    address = {
        "first_name": "Anna",
        "last_name": "Ek",
        "address_1": "Storgatan 1",
        "postcode": "111 22",
        "city": "Stockholm",
    }
    person["billing"] = dict.fromkeys(("company", "address_2", "state", "country", "email", "phone"), "") | address
    published(
        [person],
        more_currencies=[also_in(person, "USD", "30.5")],
        orders=[an_order(11, "woo:1"), an_order(12, "woo:1", status="refunded", created_at=AS_OF - timedelta(days=50))],
        order_lines=[a_line(11, 1)],
        refunds=[a_refund(5, 12, "woo:1", "25.00", reason=HOSTILE)],
        about={"live": False},
    )

    test = app("customer", customer="woo:1")

    no_failure(test)
    assert metrics(test) == {
        "Net": "95.00 EUR",
        "Orders": "2",
        "Average order": "47.50 EUR",
        "Last order": "12 days ago",
        "Gross of 2 orders, EUR": "120.00 EUR",
        "− Refunded, EUR": "25.00 EUR",
        "= Net, EUR": "95.00 EUR",
        "Gross of 1 order, USD": "30.50 USD",
        "− Refunded, USD": "0.00 USD",
        "= Net, USD": "30.50 USD",
    }
    shown = said(test)
    assert "Storgatan 1\n111 22 Stockholm" in shown
    assert "+46 8 1" in shown
    assert "Recency 5 of 5 · Frequency 3 of 5 · Monetary 4 of 5" in shown
    assert "Buy often or spend much" in shown
    assert table(test, "orders-woo")["number"].tolist() == ["11", "12"]


def test_a_guest_has_no_account_that_was_created(app: Open, published: Publish) -> None:
    """What is known of a guest begins with the first order, and the shop has no account to look for."""
    key = "guest:0f3a9c2b11d04e77"
    people = [a_buyer(1), a_buyer(2, customer_key=key, woocommerce_id=None, created_at=AS_OF - timedelta(days=30))]
    published(people, orders=[an_order(11, key), an_order(12, "woo:1")])

    def events(person: str) -> list[str]:
        test = app("customer", customer=person)
        (frame,) = [frame.value for frame in test.dataframe if "what" in frame.value]
        return list(frame["what"])

    assert events("woo:1") == ["Order 12, completed", "Account created"]
    assert events(key) == ["Order 11, completed"]


def test_a_currency_is_shown_as_text(app: Open, published: Publish) -> None:
    """It comes out of the shop's orders, as names do, and labels read Markdown."""
    published([a_buyer(1, currency="**X**")], orders=[an_order(11, "woo:1", currency="**X**")])

    test = app("customer", customer="woo:1")

    no_failure(test)
    assert "= Net, \\*\\*X\\*\\*" in metrics(test)


def test_the_mean_of_a_currency_goes_over_those_who_paid_in_it(app: Open, published: Publish) -> None:
    """Divided by everybody, a shop that sells in two currencies would look poorer in both."""
    crowns = a_buyer(3, net="900.00", currency="SEK")
    people = [a_buyer(1, net="30.00"), a_buyer(2, net="60.00"), crowns, a_buyer(4, currency="SEK")]
    published(people, more_currencies=[also_in(crowns, "EUR", "6.00")])

    test = app()

    no_failure(test)
    assert metrics(test)["Net a buyer"] == "32.00 EUR"
    assert metrics(test)["With orders"] == "4"


def test_a_link_to_a_person_works_on_any_page(app: Open, published: Publish) -> None:
    """`?customer=woo:12` is what people copy, whatever stood before it."""
    published([a_buyer(12, first_name="Anna", last_name="Ek")])

    assert app(None, customer="woo:12").title[0].value == "Anna Ek"
    assert app("segments", customer="woo:12").title[0].value == "Anna Ek"


def test_an_unknown_person_is_a_sentence(app: Open, published: Publish) -> None:
    """Links get old."""
    published([a_buyer(1)])

    test = app("customer", customer="woo:404")

    assert "Nobody in this shop has this key" in test.warning[0].value
    assert test.button[0].label == "All customers"


def test_notes_and_tags_last(app: Open, published: Publish) -> None:
    """What people write is there after a restart of the app, and the list can be filtered by it at once."""
    published([a_buyer(1), a_buyer(2)])
    test = app("customer", customer="woo:1")
    test.text_area[0].set_value("Likes **green** tea <script>").run()
    next(button for button in test.button if button.label == "Add note").click().run()
    test.multiselect[0].set_value(["Tea lover"]).run()
    no_failure(test)
    assert test.text_area[0].value == ""

    import streamlit as st

    st.cache_resource.clear()
    test = app("customer", customer="woo:1")

    assert "Likes **green** tea <script>" in [text.value for text in test.text]
    assert test.multiselect[0].value == ["Tea lover"]
    assert "1 of 2 people" in said(app("customers", tag="Tea lover"))


def test_a_note_can_be_edited_and_a_stale_edit_is_refused_without_losing_the_text(
    app: Open, published: Publish
) -> None:
    """Two people edit one note: the second is told, and keeps what was typed."""
    published([a_buyer(1)])
    store = reads.records()
    note = store.add_note(SHOP, "woo:1", "first", "ann")
    test = app("customer", customer="woo:1")
    test.button(key=f"edit-{note.id}").click().run()
    store.edit_note(note.id, "second, by somebody else", "bo", note.version)

    test.text_area(key=f"text-{note.id}").set_value("third").run()
    test.button(key=f"save-{note.id}").click().run()

    assert len(test.error) == 1
    assert test.text_area(key=f"text-{note.id}").value == "third"
    test.button(key=f"cancel-{note.id}").click().run()
    test.button(key=f"edit-{note.id}").click().run()
    test.text_area(key=f"text-{note.id}").set_value("third").run()
    test.button(key=f"save-{note.id}").click().run()
    assert [note.text for note in store.notes(SHOP, "woo:1")] == ["third"]


def test_an_empty_note_is_refused_in_a_sentence(app: Open, published: Publish) -> None:
    """Pressing the button by accident writes nothing."""
    published([a_buyer(1)])
    test = app("customer", customer="woo:1")

    next(button for button in test.button if button.label == "Add note").click().run()

    assert len(test.error) == 1
    assert reads.records().notes(SHOP, "woo:1") == []


def test_the_builder_counts_while_rows_change(app: Open, published: Publish) -> None:
    """Count, revenue and people follow each change; the text says the same as the rows."""
    published([a_buyer(n, orders=n, net=str(10 * n)) for n in range(1, 11)])
    test = app("segment")
    assert metrics(test) == {"People": "8", "Net": "520.00 EUR", "Of all people": "80.0%"}
    turn = test.session_state["rule_turn"]

    test.text_input(key=f"rule-value-{turn}-0").set_value("9").run()

    no_failure(test)
    assert test.text_input(key="rule").value == "orders_count >= 9"
    assert metrics(test) == {"People": "2", "Net": "190.00 EUR", "Of all people": "20.0%"}
    assert len(test.dataframe[0].value) == 2


def test_the_builder_follows_its_text(app: Open, published: Publish) -> None:
    """Who prefers to write sees the rows follow."""
    published([a_buyer(n, orders=n, days=n * 10) for n in range(1, 11)])
    test = app("segment")

    test.text_input(key="rule").set_value("orders_count >= 5 or last_order within 25 days").run()

    no_failure(test)
    assert metrics(test)["People"] == "8"
    assert test.get("button_group")[0].value == "or"
    turn = test.session_state["rule_turn"]
    assert test.selectbox(key=f"rule-op-{turn}-1").value == "within"
    assert test.text_input(key=f"rule-value-{turn}-1").value == "25"


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("", "The rule is empty"),
        ("orders_count >=", "end of the rule"),
        ("ordrs > 3", "orders"),
        ("orders_count >= **bold**", ""),
    ],
)
def test_a_rule_that_cannot_be_read_is_a_sentence(app: Open, published: Publish, rule: str, sentence: str) -> None:
    """Half-typed rules are the usual case: no traceback, no count of something else."""
    published([a_buyer(1)])
    test = app("segment")

    test.text_input(key="rule").set_value(rule).run()

    assert not test.exception
    assert len(test.error) == 1
    assert sentence in test.error[0].value.replace("\\", "")
    assert metrics(test) == {}
    assert next(button for button in test.button if button.label == "Save").disabled


def test_a_segment_is_saved_used_changed_and_deleted(app: Open, published: Publish) -> None:
    """The whole life of a segment, as somebody lives it on the screen."""
    published([a_buyer(n, orders=n) for n in range(1, 11)])
    test = app("segment")
    test.text_input(key="rule").set_value("orders_count >= 10").run()
    test.text_input(key="segment_name").set_value("Tea *lovers*").run()
    next(button for button in test.button if button.label == "Save").click().run()
    no_failure(test)
    assert test.title[0].value == "Segments"
    (saved,) = [segment for segment in reads.segments(SHOP) if segment.name == "Tea *lovers*"]
    assert saved.rule == "orders_count >= 10"
    assert "1 of 10 people" in said(app("customers", segment=saved.id))

    test = app("segment", id=saved.id)
    test.text_input(key="rule").set_value("orders_count >= 9").run()
    next(button for button in test.button if button.label == "Save").click().run()
    assert "2 of 10 people" in said(app("customers", segment=saved.id))

    test = app("segment", id=saved.id)
    next(button for button in test.button if button.label == "Delete this segment").click().run()
    no_failure(test)
    assert saved.id not in [segment.id for segment in reads.segments(SHOP)]
    assert "no segment" in said(app("segment", id=saved.id)).lower() or app("segment", id=saved.id).warning


def test_two_people_editing_one_segment_do_not_overwrite_each_other(app: Open, published: Publish) -> None:
    """The second to save is told, and nothing is lost."""
    published([a_buyer(1)])
    test = app("segment", id="vip")
    segment = reads.segment(SHOP, "vip")
    reads.records().edit_segment(SHOP, "vip", name="VIP", rule="m = 5", author="bo", expected_version=segment.version)

    test.text_input(key="rule").set_value("m >= 4").run()
    next(button for button in test.button if button.label == "Save").click().run()

    assert len(test.error) == 1
    assert reads.segment(SHOP, "vip").rule == "m = 5"


def test_a_rule_with_groups_is_edited_as_text(app: Open, published: Publish) -> None:
    """Rows show one level; a nested rule must not be flattened into another meaning."""
    published([a_buyer(n, orders=n) for n in range(1, 4)])
    test = app("segment")

    test.text_input(key="rule").set_value('orders_count = 1 or (orders_count >= 2 and not country = "FR")').run()

    no_failure(test)
    assert "edit it as text" in said(test)
    assert metrics(test)["People"] == "3"


def test_several_shops_are_chosen_in_the_sidebar_and_named_in_addresses(app: Open, published: Publish) -> None:
    """A link to a person of one shop must not open somebody of the other."""
    published(
        [a_buyer(1, first_name="Anna", last_name="Ek")], shop="north", about={"shop": "north", "shop_name": "North"}
    )
    published(
        [a_buyer(1, first_name="Bo", last_name="Li")], shop="south", about={"shop": "south", "shop_name": "South"}
    )

    test = app("customer", customer="woo:1", shop="south")

    no_failure(test)
    assert test.title[0].value == "Bo Li"
    assert test.sidebar.selectbox[0].value == "south"
    assert "shop" in app("customers").query_params


def test_figures_of_a_past_day_say_so(app: Open, published: Publish) -> None:
    """Nobody may take last year's figures for today's."""
    published([a_buyer(1, days=12)], about={"live": False})

    test = app("customers")

    assert "As of 12 Nov 2026" in said(test)
    assert table(test, "wide")["last_order"].tolist() == ["12 days ago · 31 Oct 2026"]


def test_an_unexpected_failure_is_a_sentence_with_a_reference_and_no_data(
    app: Open, published: Publish, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """People read a sentence, whoever looks after the app finds the place; a customer's data are in neither."""
    published([a_buyer(1)])

    def broken(shop: str, query: object) -> None:
        raise ValueError("anna.secret@example.com could not be read")

    monkeypatch.setattr(reads, "people", broken)
    with caplog.at_level(logging.ERROR, logger="regulars.app"):
        test = app("customers")

    assert not test.exception
    (sentence,) = [error.value for error in test.error]
    reference = sentence.split("reference ")[1].split(".")[0]
    assert "anna" not in sentence
    assert reference in caplog.text
    assert "test_app_views.py" in caplog.text
    assert "anna" not in caplog.text


def test_data_of_a_newer_version_are_a_sentence(app: Open, data: Path, published: Publish) -> None:
    """An older app over newer data says to update, on every page."""
    version = published([a_buyer(1)])
    file = data / "published" / SHOP / version / "manifest.json"
    file.write_text(file.read_text().replace('"schema_version": 1', '"schema_version": 2'))

    assert "update Regulars" in app("customers").error[0].value


def test_people_without_orders_have_no_figures_made_up(app: Open, published: Publish) -> None:
    """Unknown is a dash, zero is 0."""
    published([a_person(1, first_name="Nora", last_name="Never")])

    test = app("customer", customer="woo:1")

    no_failure(test)
    assert metrics(test) == {"Net": "–", "Orders": "0", "Average order": "–", "Last order": "–"}
