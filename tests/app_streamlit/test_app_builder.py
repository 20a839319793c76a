"""The builder's rows and the rule's text are two forms of one rule."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app_streamlit.components.builder_rows import (
    JOINS,
    MOST_DEPTH,
    MOST_ROWS,
    Group,
    Item,
    Member,
    Question,
    Row,
    add,
    at,
    first_rows,
    parts_of,
    put,
)
from app_streamlit.components.builder_rules import (
    BOUGHT,
    ORDERS,
    SEGMENT,
    TERMS,
    new_leaf,
    problem_of,
    rows_of,
    rule_of,
)
from app_streamlit.components.builder_values import LISTS, first_row, fitting
from app_streamlit.figures import GROUP_COLOURS, contrast, text_on
from tests.transforms.rule_cases import rules
from transforms.rfm import RFM_GROUPS
from transforms.rules import FIELDS, STARTING_SEGMENTS, Field, Kind, Rule, RuleError, parse, to_text

FILLED = {Kind.TEXT: "DE", Kind.DATE: "2026-01-31", Kind.LIST: "b2b"}


def filled(field: Field, op: str) -> Row:
    """Return a row of this field and operator, with words where nobody could have guessed them."""
    row = fitting(Row(field.name, op), field, field, "")
    word = str(field.values[0]) if field.values else FILLED.get(field.kind, "7")
    values = row.values or ((word,) if op in LISTS else ())
    return Row(row.field, row.op, tuple(value or word for value in values), row.unit)


ROWS = [filled(field, op) for field in FIELDS.values() for op in field.operators]
DETAILS = {
    about: [filled(term, op) for term in terms.values() for op in term.operators] for about, terms in TERMS.items()
}
LEAVES = st.one_of(
    st.builds(lambda row, no: Row(row.field, row.op, row.values, row.unit, no), st.sampled_from(ROWS), st.booleans()),
    st.builds(Member, st.sampled_from(["vip", "Tea *lovers*"]), st.booleans()),
    *(
        st.builds(
            Question, st.just(about), st.lists(st.sampled_from(rows), min_size=1, max_size=3).map(tuple), st.booleans()
        )
        for about, rows in DETAILS.items()
    ),
)


def groups(depth: int) -> st.SearchStrategy[Item]:
    """Return items of groups that stand within each other so deep."""
    if not depth:
        return LEAVES
    inner = st.lists(groups(depth - 1), min_size=2, max_size=3).map(tuple)
    return LEAVES | st.builds(Group, st.sampled_from(list(JOINS)), inner)


@pytest.mark.parametrize(
    "rule",
    [
        *[segment.rule for segment in STARTING_SEGMENTS],
        "total_spent > -19.9",
        "last_order < 2026-01-01 or last_order is null",
        'country in ("DE", "AT") and email ends with "@example.com"',
        'country in ("a, b", "\\"c\\"")',
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
        "not not (m = 5 or f = 5)",
        "(m = 5 and r = 5) and f = 5",
        "m = 5 or (f = 5 and not r = 5)",
        "m = 5 or (f = 5 and (r = 5 or (r = 4 and m = 1)))",
        "orders_count between 3 and 5 and total_spent between 10 and 20.5",
        "created between 2026-01-01 and 2026-02-01",
        "median_days_between <= 30.5 and refund_rate < 0.25",
        'orders(count >= 2, total >= 50, status in ("completed"), within 90 days)',
        'not bought(category = "Mugs", pieces >= 2, day >= 2026-01-01)',
        'in_segment("vip") and not in_segment("slipping")',
    ],
)
def test_rows_of_a_rule_make_the_same_rule_again(rule: str) -> None:
    """Opening a segment and saving it unchanged must not change it."""
    tree = parse(rule)
    shown = rows_of(tree)
    assert shown is not None

    assert rule_of(*shown) == tree


@pytest.mark.parametrize(
    "rule",
    [
        "m = 5 or (f = 5 and (r = 5 or (r = 4 and (m = 1 or m = 2))))",
        'city = " Bonn"',
        'orders(coupon in ("summer", "late "))',
    ],
)
def test_a_rule_that_rows_cannot_say_has_none(rule: str) -> None:
    """Deeper groups have no room, blanks around a word no place to be typed; opening must not change the meaning."""
    assert rows_of(parse(rule)) is None


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rules())
def test_text_to_rows_to_text_changes_nothing_wherever_there_are_rows(rule: Rule) -> None:
    """Whatever somebody wrote, looking at its rows and changing none of them leaves every letter as it was."""
    shown = rows_of(rule)
    if shown is not None:
        assert to_text(rule_of(*shown)) == to_text(rule)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(JOINS)), st.lists(groups(MOST_DEPTH), min_size=2, max_size=4))
def test_whatever_is_clicked_together_is_read_back_from_its_text(join: str, items: list[Item]) -> None:
    """The text form follows the clicks, and typing a blank in it must not change what was clicked."""
    rule = rule_of(join, items)

    assert parse(to_text(rule)) == rule
    assert rows_of(parse(to_text(rule))) == (join, items)


@pytest.mark.parametrize(
    ("about", "field"), [("", name) for name in FIELDS] + [(a, n) for a in TERMS for n in TERMS[a]]
)
def test_each_field_and_detail_can_be_chosen_and_compared_in_every_way(about: str, field: str) -> None:
    """A row that no operator fits, or whose number had to be known first, would be a dead end."""
    table = TERMS[about] if about else FIELDS
    assert first_row(table[field]).field == field
    for op in table[field].operators:
        assert problem_of(filled(table[field], op), about) == ""


def test_another_field_keeps_the_value_where_it_still_means_something() -> None:
    """Trying gross in place of total spent keeps the amount; a city is no country."""
    amount = Row("total_spent", ">=", ("75",))
    assert fitting(Row("gross", ">=", ("75",)), FIELDS["gross"], FIELDS["total_spent"], ">=") == Row(
        "gross", ">=", ("75",)
    )
    assert fitting(Row("country", "=", ("Bonn",)), FIELDS["country"], FIELDS["city"], "=").value == ""
    between = fitting(Row("total_spent", "between", amount.values), FIELDS["total_spent"], FIELDS["total_spent"], ">=")
    assert between.values == ("75", "500")
    assert fitting(
        Row("total_spent", "between", ("900",)), FIELDS["total_spent"], FIELDS["total_spent"], ">="
    ).values == (
        "900",
        "900",
    )


def test_a_new_condition_of_each_kind_says_something_at_once() -> None:
    """A click that ended in an error would look like a fault of the clicker's."""
    known = {"category": ["Mugs"], "product": ["Green tea"]}
    for kind in (ORDERS, BOUGHT, SEGMENT):
        for suggested in (known, {"product": ["Green tea"]}, {}):
            leaf = new_leaf(kind, lambda name, from_=suggested: from_.get(name, ()), ["vip"])
            assert problem_of(leaf) == ""


