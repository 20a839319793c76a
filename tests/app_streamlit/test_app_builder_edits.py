"""The builder as it is clicked: questions, segments, lists, groups within groups, criteria, past days, overlap."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit import reads
from tests.app_streamlit.test_app_segments import button
from tests.app_streamlit.test_app_views import metrics, no_failure, said
from tests.regulars.directory.builders import AS_OF, SHOP, a_buyer, a_line, an_order
from transforms.rules import parse, words

Open = Callable[..., AppTest]
Publish = Callable[..., str]
MUG = {"product_id": 8, "name": "Blue mug", "sku": "MUG-2"}


@pytest.fixture
def shop(published: Publish) -> None:
    """Publish six people: the n-th has n orders 10 days apart, and the last of them, with a mug, n days ago."""
    orders, lines = [], []
    for person in range(1, 7):
        for place in range(person):
            order = person * 100 + place
            when = AS_OF - timedelta(days=person + 10 * place)
            orders.append(
                an_order(order, f"woo:{person}", created_at=when, order_day=(when.date() - date(1970, 1, 1)).days)
            )
            lines.append(a_line(order, order, **({} if place else MUG)))
    people = [a_buyer(n, orders=n, net=str(40 * n), days=n, country=["DE", "AT"][n % 2]) for n in range(1, 7)]
    products = [a_product(7, "Green tea", ["Tea"]), a_product(8, "Blue mug", ["Mugs", "Tea"])]
    published(people, orders=orders, order_lines=lines, products=products)


def a_product(number: int, name: str, categories: list[str]) -> dict[str, Any]:
    """Return a row of `products`."""
    about = dict.fromkeys(("type", "status", "price", "created_at", "modified_at", "deleted_at"))
    return about | {"shop": SHOP, "product_id": number, "name": name, "sku": None, "categories": categories}


def text(test: AppTest) -> str:
    """Return the rule as it stands in the text form."""
    return str(test.text_input(key="rule").value)


def key(test: AppTest, part: str, *path: int) -> str:
    """Return the key of an input of the builder."""
    return "-".join(["rule", part, str(test.session_state["rule_turn"]), *map(str, path)])


def typed(app: Open, rule: str) -> AppTest:
    """Open the builder and write this rule."""
    return app("segment").text_input(key="rule").set_value(rule).run()


def test_a_question_about_orders_is_built_by_choosing(app: Open, shop: None) -> None:
    """Who came back within a month is asked without learning a language."""
    test = app("segment")

    test.selectbox(key=key(test, "field", 0)).set_value("orders").run()

    no_failure(test)
    assert text(test) == "orders(count >= 2, within 90 days)"
    assert metrics(test)["People"] == "5"
    test.text_input(key=key(test, "value", 0, 1)).set_value("14").run()
    assert text(test) == "orders(count >= 2, within 14 days)"
    assert metrics(test)["People"] == "3"
    assert words(parse(text(test))) in said(test)
    test.selectbox(key=key(test, "sense", 0)).set_value("no").run()
    assert text(test) == "not orders(count >= 2, within 14 days)"
    assert metrics(test)["People"] == "3"


def test_a_question_about_products_suggests_the_shops_own(app: Open, shop: None) -> None:
    """Nobody knows by heart how a category is spelt."""
    test = typed(app, 'bought(category = "Mugs")')

    category = test.selectbox(key=key(test, "value", 0, 0))
    assert category.options == ["Mugs", "Tea"]
    assert metrics(test)["People"] == "6"
    category.set_value("Tea").run()
    button(test, "Add a detail").click().run()
    test.selectbox(key=key(test, "field", 0, 1)).set_value("count").run()
    test.text_input(key=key(test, "value", 0, 1)).set_value("4").run()
    no_failure(test)
    assert text(test) == 'bought(category = "Tea", count >= 4)'
    assert metrics(test)["People"] == "3"


def test_another_segment_is_chosen_and_never_oneself(app: Open, shop: None) -> None:
    """Segments build on each other; one that asked for itself would mean nothing."""
    test = app("segment", id="vip")
    test.text_input(key="rule").set_value('not in_segment("new")').run()
    chosen = test.selectbox(key=key(test, "segment", 0))
    assert "VIP" not in chosen.options

    chosen.set_value("slipping").run()

    no_failure(test)
    assert text(test) == 'not in_segment("slipping")'
    assert "in the segment “Slipping”" in said(test)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ('in_segment("vip")', "A segment cannot ask who is in itself."),
        ('in_segment("no such")', "There is no segment “no such”"),
        ('in_segment("new")', "name each other in a circle"),
    ],
)
def test_a_segment_that_cannot_be_asked_for_is_a_sentence(app: Open, shop: None, rule: str, sentence: str) -> None:
    """A circle has no members; it must be told before it is saved, where it can still be mended."""
    reads.segments(SHOP)
    reads.records().edit_segment(SHOP, "new", name="New", rule='in_segment("vip")', author="bo", expected_version=1)
    test = app("segment", id="vip")

    test.text_input(key="rule").set_value(rule).run()

    assert not test.exception
    assert sentence in said(test).replace("\\", "") + "".join(error.value for error in test.error)
    assert button(test, "Save").disabled


def test_a_between_has_two_ends(app: Open, shop: None) -> None:
    """From three to five orders is one condition, and a swapped pair is told."""
    test = app("segment")

    test.selectbox(key=key(test, "op", 0)).set_value("between").run()

    assert text(test) == "orders_count between 3 and 5"
    assert metrics(test)["People"] == "3"
    test.text_input(key=key(test, "other", 0)).set_value("4").run()
    assert text(test) == "orders_count between 3 and 4"
    test.text_input(key=key(test, "other", 0)).set_value("1").run()
    assert not test.exception
    assert button(test, "Save").disabled
    assert text(test) == "orders_count between 3 and 4"


def test_a_list_is_chosen_from_what_the_shop_has(app: Open, shop: None) -> None:
    """Countries are chosen, and one that nobody lives in yet can be typed."""
    test = typed(app, 'country in ("DE")')

    test.multiselect(key=key(test, "value", 0)).set_value(["DE", "FR", "AT"]).run()

    no_failure(test)
    assert text(test) == 'country in ("DE", "FR", "AT")'
    assert metrics(test)["People"] == "6"
    test.multiselect(key=key(test, "value", 0)).set_value([]).run()
    assert "Choose or type at least one value." in said(test).replace("\\", "")
    assert button(test, "Save").disabled


def test_a_comparison_is_turned_round_at_its_row(app: Open, shop: None) -> None:
    """What does not contain a word has no operator of its own, and a group of one for it would be a detour."""
    test = typed(app, 'city contains "Ber"')

    test.selectbox(key=key(test, "op", 0)).set_value("not:contains").run()

    no_failure(test)
    assert text(test) == 'not city contains "Ber"'
    assert metrics(test)["People"] == "0"


def test_groups_stand_within_groups(app: Open, shop: None) -> None:
    """Either of two kinds of regulars, each with conditions of its own, is one rule."""
    test = typed(app, "m = 4 or (orders_count >= 2 and (orders_count <= 3 or (net >= 200 and not r = 1)))")

    no_failure(test)
    assert test.selectbox(key=key(test, "join", 1, 1, 1)).value == "and"
    assert test.selectbox(key=key(test, "op", 1, 1, 1, 1)).value == "not:="
    test.selectbox(key=key(test, "join", 1, 1)).set_value("not or").run()
    assert (
        text(test) == "m = 4 or (orders_count >= 2 and not (orders_count <= 3 or (total_spent >= 200 and not r = 1)))"
    )
    test.button(key="rule-ungroup-1-1-1").click().run()
    assert text(test) == "m = 4 or (orders_count >= 2 and not orders_count <= 3)"


@pytest.mark.parametrize(
    ("pasted", "rule"),
    [
        (
            '{"orders_count": {"min": 3, "max": 10}, "last_order_date": {"days_ago": 2}}',
            "orders_count between 3 and 10 and last_order older than 2 days",
        ),
        (' {"created_date": {"days_ago": 30}}', "created within 30 days"),
    ],
)
def test_criteria_that_are_pasted_become_text(app: Open, shop: None, pasted: str, rule: str) -> None:
    """Whoever has criteria from elsewhere pastes them, and sees what they mean."""
    test = typed(app, pasted)

    no_failure(test)
    assert text(test) == rule
    assert "These criteria were read as the rule" in said(test)
    assert int(metrics(test)["People"]) >= 0


@pytest.mark.parametrize("pasted", ['{"orders_count": 3}', '{"orders": {"min": 1}}', "{", '{"a": [' * 2000, "{}"])
def test_criteria_that_make_no_sense_are_a_sentence(app: Open, shop: None, pasted: str) -> None:
    """Half a paste is the usual case."""
    test = typed(app, pasted)

    assert not test.exception
    assert len(test.error) == 1
    assert button(test, "Save").disabled


def test_a_rule_is_counted_as_of_a_past_day(app: Open, shop: None) -> None:
    """How many were there when the campaign began: told to be reconstructed, with what has no past."""
    test = typed(app, 'orders_count >= 2 and country = "DE"')
    assert metrics(test)["People"] == "3"

    test.date_input(key="rule_as_of").set_value((AS_OF - timedelta(days=20)).date()).run()

    no_failure(test)
    told = said(test).replace("\\", "")
    assert "**2 people**" in told
    always = "order statuses, who is who, who was deleted since"
    assert f"Reconstructed, with what has no past here as it is today: {always}, country." in told
    assert metrics(test)["People"] == "3"


def test_the_overlap_with_saved_segments_is_shown_on_asking(app: Open, shop: None) -> None:
    """A new segment that is nine tenths of an old one is no new segment."""
    test = typed(app, "orders_count >= 4")
    test.session_state["rule-overlap"] = True
    test.run()

    no_failure(test)
    shown = test.dataframe[0].value
    assert dict(zip(shown["segment"], shown["both"], strict=True)) == {"Frequent buyers": 2}
    assert shown["of_rule"].tolist() == ["66.7 %"]
    assert shown["of_segment"].tolist() == ["100.0 %"]


def rules_in_history(segment_id: str) -> Sequence[str]:
    """Return the rules that a segment has had."""
    return [version.rule for version in reads.segment_history(SHOP, segment_id)]


def test_a_rule_of_every_kind_is_saved_and_opened_again(app: Open, shop: None) -> None:
    """What was clicked together is what next month's count is of; a segment named by name is kept by id."""
    rule = 'orders(count >= 2) and not bought(product = "Green tea", pieces > 99) and not in_segment("SLIPPING")'
    test = typed(app, rule)
    test.text_input(key="segment_name").set_value("Regulars").run()
    button(test, "Save").click().run()
    no_failure(test)

    saved = next(one for one in reads.segments(SHOP) if one.name == "Regulars")
    test = app("segment", id=saved.id)

    no_failure(test)
    assert text(test) == rule.replace("SLIPPING", "slipping") == rules_in_history(saved.id)[-1]
    assert test.selectbox(key=key(test, "segment", 2)).value == "slipping"


