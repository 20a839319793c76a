"""The rule language as text and as a tree: round trips, limits, and errors that help."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.rule_cases import rules
from transforms.rules import (
    BOUGHT_TERMS,
    FIELDS,
    MAX_LEAVES,
    MAX_LEVELS,
    MAX_TEXT,
    ORDER_TERMS,
    STARTING_SEGMENTS,
    Age,
    And,
    Condition,
    Not,
    Or,
    OrdersQuery,
    RuleError,
    Term,
    from_dict,
    parse,
    to_dict,
    to_text,
    without_past,
    words,
)


@settings(deadline=None)
@given(rules())
def test_every_tree_survives_its_text(rule):
    """A saved rule is text; what a builder made must be the same rule when it is opened again."""
    assert parse(to_text(rule)) == rule


@settings(deadline=None)
@given(rules())
def test_every_tree_survives_its_json(rule):
    """The builder and the API pass trees as JSON."""
    assert from_dict(to_dict(rule)) == rule


@settings(deadline=None)
@given(rules())
def test_canonical_text_is_stable(rule):
    """Stored text must not change by being opened and saved, or every save would look like an edit."""
    assert to_text(parse(to_text(rule))) == to_text(rule)


@settings(deadline=None)
@given(rules())
def test_every_rule_can_be_said_in_words(rule):
    """A card shows each saved rule; no combination may break the page."""
    assert words(rule)


PIECES = ["(", ")", "and", "or", "not", "r", "=", "5", "in", ",", '"a"', "is", "null", "tags", "2026-01-01", "days"]


def read(text):
    """Return the rule of `text`, or the error."""
    try:
        return parse(text)
    except RuleError as error:
        return error


@settings(deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_any_text_is_a_rule_or_a_rule_error(text):
    """People type anything; the only failure is one that can be shown to them."""
    outcome = read(text)
    if isinstance(outcome, RuleError):
        assert outcome.message
        assert 0 <= outcome.position <= len(text)
    else:
        assert parse(to_text(outcome)) == outcome


def test_the_rule_of_the_manual_reads_as_written():
    """This is the sentence people learn the language from."""
    rule = parse("orders_count >= 3 and total_spent >= 200 and last_order older than 90 days")
    assert rule == And(
        (
            Condition("orders_count", ">=", 3),
            Condition("total_spent", ">=", Decimal(200)),
            Condition("last_order", "older than", Age(90)),
        )
    )


def test_and_binds_closer_than_or_and_not_closest():
    """Precedence decides who is in a segment."""
    a, b, c = (Condition(name, "=", 5) for name in "rfm")
    assert parse("not r = 5 and f = 5 or m = 5") == Or((And((Not(a), b)), c))


def test_brackets_group_and_needless_ones_vanish():
    """Grouping must survive saving; decoration need not."""
    assert to_text(parse("((r = 5) and (f = 5 or (m = 5)))")) == "r = 5 and (f = 5 or m = 5)"
    assert to_text(parse("(r = 5 and f = 5) and m = 5")) == "(r = 5 and f = 5) and m = 5"


def test_words_are_read_in_any_case_and_names_of_old_too():
    """Rules are typed by hand and pasted from elsewhere."""
    assert to_text(parse("NET >= 200 AND Last_Order_Date OLDER THAN 1 Day")) == (
        "total_spent >= 200 and last_order older than 1 day"
    )


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("order_count > 3", 0, "did you mean orders_count"),
        ("r = 5 and totl_spent > 3", 10, "did you mean total_spent"),
        ("orders_count > 2.5", 15, "whole number"),
        ('orders_count > "3"', 15, "without quotes"),
        ("orders_count > 99999999999999999999", 15, "up to 1,000,000,000,000,000"),
        ("total_spent > 0.1234567", 14, "6 after the point"),
        ("total_spent > 1e309", 14, "19.90"),
        ("total_spent > 1234567890123", 14, "12 digits before"),
        ("r = 99999999999999999999999999999999999999999", 4, "whole number"),
        ("last_order < 90 days", 13, "older than"),
        ("last_order < 2026-02-30", 13, "2026-01-31"),
        ("last_order < 2026-1-5", 13, "2026-01-05"),
        ("last_order older than 3 months", 24, "weeks"),
        ("last_order within 100001 days", 18, "100000"),
        ("last_order within -1 days", 18, "whole number"),
        ("email contains “x”", 15, "straight quotes"),
        ('email contains "x', 15, "closing quote"),
        ('email contains ""', 15, "1 to 400"),
        ('email contains "\0"', 15, "real ones"),
        ('email contains "\ud800"', 15, "real ones"),
        ('email > "x"', 6, "starts with"),
        ("country = DE", 10, "in quotes"),
        ('tags = "vip"', 5, "contains"),
        ('m >= "5"', 5, "whole number"),
        ("is_account = 1", 13, "true or false"),
        ("r in ()", 6, "a value"),
        ("r in (1, 2", 10, "closing bracket"),
        ("(r = 5", 6, "closing bracket"),
        ("r = 5 f = 5", 6, "“and”, “or”"),
        ("r = 5 and", 9, "a field"),
        ("and", 0, "a field"),
        ("", 0, "a field"),
        ("r ; 5", 2, "cannot be read"),
        ("orders(cout >= 2)", 7, "did you mean count"),
        ("orders(total >= 50, within 90)", 29, "“days” or “weeks”"),
        ("orders(count >= 2, total >= x)", 28, "a value"),
        ("orders(count >= 2.5)", 16, "whole number"),
        ('orders(status in "completed")', 17, "an opening bracket before a list"),
        ("orders(count > 1 total > 5)", 17, "a comma before the next term"),
        ("orders(count > 1 and total > 5)", 17, "a comma before the next term"),
        ("r = 5 and bought()", 17, "a term of bought(…): product, category"),
        ('bought(totl = "Mug")', 7, "There is no term “totl”"),
        ('bought(product > "Mug")', 15, "starts with"),
        ("bought(total > 5)", 7, "it is a term of orders(…)"),
        ('category = "Mug"', 0, "the term of bought(…)"),
        ("total > 5", 0, "did you mean total_spent, or the term of orders(…)"),
        ("bought(count is null)", 13, "one of"),
        ("orders >= 2", 0, "did you mean orders_count"),
        ("order(count > 2) or r = 5", 0, "orders(…), bought(…), in_segment(…)"),
        ("in_segment(vip)", 11, 'in quotes, such as "vip"'),
        ("orders_count between 3", 22, "between 3 and 5"),
        ("orders_count between 5 and 3", 21, "smaller value first"),
        ('city between "a" and "b"', 5, "starts with"),
        ("refund_rate > 1 percent", 16, "“and”, “or”"),
    ],
)
def test_an_error_names_the_place_and_what_would_be_right(text, position, says):
    """A person fixes a rule by the message alone."""
    with pytest.raises(RuleError) as caught:
        parse(text)
    assert (caught.value.position, says in caught.value.message) == (position, True), caught.value.message


def test_deep_and_wide_texts_end_in_a_sentence():
    """A pasted or hostile rule must neither exhaust the stack nor occupy the planner."""
    for text in (
        "(" * 10_000 + "r = 5" + ")" * 10_000,
        "not " * 8_000 + "r = 5",
        " or ".join(["r = 5"] * (MAX_LEAVES + 1)),
        "r = 5 " + " " * MAX_TEXT,
        f"r in ({', '.join('1' * 300)})",
    ):
        with pytest.raises(RuleError, match="at most"):
            parse(text)


def test_deep_trees_end_in_a_sentence():
    """Trees come as JSON from outside, or from a loop in a builder."""
    leaf = Condition("r", "=", 5)
    deep, json = leaf, to_dict(leaf)
    for _ in range(5_000):
        deep, json = Not(deep), {"not": json}
    for attempt in (lambda: to_text(deep), lambda: words(deep), lambda: from_dict(json)):
        with pytest.raises(RuleError, match="32 levels"):
            attempt()


def test_the_largest_rules_still_work():
    """The limits are promises too."""
    wide = parse(" or ".join(["r = 5"] * MAX_LEAVES))
    deep = parse("not " * (MAX_LEVELS - 1) + "r = 5")
    assert parse(to_text(wide)) == wide
    assert from_dict(to_dict(deep)) == deep


@pytest.mark.parametrize(
    "tree",
    [
        None,
        [],
        {},
        {"all": []},
        {"all": [{"field": "r", "op": "=", "value": 5}]},
        {"all": "r = 5"},
        {"not": None},
        {"field": "r", "op": "=", "value": 5, "more": 1},
        {"field": "r", "op": "=", "value": 5.0},
        {"field": "r", "op": "=", "value": True},
        {"field": "r", "op": "=", "value": {"$gt": 1}},
        {"field": "r", "op": "=", "value": [5]},
        {"field": "total_spent", "op": ">", "value": 0.1},
        {"field": "total_spent", "op": ">", "value": "1e999999999"},
        {"field": "total_spent", "op": ">", "value": "NaN"},
        {"field": "last_order", "op": "older than", "value": 90},
        {"field": "last_order", "op": "older than", "value": {"days": 1.5}},
        {"field": "last_order", "op": "older than", "value": {"days": True}},
        {"field": "last_order", "op": "<", "value": "20260101"},
        {"field": "r", "op": "is null", "value": 1},
        {"field": "r", "op": "older than", "value": {"days": 3}},
        {"field": "__class__", "op": "=", "value": 1},
    ],
)
def test_json_that_is_no_rule_is_refused(tree):
    """The API takes trees from outside; nothing half-checked may reach the compiler."""
    with pytest.raises(RuleError):
        from_dict(tree)


def test_a_query_is_printed_in_the_order_it_was_written():
    """What somebody wrote is recognised; an age without a name is that of the order's day."""
    text = 'orders(count >= 2, total >= 50, status in ("completed"), within 90 days)'
    rule = parse("ORDERS( COUNT>=2,total>=50.00,Status IN ('completed'), day within 90 DAY)")
    assert to_text(rule) == text
    assert rule == OrdersQuery(
        (
            Term("count", ">=", 2),
            Term("total", ">=", Decimal(50)),
            Term("status", "in", ("completed",)),
            Term("day", "within", Age(90)),
        )
    )