@pytest.mark.parametrize(
    "row",
    [
        Row("orders_count", ">=", ("",)),
        Row("orders_count", ">=", ("many",)),
        Row("orders_count", "between", ("5", "3")),
        Row("orders_count", "between", ("3",)),
        Row("total_spent", ">=", ("1,50",)),
        Row("last_order", "older than", ("soon",)),
        Row("last_order", "<", ("yesterday",)),
        Row("country", "in", ()),
        Row("city", "=", ("",)),
    ],
)
def test_a_row_that_is_not_filled_in_says_what_would_be_right(row: Row) -> None:
    """Half-typed values are the usual case while editing: a sentence at the row, never a crash."""
    with pytest.raises(RuleError):
        rule_of("and", [row])
    assert problem_of(row)


@given(st.text(max_size=30), st.sampled_from(ROWS), st.integers(0, 2))
def test_whatever_is_typed_is_a_rule_or_a_sentence(typed: str, like: Row, words: int) -> None:
    """Nothing that somebody types into a row may bring the page down."""
    row = Row(like.field, like.op, (typed,) * words)
    try:
        rule = rule_of("and", [row])
    except RuleError:
        assert problem_of(row)
        return

    assert parse(to_text(rule)) == rule


def test_things_are_added_replaced_and_taken_away_where_they_stand() -> None:
    """A click on one condition must never change another; what holds nothing any more is gone."""
    one, two, three = (Row("m", "=", (str(n),)) for n in (1, 2, 3))
    question = Question(ORDERS, (Row("count", ">=", ("2",)), Row("total", ">=", ("9",))))
    items: list[Item] = [one, Group("or", (two, Group("and", (three, question))))]

    assert at(items, (1, 1, 0)) == three
    assert at(items, (1, 1, 1, 1)) == question.terms[1]
    assert put(items, (1, 0), one) == [one, Group("or", (one, items[1].items[1]))]  # type: ignore[union-attr]
    assert put(items, (0,), None) == items[1:]
    assert put(put(items, (1, 1), None), (1, 0), None) == [one]
    assert put(put(items, (1, 1, 1, 0), None), (1, 1, 1, 0), None) == [one, Group("or", (two, Group("and", (three,))))]
    assert at(add(items, (1, 1), one), (1, 1, 2)) == one
    assert len(parts_of(at(add(items, (1, 1, 1), Row("items", ">=", ("1",))), (1, 1, 1)))) == 3
    assert add(items, (), two)[-1] == two


def test_groups_have_readable_text_on_their_colour() -> None:
    """Contrast of at least 4.5 : 1, for every group."""
    assert list(GROUP_COLOURS) == list(RFM_GROUPS)
    assert all(contrast(colour, text_on(colour)) >= 4.5 for colour in GROUP_COLOURS.values())


@settings(deadline=None)
@given(st.lists(groups(2), min_size=1, max_size=8), st.integers(1, 12))
def test_what_is_drawn_of_a_large_rule_keeps_its_path(items: list[Item], most: int) -> None:
    """A click on a drawn row must not change another one that stands where the cut moved it."""
    shown, left = first_rows(items, most)

    def same(cut: Item, whole: Item) -> bool:
        if not isinstance(cut, Group):
            return cut == whole
        assert isinstance(whole, Group)
        return bool(cut.items) and all(same(one, other) for one, other in zip(cut.items, whole.items, strict=False))

    assert shown
    assert all(same(cut, items[place]) for place, cut in enumerate(shown))
    assert leaves_in(shown) + left == leaves_in(items)
    assert (left == 0) == (shown == items)


def leaves_in(items: Sequence[Item]) -> int:
    """Return how many conditions stand among items and in their groups."""
    return sum(leaves_in(item.items) if isinstance(item, Group) else 1 for item in items)


def test_a_rule_of_a_screen_is_drawn_whole() -> None:
    """Only what nobody would click together is cut."""
    items = [Row("m", "=", ("5",))] * MOST_ROWS
    assert first_rows(items) == (items, 0)
    assert first_rows([*items, items[0]]) == (items, 1)