def test_of_a_huge_rule_the_first_rows_are_drawn_and_all_of_it_is_counted(app: Open, shop: None) -> None:
    """Four hundred rows took most of a minute: the rest is edited as text, and nothing of it is lost by a click."""
    rule = " or ".join(f"orders(total >= {number})" for number in range(1, 101))
    test = typed(app, rule)

    no_failure(test)
    assert "These are the first conditions. 80 more stand in the text" in said(test)
    assert metrics(test)["People"] == "6"
    assert [one.label for one in test.button if "Add a condition" in one.label or "Add a group" in one.label] == []
    test.text_input(key=key(test, "value", 0, 0)).set_value("7000").run()
    no_failure(test)
    assert text(test) == rule.replace("1)", "7000)", 1)

    test.text_input(key=key(test, "value", 0, 0)).set_value("many").run()
    assert text(test) == rule.replace("1)", "7000)", 1)
    assert button(test, "Save").disabled


def test_what_the_shop_does_not_have_is_warned_of_and_counted_all_the_same(app: Open, shop: None) -> None:
    """A misspelt status reads as nobody, but a plugin's status may come tomorrow."""
    test = typed(app, 'orders(status in ("complete", "COMPLETED")) or country = "Germany" or tags contains "x"')

    no_failure(test)
    (warning,) = test.warning
    told = warning.value.replace("\\", "")
    assert "No order has the status “complete”; did you mean completed?" in told
    assert "Nobody has the country “Germany”; there are: AT, DE." in told
    assert "COMPLETED" not in told
    assert "tag" not in told
    assert not typed(app, 'orders(status = "completed") or country != "DE"').warning


def test_a_segment_that_is_not_there_is_told_at_its_place(app: Open, shop: None) -> None:
    """The row says it, and the text points at it."""
    test = typed(app, 'm = 5 or in_segment("inactiv")')

    (error,) = test.error
    assert "did you mean inactive? (at character 21)" in error.value.replace("\\", "")
    assert test.code[0].value.splitlines() == ['… or in_segment("inactiv")', "                ^"]
    assert button(test, "Save").disabled


def test_a_value_that_a_closed_set_does_not_have_is_refused(app: Open, shop: None) -> None:
    """Nobody was ever a “Champion”: the segment would stay empty without a word."""
    test = typed(app, 'rfm_group = "Champion"')

    assert "did you mean Champions" in test.error[0].value
    assert text(typed(app, 'rfm_group = "champions"')) == 'rfm_group = "champions"'
