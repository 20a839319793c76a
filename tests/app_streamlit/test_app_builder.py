"""The builder's rows and the rule's text are two forms of one rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_streamlit.components.builder_rows import JOINS, Group, Item, Row, at, problem_of, put, rows_of, rule_of
from app_streamlit.figures import GROUP_COLOURS, contrast, text_on
from transforms.rfm import RFM_GROUPS
from transforms.rules import STARTING_SEGMENTS, RuleError, parse, to_text

ROWS = st.sampled_from(
    [
        Row("orders_count", ">=", "3"),
        Row("total_spent", "<", "200"),
        Row("last_order", "older than", "90"),
        Row("country", "in", "DE, AT"),
        Row("tags", "contains", "b2b"),
        Row("is_account", "=", "yes"),
        Row("last_order", "is null"),
    ]
)
GROUPS = st.builds(Group, st.sampled_from(list(JOINS)), st.lists(ROWS, min_size=2, max_size=3).map(tuple))


@pytest.mark.parametrize(
    "rule",
    [
        *[segment.rule for segment in STARTING_SEGMENTS],
        "total_spent > -19.9",
        "last_order < 2026-01-01 or last_order is null",
        'country in ("DE", "AT") and email ends with "@example.com"',
        "m in (4, 5)",
        "is_account = true",
        "is_paying_customer = false",
        'tags contains "vip"',
        "first_order within 2 weeks",
        'name = "O\\"Brien \\\\ Co"',
        "not m = 5",
        "not (m = 5 or f = 5)",
        "m = 5 or (f = 5 and r = 5)",
        'orders_count >= 2 and not (country = "FR" or country = "BE") and not r = 1',
        "not not m = 5",
        "(m = 5 and r = 5) and f = 5",
    ],
)
def test_rows_of_a_rule_make_the_same_rule_again(rule: str) -> None:
    """Opening a segment and saving it unchanged must not change it."""
    tree = parse(rule)
    shown = rows_of(tree)
    assert shown is not None

    assert rule_of(*shown) == tree


def test_a_rule_of_groups_within_groups_has_no_rows() -> None:
    """Two levels of boxes cannot say it; flattening would change its meaning."""
    assert rows_of(parse("m = 5 or (f = 5 and (r = 5 or r = 4))")) is None
    assert rows_of(parse("m = 5 or (f = 5 and not r = 5)")) is None


@given(st.sampled_from(list(JOINS)), st.lists(ROWS | GROUPS, min_size=1, max_size=4))
def test_whatever_is_clicked_together_is_read_back_from_its_text(join: str, items: list[Item]) -> None:
    """The text form follows the clicks, and typing a blank in it must not change what was clicked."""
    rule = rule_of(join, items)

    assert parse(to_text(rule)) == rule
    shown = rows_of(parse(to_text(rule)))
    assert shown is not None
    assert rule_of(*shown) == rule


@pytest.mark.parametrize(
    "row",
    [
        Row("orders_count", ">=", ""),
        Row("orders_count", ">=", "many"),
        Row("total_spent", ">=", "1,50"),
        Row("last_order", "older than", "soon"),
        Row("last_order", "<", "yesterday"),
        Row("country", "in", " , "),
        Row("city", "=", ""),
    ],
)
def test_a_row_that_is_not_filled_in_says_what_would_be_right(row: Row) -> None:
    """Half-typed values are the usual case while editing: a sentence at the row, never a crash."""
    with pytest.raises(RuleError):
        rule_of("and", [row])
    assert problem_of(row)


@given(st.text(max_size=30), st.sampled_from(["orders_count", "total_spent", "last_order", "country", "m"]))
def test_whatever_is_typed_is_a_rule_or_a_sentence(typed: str, field: str) -> None:
    """Nothing that somebody types into a row may bring the page down."""
    row = Row(field, "=", typed)
    try:
        rule = rule_of("and", [row])
    except RuleError:
        assert problem_of(row)
        return

    assert parse(to_text(rule)) == rule


def test_rows_are_replaced_and_taken_away_where_they_stand() -> None:
    """A click on one condition must never change another; a group without conditions is gone."""
    one, two, three = (Row("m", "=", str(n)) for n in (1, 2, 3))
    items: list[Item] = [one, Group("or", (two, three))]

    assert at(items, (1, 1)) == three
    assert put(items, (1, 0), one) == [one, Group("or", (one, three))]
    assert put(put(items, (1, 0), None), (1, 0), None) == [one]
    assert put(items, (0,), None) == [Group("or", (two, three))]


def test_groups_have_readable_text_on_their_colour() -> None:
    """Contrast of at least 4.5 : 1, for every group."""
    assert list(GROUP_COLOURS) == list(RFM_GROUPS)
    assert all(contrast(colour, text_on(colour)) >= 4.5 for colour in GROUP_COLOURS.values())
