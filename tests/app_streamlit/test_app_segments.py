"""Segments: cards, the builder by clicks and by text, and two people at one segment."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit import actions, reads
from tests.app_streamlit.test_app_views import metrics, no_failure, said
from tests.regulars.directory.builders import SHOP, a_buyer

Open = Callable[..., AppTest]
Publish = Callable[..., str]


def button(test: AppTest, label: str) -> Any:
    """Return the button with exactly these words."""
    return next(found for found in test.button if found.label == label)


def test_the_builder_counts_while_rows_change(app: Open, published: Publish) -> None:
    """Count, revenue and people follow each change; the text says the same as the rows."""
    published([a_buyer(n, orders=n, net=str(10 * n)) for n in range(1, 11)])
    test = app("segment")
    assert metrics(test) == {"People": "8", "Net": "520.00 EUR", "Of all people": "80.0 %"}
    turn = test.session_state["rule_turn"]

    test.text_input(key=f"rule-value-{turn}-0").set_value("9").run()

    no_failure(test)
    assert test.text_input(key="rule").value == "orders_count >= 9"
    assert metrics(test) == {"People": "2", "Net": "190.00 EUR", "Of all people": "20.0 %"}
    assert len(test.dataframe[0].value) == 2


def test_the_builder_follows_its_text(app: Open, published: Publish) -> None:
    """Who prefers to write sees the rows follow."""
    published([a_buyer(n, orders=n, days=n * 10) for n in range(1, 11)])
    test = app("segment")

    test.text_input(key="rule").set_value("orders_count >= 5 or last_order within 25 days").run()

    no_failure(test)
    assert metrics(test)["People"] == "8"
    turn = test.session_state["rule_turn"]
    assert test.selectbox(key=f"rule-join-{turn}").value == "or"
    assert test.selectbox(key=f"rule-op-{turn}-1").value == "within"
    assert test.text_input(key=f"rule-value-{turn}-1").value == "25"


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("", "The rule is empty"),
        ("orders_count >=", "The rule stops too early; what comes next is a value"),
        (
            "orders_count >= 3 vip",
            "“vip” does not fit here; what fits is “and”, “or” or the end of the rule (at character 19).",
        ),
        ("ordrs > 3", "orders"),
        ("orders_count >= **bold**", ""),
    ],
)
def test_a_rule_that_cannot_be_read_is_a_sentence(app: Open, published: Publish, rule: str, sentence: str) -> None:
    """Half-typed rules are the usual case: no traceback, and the count that stays is told to be of the rule before."""
    published([a_buyer(1)])
    test = app("segment")

    test.text_input(key="rule").set_value(rule).run()

    assert not test.exception
    assert len(test.error) == 1
    assert sentence in test.error[0].value.replace("\\", "")
    assert "This is the count of the last rule that could be read." in said(test)
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
    button(test, "Delete").click().run()
    assert "nobody's notes" in said(test)
    actions.delete_segment(reads.segment(SHOP, saved.id))
    no_failure(test)
    assert saved.id not in [segment.id for segment in reads.segments(SHOP)]
    assert "no segment" in said(app("segment", id=saved.id)).lower() or app("segment", id=saved.id).warning


def met(app: Open) -> AppTest:
    """Return the builder after saving met the version that somebody else saved in between."""
    test = app("segment", id="vip")
    reads.records().edit_segment(SHOP, "vip", name="VIP", rule="m = 5", author="bo", expected_version=1)
    test.text_input(key="rule").set_value("m >= 4").run()
    button(test, "Save").click().run()
    return test


def test_two_people_editing_one_segment_see_both_versions_and_lose_nothing(app: Open, published: Publish) -> None:
    """The second to save is told; what was typed stays in the form until somebody chooses."""
    published([a_buyer(1)])

    test = met(app)

    assert not test.exception
    assert reads.segment(SHOP, "vip").rule == "m = 5"
    assert "saved this segment in between" in test.warning[0].value
    assert {"money score is 5", "money score at least 4"} <= {text.value for text in test.text}
    assert test.text_input(key="rule").value == "m >= 4"


def test_mine_is_saved_over_theirs_on_purpose(app: Open, published: Publish) -> None:
    """Having seen both, one may be right."""
    published([a_buyer(1)])
    test = met(app)

    test.button(key="conflict-mine").click().run()

    no_failure(test)
    assert test.title[0].value == "Segments"
    assert [version.rule for version in reads.segment_history(SHOP, "vip")][1:] == ["m = 5", "m >= 4"]


def test_theirs_is_taken_into_the_form(app: Open, published: Publish) -> None:
    """Having seen both, the other may be right; saving goes on from it."""
    published([a_buyer(1)])
    test = met(app)

    test.button(key="conflict-theirs").click().run()

    no_failure(test)
    assert test.text_input(key="rule").value == "m = 5"
    button(test, "Save").click().run()
    assert reads.segment(SHOP, "vip").version == 3


def test_a_segment_deleted_by_somebody_else_is_saved_as_a_new_one(app: Open, published: Publish) -> None:
    """An hour of work on a rule must not be lost to somebody's tidying."""
    published([a_buyer(1)])
    test = app("segment", id="vip")
    actions.delete_segment(reads.segment(SHOP, "vip"))
    test.text_input(key="rule").set_value("m >= 3").run()
    button(test, "Save").click().run()
    assert "the segment is deleted" in said(test)

    button(test, "Save mine as a new segment").click().run()

    no_failure(test)
    assert test.title[0].value == "Segments"
    assert [(one.name, one.rule) for one in reads.segments(SHOP)][-1] == ("VIP", "m >= 3")


