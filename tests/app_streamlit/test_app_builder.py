"""The builder's rows and the rule's text are two forms of one rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_streamlit.components.builder import Row, rows_of, rule_of
from app_streamlit.figures import GROUP_COLOURS, contrast, text_on
from transforms.rfm import RFM_GROUPS
from transforms.rules import STARTING_SEGMENTS, RuleError, parse, to_text


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
    ],
)
def test_rows_of_a_rule_make_the_same_rule_again(rule: str) -> None:
    """Opening a segment and saving it unchanged must not change it."""
    tree = parse(rule)
    shown = rows_of(tree)
    assert shown is not None

    assert rule_of(*shown) == tree


def test_a_rule_with_groups_has_no_rows() -> None:
    """One level of rows cannot say it; flattening would change its meaning."""
    assert rows_of(parse("m = 5 or (f = 5 and r = 5)")) is None
    assert rows_of(parse("not m = 5")) is None


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
def test_a_row_that_is_not_filled_in_is_a_rule_error(row: Row) -> None:
    """Half-typed values are the usual case while editing: a sentence, never a crash."""
    with pytest.raises(RuleError):
        rule_of("and", [row])


@given(st.text(max_size=30), st.sampled_from(["orders_count", "total_spent", "last_order", "country", "m"]))
def test_whatever_is_typed_is_a_rule_or_a_sentence(typed: str, field: str) -> None:
    """Nothing that somebody types into a row may bring the page down."""
    try:
        rule = rule_of("and", [Row(field, "=", typed)])
    except RuleError:
        return

    assert parse(to_text(rule)) == rule


def test_groups_have_readable_text_on_their_colour() -> None:
    """Contrast of at least 4.5 : 1, for every group."""
    assert list(GROUP_COLOURS) == list(RFM_GROUPS)
    assert all(contrast(colour, text_on(colour)) >= 4.5 for colour in GROUP_COLOURS.values())
