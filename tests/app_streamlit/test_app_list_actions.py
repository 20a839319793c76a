"""What is done with people of the list: deleted here and shown again, tagged and undone, saved as a segment."""

from typing import Any

from streamlit.testing.v1 import AppTest

from app_streamlit import actions, reads
from tests.app_streamlit.test_app_list import Open, Publish, button, labels
from tests.app_streamlit.test_app_views import metrics, no_failure, said, table
from tests.regulars.directory.builders import SHOP, a_buyer


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
