"""The list of customers: search, filters, address, columns, ticked rows, tags and deletions here."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit import actions, reads
from regulars.directory.query import PeopleQuery
from tests.app_streamlit.test_app_views import metrics, no_failure, said, table
from tests.regulars.directory.builders import HOSTILE, SHOP, a_buyer, tricky_people

Open = Callable[..., AppTest]
Publish = Callable[..., str]


def button(test: AppTest, label: str) -> Any:
    """Return the button whose label begins with this."""
    return next(found for found in test.button if found.label.replace("\\", "").startswith(label))


def labels(test: AppTest) -> list[str]:
    """Return the words on all buttons, without what keeps Markdown away."""
    return [found.label.replace("\\", "").replace("\u2060", "") for found in test.button]


def tick(test: AppTest, *rows: int) -> AppTest:
    """Tick the boxes of these rows, as a hand does."""
    rows_shown = test.session_state["_list_rows"]
    test.session_state["_list_chosen"] = tuple(rows_shown[row][0] for row in rows)
    return test.run()


def keep_open(test: AppTest, dialog: str, asked: Any) -> AppTest:
    """Open a dialog again in the next run: here every click runs the whole page, which closes it in a browser, too."""
    test.session_state[dialog] = asked
    return test


def tagged(tag: str) -> set[str]:
    """Return who has this tag."""
    return {key for key, tags in reads.records().tags(SHOP).items() if tag in tags}


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


def test_ticked_people_are_deleted_here_after_a_question_and_come_back_by_undo(app: Open, published: Publish) -> None:
    """Deleting must never be one slip of the hand, and never touch the shop."""
    published([a_buyer(n, last_name=f"Person{n}", net=str(n)) for n in range(1, 5)])
    test = tick(app("customers"), 0, 1)
    assert "2 selected" in said(test)

    button(test, "Delete").click().run()
    assert "The shop keeps the account" in said(test)
    assert reads.records().hidden(SHOP) == {}
    keep_open(test, "_list_delete", (SHOP, ("woo:4", "woo:3"))).button(key="delete-yes").click().run()

    no_failure(test)
    assert set(reads.records().hidden(SHOP)) == {"woo:4", "woo:3"}
    assert "**2 people**" in said(test)
    button(test, "Undo").click().run()
    assert reads.records().hidden(SHOP) == {}
    assert "**4 people**" in said(test)


def test_the_list_of_the_deleted_shows_them_again(app: Open, published: Publish) -> None:
    """Without it a deletion here would be for good."""
    published([a_buyer(n) for n in range(1, 4)])
    actions.hide(SHOP, "woo:2")

    test = app("customers", hidden="1")

    assert "1 person deleted here" in said(test)
    assert "deleted here ✕" in labels(test)
    assert table(test, "wide")["actions"].tolist()[0].tolist() == ["View", "Show again"]
    button(tick(test, 0), "Show again").click().run()
    assert reads.records().hidden(SHOP) == {}
    assert "Nobody was deleted here" in said(test)


def test_everybody_who_matches_is_tagged_at_once_and_it_can_be_undone(app: Open, published: Publish) -> None:
    """A campaign tags hundreds, not the page; and one wrong click must not leave them so."""
    published([a_buyer(n, country="AT" if n <= 30 else "DE") for n in range(1, 41)])
    actions.tag_people(SHOP, ["woo:1"], "spring")
    test = app("customers", country="AT")

    button(test, "Tag…").click().run()
    keep_open(test, "_tag_asked", "people").selectbox(key="tag-which-True").set_value("spring").run()
    button(keep_open(test, "_tag_asked", "people"), "Tag 30 people").click().run()

    no_failure(test)
    assert tagged("spring") == {f"woo:{n}" for n in range(1, 31)}
    assert "29 people tagged" in said(test).replace("\\", "")
    assert "1 person had it before" in said(test).replace("\\", "")
    button(test, "Undo").click().run()
    assert tagged("spring") == {"woo:1"}


def test_a_tag_is_taken_from_the_ticked_alone(app: Open, published: Publish) -> None:
    """Taking away is as common as giving, and just as easy to get wrong."""
    published([a_buyer(n, net=str(n)) for n in range(1, 6)])
    actions.tag_people(SHOP, [f"woo:{n}" for n in range(1, 6)], "spring")
    test = tick(app("customers"), 0, 2)

    test.button(key="selected-tag").click().run()
    keep_open(test, "_tag_asked", "people").segmented_control(key="tag-what").set_value("Take the tag away").run()
    keep_open(test, "_tag_asked", "people").selectbox(key="tag-which-False").set_value("spring").run()
    button(keep_open(test, "_tag_asked", "people"), "Take it from 2 people").click().run()

    no_failure(test)
    assert tagged("spring") == {"woo:1", "woo:2", "woo:4"}


def test_a_tag_is_renamed_for_all_and_the_list_goes_on_with_the_new_name(app: Open, published: Publish) -> None:
    """Two spellings of one tag are two half lists."""
    published([a_buyer(n) for n in range(1, 4)])
    actions.tag_people(SHOP, ["woo:1", "woo:2"], "b2b")
    actions.tag_people(SHOP, ["woo:3"], "Business")
    test = app("customers", tag="b2b")

    button(test, "Manage tags").click().run()
    keep_open(test, "_tag_asked", "names").selectbox(key="tags-which").set_value("b2b").run()
    keep_open(test, "_tag_asked", "names").text_input(key="tags-new-b2b").set_value("business").run()
    assert any("become one tag" in warning.value for warning in test.warning)
    button(keep_open(test, "_tag_asked", "names"), "Make them one").click().run()

    no_failure(test)
    assert tagged("Business") == {"woo:1", "woo:2", "woo:3"}


def test_filters_become_a_segment_with_the_count_of_the_list(app: Open, published: Publish) -> None:
    """What was found once should find itself from now on."""
    published([a_buyer(n, orders=n, country="AT" if n % 2 else "DE") for n in range(1, 11)])
    test = app("customers", country="AT", rule="orders_count >= 4", segment="frequent-buyers")
    assert "3 of 10 people" in said(test)

    button(test, "Save as segment").click().run()

    no_failure(test)
    assert test.title[0].value == "New segment"
    assert metrics(test)["People"] == "3"


def test_what_no_rule_can_say_is_named_before_it_is_left_out(app: Open, published: Publish) -> None:
    """A segment that silently means more people than the list would be trusted."""
    published([a_buyer(n, orders=n) for n in range(1, 11)])
    test = app("customers", q="person1", rule="orders_count >= 4")

    button(test, "Save as segment").click().run()

    assert test.title[0].value == "Customers"
    assert any("The search" in warning.value for warning in test.warning)
    button(keep_open(test, "_save_asked", asked=True), "Go on without it").click().run()
    assert test.text_input(key="rule").value == "orders_count >= 4"


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