def test_between_takes_its_and_for_itself():
    """The “and” of a range is not the one that joins."""
    assert parse("orders_count between 3 and 5 and first_order between 2026-01-01 and 2026-01-31") == And(
        (
            Condition("orders_count", "between", (3, 5)),
            Condition("first_order", "between", (date(2026, 1, 1), date(2026, 1, 31))),
        )
    )


def test_money_keeps_its_exact_value_and_one_form():
    """0.1 + 0.2 must never decide who is a VIP, and 200.00 is 200."""
    assert parse("total_spent >= 200.00") == parse("total_spent >= 200")
    assert to_text(parse("total_spent = 999999999999.999999")) == "total_spent = 999999999999.999999"
    assert to_text(parse("total_spent > -0.00")) == "total_spent > 0"


def test_texts_with_quotes_and_backslashes_survive():
    """A customer's name may hold anything."""
    rule = Condition("name", "=", "a\"b\\c'd\ne")
    assert parse(to_text(rule)) == rule
    assert parse("name = 'it\\'s'") == Condition("name", "=", "it's")


def test_the_starting_segments_are_canonical():
    """They are stored as they stand; a rule that prints differently would look edited at once."""
    assert [to_text(parse(segment.rule)) for segment in STARTING_SEGMENTS] == [s.rule for s in STARTING_SEGMENTS]


