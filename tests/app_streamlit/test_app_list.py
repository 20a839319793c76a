"""The list of customers: search, filters, address, columns, ticked rows, tags and deletions here."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit import actions, reads
from regulars.directory.query import PeopleQuery
from tests.app_streamlit.test_app_views import metrics, no_failure, said, table
from tests.regulars.directory.builders import HOSTILE, SHOP, a_buyer, a_line, an_order, tricky_people

Open = Callable[..., AppTest]
Publish = Callable[..., str]


def button(test: AppTest, label: str) -> Any:
    """Return the button whose label begins with this."""
    return next(found for found in test.button if found.label.replace("\\", "").startswith(label))


def labels(test: AppTest) -> list[str]:
    """Return the words on all buttons, without what keeps Markdown away."""
    return [found.label.replace("\\", "").replace("\u2060", "") for found in test.button]


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

    assert [warning.value for warning in test.warning] == [
        "A segment in this address was deleted\\; it filters nothing\\."
    ]
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
    assert f"{HOSTILE[:27]}… · <b>x</b>@e…" in names  # both are long, and both have a part of the cell
    assert "No name" in names
    assert "Dora Deleted (deleted) · person10@example…" in names
    assert all("\n" not in name and "\r" not in name for name in names)


def test_each_filter_is_a_chip_that_reads_as_the_rule_it_is_and_goes_with_one_click(
    app: Open, published: Publish
) -> None:
    """Whoever opens a link must see what the list leaves out, and be able to widen it."""
    published([a_buyer(n, orders=n, country="AT" if n % 2 else "DE") for n in range(1, 11)])
    actions.tag_people(SHOP, ["woo:3", "woo:5", "woo:7"], "b2b")

    test = app("customers", rule="orders_count >= 4 and total_spent > 1", country="AT", tag="b2b", rfm="Loyal")

    no_failure(test)
    assert "2 of 10 people" in said(test)
    for chip in ("RFM group: Loyal ✕", "tag: b2b ✕", "country: AT ✕", "at least 4 orders ✕", "total spent above 1 ✕"):
        assert chip in labels(test)
    button(test, "at least 4 orders").click().run()
    assert "3 of 10 people" in said(test)
    assert dict(test.query_params)["rule"] == "total_spent > 1"
    button(test, "Clear all").click().run()
    assert "**10 people**" in said(test)
    assert dict(test.query_params) == {}


def test_a_rule_that_cannot_be_read_filters_nothing_and_says_so(app: Open, published: Publish) -> None:
    """Half a rule in a cut link must not pass for the whole list."""
    published([a_buyer(n) for n in range(1, 4)])

    test = app("customers", rule="orders_count >=")

    no_failure(test)
    assert "cannot be read, so it filters nothing" in test.warning[0].value.replace("\\", "")
    assert "**3 people**" in said(test)


def test_a_rule_typed_into_the_filters_narrows_the_list(app: Open, published: Publish) -> None:
    """Some questions are faster typed than clicked; a wrong one is a sentence and changes nothing."""
    published([a_buyer(n, orders=n) for n in range(1, 11)])
    test = app("customers")
    test.session_state["filters"] = True
    test.run()

    test.text_input(key="filter-rule").set_value("orders_count >= ").run()
    assert test.error
    assert "10 people" in said(test)
    test.text_input(key="filter-rule").set_value("orders_count >= 9").run()

    no_failure(test)
    assert "2 of 10 people" in said(test)
    assert dict(test.query_params) == {"rule": "orders_count >= 9"}


def test_columns_are_chosen_and_stay_in_the_address(app: Open, published: Publish) -> None:
    """A list for the phone calls of a morning needs other columns than one for a report."""
    published([a_buyer(1, phone="+49 30 1")])

    test = app("customers", columns="phone,city,nonsense")

    assert table(test, "wide").columns.tolist() == ["customer", "city", "phone", "actions"]
    assert table(test, "wide")["phone"].tolist() == ["+49 30 1"]
    assert table(test, "narrow").columns.tolist() == ["customer", "net", "last_order"]


def test_the_page_has_as_many_rows_as_the_settings_say(
    app: Open, published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page sizes are configured, not written into a view."""
    monkeypatch.setenv("REGULARS_PAGE_SIZE", "7")
    published([a_buyer(n) for n in range(1, 21)])

    assert len(table(app("customers"), "wide")) == 7


@pytest.mark.parametrize("tag", ["**b** :smile: [x](y)", "=1+1", "a, b"])
def test_tags_of_any_text_filter_and_show_as_text(app: Open, published: Publish, tag: str) -> None:
    """A tag is what somebody typed."""
    published([a_buyer(n) for n in range(1, 4)])
    actions.tag_people(SHOP, ["woo:1"], tag)

    test = app("customers", tag=tag)

    no_failure(test)
    assert "1 of 3 people" in said(test)
    assert f"tag: {tag} ✕" in labels(test)


def test_the_list_asks_for_no_more_than_its_page(
    app: Open, published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a million people a key press must not count segments, read all tags or sort everybody for an export."""
    published([a_buyer(n) for n in range(1, 31)])
    test = app("customers")
    asked: list[PeopleQuery] = []
    people = reads.people
    monkeypatch.setattr(reads, "people", lambda shop, query: asked.append(query) or people(shop, query))
    for costly in ("segment_counts", "tag_counts", "tags_in_use", "everyone", "keys", "countries"):
        monkeypatch.setattr(reads, costly, lambda *_: pytest.fail("too much for a key press"))

    test.text_input(key="q").set_value("person1").run()

    no_failure(test)
    assert [query.search for query in asked] == ["person1"]


def test_a_rule_in_the_filters_may_ask_for_orders_products_and_segments(app: Open, published: Publish) -> None:
    """Lists speak the whole language: what was found there becomes a segment as it is."""
    orders = [an_order(n, "woo:7") for n in (11, 12)]
    published([a_buyer(n, orders=n) for n in range(1, 9)], orders=orders, order_lines=[a_line(11, 1)])
    test = app("customers")
    test.session_state["filters"] = True
    test.run()
    rule = 'orders(count >= 2) and bought(product = "green tea") and in_segment("Frequent BUYERS")'

    test.text_input(key="filter-rule").set_value(rule).run()

    no_failure(test)
    assert "1 of 8 people" in said(test)
    assert dict(test.query_params)["rule"] == rule.replace("Frequent BUYERS", "frequent-buyers")
    assert len([chip for chip in test.button if str(chip.key).startswith("chip-") and chip.key != "chips-clear"]) == 3
    assert "in the segment “Frequent buyers” ✕" in labels(test)


@pytest.mark.parametrize("rule", ['in_segment("gone")', 'in_segment("vip")'])
def test_a_rule_that_asks_for_a_segment_that_cannot_be_evaluated_filters_nothing(
    app: Open, published: Publish, rule: str
) -> None:
    """Links to a list outlive the segments in them; the list must still open and say what is missing."""
    published([a_buyer(n, orders=n) for n in range(1, 4)])
    reads.segments(SHOP)
    with sqlite3.connect(reads.paths().records) as connection:  # as a rule of another release looks to this one
        connection.execute("UPDATE segments SET rule = 'no_such_field >= 1' WHERE id = 'vip'")

    test = app("customers", rule=rule, segment="vip")

    assert not test.exception
    assert "filters nothing" in test.warning[0].value
    assert "3 people" in said(test)
    test.session_state["filters"] = True
    assert "VIP" not in test.run().multiselect(key="filter-segments").options
