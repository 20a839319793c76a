"""What people type who know another language, paste from a word processor, or write as they speak: each is told how."""

import pytest

from transforms.rules import (
    Condition,
    InSegment,
    RuleError,
    SegmentRule,
    by_id,
    evaluation_order,
    parse,
    place_of,
    refuse_circle,
    to_text,
    unknown_values,
)

SAVED = [
    SegmentRule("vip", "VIP", "m = 5"),
    SegmentRule("old", "Old", 'rfm_group = "Champion"'),
    SegmentRule("on-old", "On old", 'r = 5 or in_segment("old")'),
    SegmentRule("loyal", "Loyal", 'rfm_group in ("loyal", "CHAMPIONS")'),
]


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        # Commas and brackets.
        ("orders_count >= 3, m = 5", 17, "“and”, “or”"),
        ("orders(count >= 2,, total >= 50)", 18, "a term of orders(…)"),
        ("orders(count >= 2,)", 18, "no comma in front of it"),
        ('country in ("DE",)', 17, "no comma in front of it"),
        ('country in "DE"', 11, 'in ("DE", "AT")'),
        ('country = ("DE", "AT")', 10, "several of them take “in”"),
        ("r = 5 and (m = 5", 16, "closing bracket for the one at character 11"),
        ("m = 5)", 5, "no bracket is open"),
        ("orders[count > 3]", 6, "round brackets"),
        ("orders(count >= 2; total >= 50)", 17, "a comma between the terms"),
        ('segment("vip")', 0, "did you mean in_segment(…)?"),
        ('in_segment "vip"', 0, 'it takes brackets: in_segment("vip")'),
        ('orders(city = "Bonn")', 7, "asked of the person"),
        # Quotes and letters of a word processor, a web page, another keyboard.
        ("country = “DE”", 10, 'straight quotes: "DE"'),
        ("country = „DE“", 10, 'straight quotes: "DE"'),
        ("country = «DE»", 10, 'straight quotes: "DE"'),
        ("country = ＂DE＂", 10, 'straight quotes: "DE"'),
        ('city = "O"Brien"', 15, "takes a backslash"),
        ('city = "a "b" c"', 11, "takes a backslash"),
        ("orders_count\u200b > 3", 12, "“U+200B” cannot be read; right would be to delete"),
        ("\u200forders_count > 3", 0, "“U+200F”"),
        ("orders_count ＝ 3", 13, "right would be “=”"),
        ("city = Zürich", 7, 'in quotes such as "Zürich"'),
        ("😀 = 5", 0, "a field"),
        ("שלום = 5", 0, "There is no field “שלום”"),
        ('"orders_count" > 3', 0, "without quotes"),
        ("`orders_count` > 3", 0, "without quotes"),
        # Signs and words of other languages.
        ("m = 5 && r = 5", 6, "“&&” cannot be read; right would be “and”"),
        ("m = 5 || r = 5", 6, "right would be “or”"),
        ("!(m = 5)", 0, "right would be “not”"),
        ("m => 3", 2, "right would be “>=”"),
        ("m =< 3", 2, "right would be “<=”"),
        ("m = 5 # why", 6, "no comments"),
        ("-- why", 0, "no comments"),
        ("email = null", 8, "“is null”"),
        ('email = ""', 8, "“is null”"),
        ("email not null", 6, "did you mean “is not null”?"),
        ('country is not "DE"', 8, "did you mean “!=”?"),
        ("is_account is true", 11, "did you mean “=”?"),
        ("is_account", 10, "did you mean “= true”?"),
        ("is_account = yes", 13, "what fits is true"),
        ('email like "%x%"', 6, "did you mean “contains”?"),
        ('email begins with "x"', 6, "did you mean “starts with”?"),
        ('email strats with "x"', 6, "did you mean “starts with”?"),
        ('tags not contains "vip"', 5, "did you mean “not tags contains”?"),
        ("last_order older 90 days", 11, "did you mean “older than”?"),
        ("orders_count at least 3", 13, "did you mean “>=”?"),
        ("3 < orders_count", 0, "a field such as orders_count first"),
        ("orders_count > 3 and < 5", 21, "named again"),
        ('country = "DE" or "AT"', 18, 'in ("DE", "AT")'),
        ("orders_count > 3 < 5", 17, "between 3 and 5"),
        ("orders_count >= total_spent", 16, "two fields are not compared"),
        ("orders-count > 3", 6, "underscores"),
        ("true", 0, "a field"),
        # Days, ages and numbers.
        ("last_order < 31.12.2025", 13, "the day as 2025-12-31"),
        ("last_order < 12/31/2025", 13, "the day as 2025-12-31"),
        ("last_order < 03/04/2025", 13, "2025-04-03 or 2025-03-04"),
        ("last_order < 2025-12-31T00:00:00Z", 13, "the day as 2025-12-31"),
        ('last_order < "2025-12-31"', 13, "a day without quotes"),
        ("last_order > today", 13, "within 1 day"),
        ("last_order within 30days", 18, "30 days"),
        ("last_order within 3 months", 20, "about 90 days"),
        ("last_order within -3 days", 18, "such as 30 days"),
        ("total_spent >= 1.000,50", 15, "without separators: 1000.50"),
        ("total_spent >= 1,000.50", 15, "without separators: 1000.50"),
        ("total_spent >= 1,000", 16, "without separators: 1000"),
        ("total_spent >= 19,90", 17, "without separators: 19.90"),
        ("orders(total >= 1,000)", 18, "without separators: 1000"),
        ("total_spent >= 1.000.000", 15, "without separators: 1000000"),
        ("total_spent >= 1.500", 15, "“1.500” could be 1500 or 1.5"),
        ("total_spent >= 200€", 18, "without its currency"),
        ("total_spent >= 200 EUR", 19, "without a currency"),
        ("refund_rate > 25%", 16, "0.25 is 25 percent"),
        ("refund_rate > .25", 14, "0.25"),
        ("total_spent > - 5", 14, "directly before its number"),
        ("orders_count >= " + "9" * 400, 16, "up to 1,000,000,000,000,000"),
        ("orders_count >= 1e400", 16, "written out"),
        ("orders_count between 5 and 3", 21, "between 3 and 5"),
        ('r in (1, 2, "x")', 12, "whole number"),
        # Closed sets.
        ('rfm_group = "Champion"', 12, "did you mean Champions?"),
        ('rfm_group = "Can’t lose"', 12, "did you mean Can't lose?"),
        ('rfm_group in ("Loyal", "Lots")', 23, "There is no RFM group “Lots”; did you mean Lost?"),
        ('rfm_group != "x"', 13, "there are: Champions, Loyal"),
        ("m = 6", 4, "from 1 to 5"),
        ("r in (4, 0)", 9, "from 1 to 5"),
    ],
)
def test_what_people_type_by_habit_is_told_how_it_is_written(text: str, position: int, says: str) -> None:
    """Nobody reads a grammar: the message at the place is all the help there is."""
    with pytest.raises(RuleError) as caught:
        parse(text)

    assert (caught.value.position, says in caught.value.message) == (position, True), caught.value.message


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("orders_count\u00a0>=\u00a03", "orders_count >= 3"),
        ("orders_count > ３", "orders_count > 3"),
        ("m == 5 AND NOT r <> 4", "m = 5 and not r != 4"),
        ("orders_count ≥ 3", "orders_count >= 3"),
        ("id in (1,234)", "id in (1, 234)"),
        ("total_spent >= 0.125", "total_spent >= 0.125"),
        ("total_spent >= 19.125", "total_spent >= 19.125"),
        ("m >= 0 and r < 6", "m >= 0 and r < 6"),
        ('rfm_group = "can\'t LOSE"', 'rfm_group = "Can\'t lose"'),
        ('rfm_group contains "champ"', 'rfm_group contains "champ"'),
        ('orders(status = "complete")', 'orders(status = "complete")'),
    ],
)
def test_what_means_one_thing_only_is_read(text: str, canonical: str) -> None:
    """Blanks that do not break, wide digits and other signs cannot be misread; a shop's own statuses are its own."""
    assert to_text(parse(text)) == canonical
    assert parse(canonical) == parse(text)