def test_a_group_is_clicked_together_and_the_text_follows(app: Open, published: Publish) -> None:
    """An "or" within an "and" is the first thing anybody needs beyond a list of conditions."""
    published([a_buyer(n, orders=n, net=str(50 * n), days=100 * n) for n in range(1, 11)])
    test = app("segment")

    button(test, "Add a group").click().run()

    no_failure(test)
    assert (
        test.text_input(key="rule").value == "orders_count >= 3 and (total_spent >= 200 or last_order within 90 days)"
    )
    assert metrics(test)["People"] == "7"
    turn = test.session_state["rule_turn"]
    test.selectbox(key=f"rule-join-{turn}-1").set_value("not or").run()
    assert test.text_input(key="rule").value.endswith("and not (total_spent >= 200 or last_order within 90 days)")
    assert metrics(test)["People"] == "1"
    test.button(key="rule-ungroup-1").click().run()
    assert test.text_input(key="rule").value == "orders_count >= 3"


def test_a_value_that_does_not_fit_is_a_sentence_at_its_row_and_nothing_can_be_saved(
    app: Open, published: Publish
) -> None:
    """The text keeps the last rule that could be read; saving it would save something else than is on the screen."""
    published([a_buyer(1)])
    test = app("segment")
    turn = test.session_state["rule_turn"]

    test.text_input(key=f"rule-value-{turn}-0").set_value("many").run()

    assert not test.exception
    assert "takes a whole number" in said(test)
    assert "This is the count of the last rule that could be read." in said(test)
    assert button(test, "Save").disabled


def test_a_rule_that_nests_deeper_than_boxes_do_is_edited_as_text(app: Open, published: Publish) -> None:
    """A rule that nests deeper than the boxes must not be flattened into another meaning."""
    published([a_buyer(n, orders=n) for n in range(1, 4)])
    test = app("segment")

    test.text_input(key="rule").set_value(
        'orders_count = 1 or (m = 5 and (f = 5 or (r = 5 and (r = 4 or f = 4)))) or not country = "FR"'
    ).run()

    no_failure(test)
    assert "Edit it as text" in said(test)
    assert metrics(test)["People"] == "3"


def test_cards_are_sorted_by_people_and_say_the_share_of_all(app: Open, published: Publish) -> None:
    """The biggest group is what most decisions are about."""
    published([a_buyer(n, orders=6 if n <= 7 else 2, days=20) for n in range(1, 11)])
    actions.hide(SHOP, "woo:10")

    test = app("segments")

    no_failure(test)
    assert test.subheader[0].value == "Frequent buyers"
    assert "77.8 % of all people" in said(test)
    assert metrics(test)["840.00 EUR net"] == "7 people"
    test.selectbox[0].set_value("name").run()
    assert [card.value for card in test.subheader] == ["Frequent buyers", "Inactive", "New", "Slipping", "VIP"]


def test_a_copy_has_a_name_of_its_own_and_leaves_the_first_as_it_was(app: Open, published: Publish) -> None:
    """Most new segments begin as a variant of one there is."""
    published([a_buyer(1)])
    test = app("segment", copy="vip")
    assert test.title[0].value == "New segment"

    button(test, "Save").click().run()
    button(app("segment", copy="vip"), "Save").click().run()

    names = [segment.name for segment in reads.segments(SHOP)]
    assert names[-2:] == ["VIP (copy)", "VIP (copy 2)"]
    assert {segment.rule for segment in reads.segments(SHOP) if segment.name.startswith("VIP")} == {"m = 5 and f >= 4"}


def test_a_segment_tells_its_earlier_versions(app: Open, published: Publish) -> None:
    """Who asks why these were 300 more last month finds the rule of last month."""
    published([a_buyer(1)])
    reads.segments(SHOP)
    reads.records().edit_segment(SHOP, "vip", name="Best", rule="m = 5", author="bo", expected_version=1)

    test = app("segment", id="vip")

    no_failure(test)
    assert [expander.label for expander in test.expander] == ["History: 2 versions"]
    assert "money score is 5 and frequency score at least 4" in [text.value for text in test.text]


def test_a_segment_that_cannot_be_evaluated_says_why_and_leads_to_its_rule(app: Open, published: Publish) -> None:
    """A circle of an earlier day, or a rule of another release: the card tells, and "Edit" is where it is mended."""
    published([a_buyer(1)])
    reads.segments(SHOP)
    with sqlite3.connect(reads.paths().records) as connection:  # the records themselves refuse a circle
        for one, other in (("vip", "new"), ("new", "vip")):
            connection.execute("UPDATE segments SET rule = ? WHERE id = ?", (f'in_segment("{other}")', one))

    test = app("segments")

    assert not test.exception
    told = [error.value.replace("\\", "") for error in test.error]
    assert len(told) == 2
    assert all("name each other in a circle" in sentence for sentence in told)
    assert test.button(key="show-vip").disabled
    test.button(key="edit-vip").click().run()
    assert test.title[0].value == "Segment VIP"
    test = app("segment", id="vip")
    assert test.text_input(key="rule").value == 'in_segment("new")'
    assert "circle" in test.error[0].value
    test.text_input(key="rule").set_value("m = 5").run()
    assert not button(test, "Save").disabled
