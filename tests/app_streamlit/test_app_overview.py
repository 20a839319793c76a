"""The overview: a period against the one before, and the people behind each figure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit.components.comparing import Change, change, change_of_rate, two_digits
from tests.app_streamlit.test_app_views import metrics, no_failure, said
from tests.regulars.directory.builders import AS_OF, SHOP, a_buyer, a_refund, an_order
from transforms.days import day_number

Open = Callable[..., AppTest]
Publish = Callable[..., str]
TODAY = day_number(AS_OF, "Europe/Berlin")


def a_history(orders: Mapping[int, Sequence[int]], **fields: Any) -> dict[str, list[dict[str, Any]]]:
    """Return people and orders that agree: by person, the ages of their orders in days (1 is the last day)."""
    people, rows = [], []
    for number, ages in orders.items():
        for age in ages:
            placed = AS_OF - timedelta(days=age) + timedelta(hours=9)
            order = an_order(1000 * number + age, f"woo:{number}", created_at=placed, order_day=TODAY - age, **fields)
            rows.append(order)
        people.append(
            a_buyer(
                number,
                orders=len(ages),
                net=str(40 * len(ages)),
                days=min(ages),
                first_order_at=AS_OF - timedelta(days=max(ages)) + timedelta(hours=9),
                last_order_at=AS_OF - timedelta(days=min(ages)) + timedelta(hours=9),
                created_at=AS_OF - timedelta(days=max(ages)) + timedelta(hours=8),
            )
        )
    return {"people": people, "orders": rows}


# In the last 30 days: 1 came back, 2 is new, 3 new and back at once. In the 30 before: 1 and 4. Long ago: 5.
HISTORY = {1: [3, 40], 2: [30], 3: [5, 2], 4: [31], 5: [200]}


def deltas(test: AppTest) -> dict[str, str]:
    """Return what became of each figure, in words."""
    return {metric.label: metric.delta for metric in test.metric}


def test_the_last_days_stand_against_as_many_before(app: Open, published: Publish) -> None:
    """416 active people alone say nothing; more or fewer than before says something."""
    told = a_history(HISTORY)
    published(told["people"], orders=told["orders"])

    test = app()

    no_failure(test)
    assert metrics(test) == {
        "People": "5",
        "Active": "3",
        "New": "2",
        "Returning": "1",
        "Net": "160.00 EUR",
        "Average order": "40.00 EUR",
        "Repeat rate": "66.7 %",
        "Orders": "4",
    }
    assert deltas(test)["Active"] == "50 % more"
    assert deltas(test)["Net"] == "100 % more"
    assert deltas(test)["Average order"] == "as before"
    assert "13 Oct 2026 to 11 Nov 2026. Changes are against the 30 days before." in said(test)


@pytest.mark.parametrize("period", ["30", "90", "365", "all"])
@pytest.mark.parametrize("figure", ["active", "new", "returning"])
def test_each_figure_opens_exactly_its_people(app: Open, published: Publish, period: str, figure: str) -> None:
    """A figure whose list has another number is worse than none."""
    told = a_history(HISTORY)
    published(told["people"], orders=told["orders"])
    test = app(None, period=period)
    shown = metrics(test)[figure.capitalize()]
    buttons = [button for button in test.button if button.label == f"Show {figure} people"]
    if shown in ("0", "–"):
        assert buttons == []
        return

    buttons[0].click().run()

    no_failure(test)
    assert test.title[0].value == "Customers"
    people = "1 of 5 people" if shown == "1" else f"{shown} of 5 people" if shown != "5" else "5 people"
    assert people in said(test)


def test_over_all_time_there_is_nothing_to_compare_with(app: Open, published: Publish) -> None:
    """A change against nothing would be made up, and everybody was new once."""
    told = a_history(HISTORY)
    published(told["people"], orders=told["orders"])

    test = app(None, period="all")

    no_failure(test)
    assert metrics(test)["New"] == metrics(test)["Returning"] == "–"
    assert metrics(test)["Active"] == "5"
    assert set(deltas(test).values()) == {""}
    assert "Changes are against" not in said(test)


def test_the_chosen_period_stands_in_the_address_and_is_there_again(app: Open, published: Publish) -> None:
    """A link to "the last 90 days" must show them to whoever opens it; coming back must not forget it."""
    told = a_history(HISTORY)
    published(told["people"], orders=told["orders"])
    test = app(None, period="90")
    assert test.session_state["period"] == "90"

    test.segmented_control(key="period").set_value("365").run()

    assert test.query_params["period"] in ("365", ["365"])
    assert "12 months before" in said(test)


def test_an_address_with_a_strange_period_shows_the_usual_one(app: Open, published: Publish) -> None:
    """Addresses are typed and cut."""
    published([a_buyer(1)])

    test = app(None, period="30000")

    no_failure(test)
    assert test.session_state["period"] == "30"


def test_money_is_told_in_one_currency_at_a_time(app: Open, published: Publish) -> None:
    """Two currencies are never added up; the one that most people use comes first."""
    euros, crowns = a_history({1: [3], 2: [4]}), a_history({3: [5]}, currency="SEK")
    for person in crowns["people"]:
        person["currency"] = "SEK"
    published([*euros["people"], *crowns["people"]], orders=[*euros["orders"], *crowns["orders"]])
    test = app()
    assert metrics(test)["Net"] == "80.00 EUR"

    test.selectbox(key="currency").set_value("SEK").run()

    no_failure(test)
    assert metrics(test)["Net"] == "40.00 SEK"
    assert metrics(test)["Active"] == "3"


def test_a_refund_belongs_to_the_day_on_which_it_was_paid(app: Open, published: Publish) -> None:
    """Yesterday's refund of last year's order is money that left yesterday."""
    told = a_history({1: [200]})
    refund = a_refund(9, 1200, "woo:1", "15.00", refund_day=TODAY - 1, created_at=AS_OF - timedelta(hours=3))
    published(told["people"], orders=told["orders"], refunds=[refund])

    test = app()

    assert metrics(test)["Net"] == "−15.00 EUR"
    assert metrics(test)["Average order"] == "–"
    assert metrics(test)["Repeat rate"] == "–"
    assert deltas(test)["Net"] == "–"


def test_people_who_were_deleted_here_are_in_no_figure(app: Open, published: Publish) -> None:
    """The list without them and the overview with them would contradict each other."""
    from app_streamlit import reads

    told = a_history(HISTORY)
    published(told["people"], orders=told["orders"])
    app()
    reads.records().hide(SHOP, "woo:2", "ana")

    test = app()

    assert (metrics(test)["People"], metrics(test)["New"]) == ("4", "1")


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (150, 100, Change("50 % more", "up")),
        (Decimal("-50"), Decimal("-100"), Change("50 % more", "up")),
        (0, 100, Change("100 % less", "down")),
        (5, 0, Change("–", "off")),
        (None, 3, Change("–", "off")),
        (100_001, 100_000, Change("as before", "off")),
        (99, 1, Change("over 1,000 % more", "up")),
    ],
)
def test_changes_are_told_in_words_with_two_digits(now: Any, before: Any, told: Change) -> None:
    """4.1666 % pretends to know what it does not; against nothing there is no percentage."""
    assert change(now, before) == told


def test_a_rate_changes_by_points() -> None:
    """From 20 % to 30 % is ten points, not 50 %, and people mix the two up."""
    assert change_of_rate(0.3, 0.2) == Change("10 points more", "up")
    assert change_of_rate(0.2, 0.2) == Change("as before", "off")


@pytest.mark.parametrize(("size", "text"), [("0.0999", "0.1"), ("9.96", "10"), ("99.6", "100"), ("995", "1000")])
def test_rounding_to_two_digits_carries_over(size: str, text: str) -> None:
    """9.96 is 10, not "10.0" or "1e+01"."""
    assert two_digits(Decimal(size)) == text
