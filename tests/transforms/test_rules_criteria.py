"""The criteria object that shop people bring along, read as a rule."""

import pytest

from transforms.rules import RuleError, from_criteria, parse, to_text


@pytest.mark.parametrize(
    ("criteria", "text"),
    [
        ({"orders_count": {"min": 3}}, "orders_count >= 3"),
        ({"orders_count": {"max": 10}}, "orders_count <= 10"),
        ({"orders_count": {"min": 3, "max": 10}}, "orders_count between 3 and 10"),
        ({"orders_count": {"min": 3.0, "max": None}}, "orders_count >= 3"),
        ({"total_spent": {"min": "200"}}, "total_spent >= 200"),
        ({"total_spent": {"min": 0.1, "max": 199.99}}, "total_spent between 0.1 and 199.99"),
        ({"total_spent": {"min": "1.500", "max": "100.000"}}, "total_spent between 1.5 and 100"),
        ({"last_order_date": {"days_ago": 90}}, "last_order older than 90 days"),
        ({"created_date": {"days_ago": 30}}, "created within 30 days"),
        (
            {
                "created_date": {"days_ago": 1},
                "last_order_date": {"days_ago": 90},
                "total_spent": {"min": "200"},
                "orders_count": {"min": 3, "max": 10},
            },
            (
                "orders_count between 3 and 10 and total_spent >= 200 and last_order older than 90 days "
                "and created within 1 day"
            ),
        ),
    ],
)
def test_criteria_read_as_a_rule_that_is_shown_as_text(criteria, text):
    """Both ends are included, whatever the order of the keys."""
    assert to_text(from_criteria(criteria)) == text
    assert parse(text) == from_criteria(criteria)


@pytest.mark.parametrize(
    ("criteria", "says"),
    [
        ({}, "empty"),
        (None, "empty"),
        ([{"orders_count": {"min": 3}}], "empty"),
        ({"order_count": {"min": 3}}, "no criterion “order_count”"),
        ({"$where": "1"}, "no criterion"),
        ({"orders_count": 3}, '"min": 3'),
        ({"orders_count": {}}, '"min": 3'),
        ({"orders_count": {"min": None}}, '"min": 3'),
        ({"orders_count": {"$gt": 3}}, '"min": 3'),
        ({"orders_count": {"min": 3, "avg": 4}}, '"min": 3'),
        ({"orders_count": {"min": 5, "max": 3}}, "min above its max"),
        ({"orders_count": {"min": 2.5}}, "whole number"),
        ({"orders_count": {"min": True}}, "whole number"),
        ({"orders_count": {"min": {"$ne": None}}}, "whole number"),
        ({"orders_count": {"min": 10**5000}}, "whole number"),
        ({"total_spent": {"min": "much"}}, "amount"),
        ({"total_spent": {"min": float("nan")}}, "amount"),
        ({"total_spent": {"min": float("inf")}}, "amount"),
        ({"total_spent": {"min": "1", "max": "x"}}, "amount"),
        ({"last_order_date": {"days_ago": "90"}}, "whole number of days"),
        ({"last_order_date": {"days_ago": True}}, "whole number of days"),
        ({"last_order_date": {"days_ago": -1}}, "between 0 and 100000"),
        ({"created_date": 30}, "days_ago"),
        ({"created_date": {"days_ago": 30, "min": 2}}, "days_ago"),
    ],
)
def test_criteria_that_mean_nothing_are_refused_with_what_would_be_right(criteria, says):
    """A criterion that is dropped in silence makes a segment of everybody."""
    with pytest.raises(RuleError) as caught:
        from_criteria(criteria)
    assert says in caught.value.message