def test_rules_read_as_plain_words():
    """Cards show these."""
    assert [words(parse(segment.rule)) for segment in STARTING_SEGMENTS] == [
        "money score is 5 and frequency score at least 4",
        "at least 5 orders and last order within the last 365 days",
        "first order within the last 30 days",
        "at least 2 orders, last order more than 90 days ago and last order within the last 180 days",
        "at least 1 order and last order more than 180 days ago",
    ]
    assert words(parse('not (is_account = true or tags contains "vip") and is_paying_customer != true')) == (
        "not (has an account or tags contains “vip”) and is not a paying customer"
    )
    assert words(parse("orders_count between 1 and 3 and active_months = 1 and median_days_between <= 7.5")) == (
        "between 1 and 3 orders, exactly 1 active month and median days between orders at most 7.5"
    )
    assert words(parse('orders(count >= 2, total >= 50, status in ("completed"), within 90 days)')) == (
        "at least 2 orders with total at least 50, status one of “completed” and placed within the last 90 days"
    )
    assert words(parse('orders(sum > 1000) or not bought(category = "Mugs", pieces < 3, count = 0)')) == (
        "at least 1 order, altogether above 1,000 or "
        "not (bought something with category “Mugs” in exactly 0 orders, altogether fewer than 3 pieces)"
    )
    assert words(Condition("last_order", "<", date(2026, 1, 1))) == "last order before 2026-01-01"


def test_every_field_explains_itself():
    """The builder shows label and help of each."""
    everything = {**FIELDS, **ORDER_TERMS, **BOUGHT_TERMS}
    assert [name for name, field in everything.items() if not (field.label and field.help.endswith("."))] == []


def test_a_term_of_both_queries_is_the_same_in_both():
    """A term is checked before it is known in whose brackets it will stand."""
    both = ORDER_TERMS.keys() & BOUGHT_TERMS.keys()
    assert both >= {"count", "sum", "status", "day"}
    for name in both:
        one, other = ORDER_TERMS[name], BOUGHT_TERMS[name]
        assert (one.kind, one.together, one.operators) == (other.kind, other.together, other.operators)


def test_what_has_no_past_is_named():
    """A list as of last year must say where it uses today's values."""
    assert without_past(parse('city = "Bonn" and (tags is null or not city is null) and in_segment("x")')) == (
        "city",
        "tags",
    )
    assert without_past(parse('orders(status = "x", net > 5) or bought(category = "a", status = "x")')) == (
        "status of orders",
        "net of orders",
        "category of products",
    )
    assert without_past(parse("orders_count > 1 and orders(total > 5, within 9 days) and r = 5")) == ()


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ('orders_count between 3 and "x"', 27, "orders_count between takes a whole number, not “x”."),
        ('orders_count between "x" and 3', 21, "orders_count between takes a whole number, not “x”."),
        ("orders_count between 5 and 3", 21, "smaller value first"),
        ("total_spent > 0.0000001", 14, "not “0.0000001”"),
        ("foo > 3", 0, "here; there are: orders_count"),
    ],
)
def test_an_error_points_at_what_is_wrong_and_quotes_it_as_typed(text: str, position: int, said: str) -> None:
    """An editor underlines the place; another number than the one typed, or a guess at random, sends people astray."""
    with pytest.raises(RuleError) as error:
        parse(text)

    assert error.value.position == position
    assert said in error.value.message