def test_an_unknown_segment_is_told_at_its_place() -> None:
    """In a rule of ten lines “there is no such segment” sends people searching."""
    rule = parse('r = 5 and (m = 5 or in_segment("vpi"))')

    with pytest.raises(RuleError, match="did you mean vip") as caught:
        by_id(rule, SAVED)

    assert caught.value.position == 31
    assert caught.value.told.endswith("(at character 32).")


def test_a_circle_is_told_where_the_rule_enters_it() -> None:
    """Of several segments in a rule, one closes the circle."""
    saved = [*SAVED, SegmentRule("back", "Back", 'in_segment("new")'), SegmentRule("new", "New", "r = 5")]

    with pytest.raises(RuleError, match="in a circle") as caught:
        refuse_circle("new", parse('in_segment("vip") or in_segment("BACK")'), saved)

    assert caught.value.position == 32


def test_the_place_of_a_segment_takes_no_part_in_comparing() -> None:
    """Answers are kept by rule: two texts of one meaning are one rule, and a tree has no text."""
    assert parse('in_segment("vip")') == parse('(in_segment("vip"))') == InSegment("vip")
    assert hash(parse('(in_segment("vip"))')) == hash(InSegment("vip"))
    assert place_of(by_id(parse('r = 5 and in_segment("VIP")'), SAVED), "vip") == 21
    assert place_of(InSegment("vip"), "vip") is None


def test_a_saved_segment_whose_value_is_none_any_more_is_broken_and_others_go_on() -> None:
    """A group that was misspelt read as nobody; now its card says so, and the run goes on."""
    order = evaluation_order(SAVED)

    assert list(order.rules) == ["vip", "loyal"]
    assert order.rules["loyal"] == Condition("rfm_group", "in", ("Loyal", "Champions"))
    assert {name: error.position for name, error in order.broken.items()} == {"old": 12, "on-old": 20}
    assert "did you mean Champions" in order.broken["old"].message


def test_values_that_a_shop_does_not_have_are_named_once_with_what_it_has() -> None:
    """A plugin's status is as good as any, so it is no error; the same slip twice is one."""
    there = {"status": ["completed", "on-hold"], "tags": ["b2b"], "categories": ["Tea"], "country": [], "coupon": ["A"]}
    rule = parse(
        'orders(status in ("Completed", "complete"), coupon != "B") and bought(status = "complete") and '
        '(tags contains "b2c" or categories contains "TEA" or country = "XX" or email contains "x" or tags is null)'
    )

    assert unknown_values(rule, lambda name: there.get(name, ())) == (
        "No order has the status “complete”; did you mean completed?",
        "No order used the coupon “B”; there are: A.",
        "Nobody has the tag “b2c”; did you mean b2b?",
    )
    many = [f"status-{number}" for number in range(10)]
    assert unknown_values(parse('orders(status = "x")'), lambda _: many)[0].endswith("status-7 and 2 more.")
