"""Where people stand in a list, everybody of a list, and how the scores spread: compared with plain Python."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.directory.query import MONEY_SORTS, SORTS, PeopleQuery, Place
from regulars.directory.snapshot import ROW_COLUMNS
from tests.regulars.directory.builders import a_buyer, a_person, an_order, publish_people, tricky_people
from tests.regulars.directory.test_directory_reads import WrittenDown, the_directory


def test_a_person_has_neighbours_in_the_list_they_were_opened_from(tmp_path: Path) -> None:
    """Previous and next on the profile walk the list as it was filtered and sorted."""
    people = [a_buyer(n, net=str(n), country="DE" if n % 2 else "FR") for n in range(1, 8)]
    directory = the_directory(tmp_path, people, WrittenDown(saved=(("german", 'country = "DE"'),)))
    german = PeopleQuery(segments=("german",), page_size=2)

    assert directory.place(german, "woo:7") == Place(1, 4, None, "woo:5")
    assert directory.place(german, "woo:3") == Place(3, 4, "woo:5", "woo:1")
    assert directory.place(german, "woo:1") == Place(4, 4, "woo:3", None)
    assert directory.place(german, "woo:2") is None
    assert directory.place(german, "woo:404") is None
    assert directory.place(PeopleQuery(search="nobody at all"), "woo:1") is None


def test_a_place_is_found_under_a_key_of_the_past(tmp_path: Path) -> None:
    """A bookmark of the guest opens the account, among the account's neighbours."""
    directory = the_directory(tmp_path, [a_buyer(1)], WrittenDown(known_as={"guest:ab": "woo:1"}))

    assert directory.place(PeopleQuery(), "guest:ab") == Place(1, 1, None, None)


def test_everyone_is_the_list_on_all_its_pages_with_tags_and_segments(tmp_path: Path) -> None:
    """An export must hold what the screen shows, in its order, and say who is in which segment."""
    records = WrittenDown(
        tagged={"woo:2": ("vip", "tea")}, saved=(("all", "orders_count >= 1"), ("broken", "x > 1"), ("vip", "m = 4"))
    )
    directory = the_directory(tmp_path, tricky_people(), records)
    query = PeopleQuery(sort="name", descending=False)

    everyone = directory.everyone(query)

    assert everyone.columns == [*ROW_COLUMNS, "tags", "segments"]
    listed = directory.people(PeopleQuery(sort="name", descending=False, page_size=100)).rows
    assert everyone.drop("segments").equals(listed)
    of = dict(everyone.select("customer_key", "segments").iter_rows())
    assert (of["woo:1"], of["woo:7"], of["woo:10"]) == (["All", "Vip"], [], [])
    assert directory.everyone(PeopleQuery(search="nobody at all")).height == 0


def test_everyone_without_any_segment_has_empty_lists(tmp_path: Path) -> None:
    """All segments may be deleted; the columns of an export stay the same."""
    directory = the_directory(tmp_path, [a_buyer(1), a_person(2)])

    assert directory.everyone(PeopleQuery())["segments"].to_list() == [[], []]


def test_the_grid_has_a_row_for_each_cell_and_currency(tmp_path: Path) -> None:
    """Five by five cells, money never added across currencies, nobody without a counted order."""
    people = [
        a_buyer(1, r=5, f=3, m=4, net="10"),
        a_buyer(2, r=5, f=4, m=4, net="5"),
        a_buyer(3, r=5, f=4, m=4, net="7", currency="USD"),
        a_buyer(4, r=1, f=1, m=1, net="2", rfm_group="Lost"),
        a_person(5),
    ]
    grid = the_directory(tmp_path, people).rfm_grid()

    assert grid.rows() == [
        (1, 1, "Lost", "EUR", 1, Decimal(2)),
        (5, 4, "Loyal", "EUR", 2, Decimal(15)),
        (5, 4, "Loyal", "USD", 1, Decimal(7)),
    ]


def test_a_name_of_marks_alone_finds_everybody(tmp_path: Path) -> None:
    """What folds to nothing filters nothing, as a blank does."""
    directory = the_directory(tmp_path, tricky_people())

    assert directory.people(PeopleQuery(search="\u0301")).total == len(tricky_people())


def test_an_order_number_shared_by_two_people_finds_both(tmp_path: Path) -> None:
    """Some shops number orders by plugin; a number is text and need not be unique."""
    directory = the_directory(
        tmp_path,
        tricky_people(),
        orders=[an_order(n, key, number="A-7") for n, key in ((1, "woo:5"), (2, "woo:2"), (3, "woo:2"))],
    )

    assert directory.keys(PeopleQuery(search="#A-7", sort="name", descending=False)).to_list() == ["woo:5", "woo:2"]


def test_two_shops_people_or_versions_never_mix(tmp_path: Path) -> None:
    """What is kept for one version must not answer for the next one."""
    directory = the_directory(tmp_path, [a_buyer(1, net="5"), a_buyer(2, net="6")])
    assert directory.place(PeopleQuery(), "woo:1") == Place(2, 2, "woo:2", None)
    assert directory.overview().now.people == 2

    publish_people(tmp_path, [a_buyer(1, net="9"), a_buyer(2, net="6"), a_person(3)])

    assert directory.place(PeopleQuery(), "woo:1") == Place(1, 3, None, "woo:2")
    assert directory.overview().now.people == 3


drawn_people = st.lists(
    st.builds(
        lambda orders, net, name, currency, days: (
            {"first_name": name, "last_name": None, "country": name}
            | ({"orders": orders, "net": net, "days": days, "currency": currency} if orders else {})
        ),
        orders=st.integers(0, 3),
        net=st.integers(-2, 2).map(str),
        name=st.sampled_from(["Anna", "Bo", None]),
        currency=st.sampled_from(["EUR", "USD"]),
        days=st.integers(0, 2),
    ),
    max_size=12,
)


def rank(person: dict[str, Any], sort: str, *, descending: bool, currencies: list[str]) -> tuple[Any, ...]:
    """Return what plain Python sorts a person by."""
    name = person["first_name"] or person["email"]
    column = {"_name": name.lower(), "_rfm_rank": 1 if person.get("rfm_group") else None}
    value = column.get(SORTS[sort], person.get(SORTS[sort]))
    if isinstance(value, str):
        value = tuple(map(ord, value))
    elif value is not None:
        value = (float(value.timestamp() if hasattr(value, "timestamp") else value),)
    signed = () if value is None else tuple(-part for part in value) if descending else value
    ended = (*signed, 1) if descending and isinstance(value, tuple) and len(signed) > 1 else signed
    money = () if sort not in MONEY_SORTS else (currencies.index(person["currency"]) if person.get("currency") else 99,)
    return (*money, value is None, ended, person["customer_key"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=drawn_people, sort=st.sampled_from(sorted(SORTS)), descending=st.booleans())
def test_every_sort_is_the_one_that_plain_python_makes(
    *, tmp_path_factory: pytest.TempPathFactory, drawn: list[dict[str, Any]], sort: str, descending: bool
) -> None:
    """Absent values last either way, ties by key, money within its currency: the pages and neighbours rest on it."""
    people = [
        a_buyer(number, **fields) if "orders" in fields else a_person(number, **fields)
        for number, fields in enumerate(drawn)
    ]
    directory = the_directory(tmp_path_factory.mktemp("shop"), people)
    used = [person["currency"] for person in people if person.get("currency")]
    currencies = sorted(set(used), key=lambda currency: (-used.count(currency), currency))

    listed = directory.keys(PeopleQuery(sort=sort, descending=descending)).to_list()

    expected = sorted(people, key=lambda each: rank(each, sort, descending=descending, currencies=currencies))
    assert listed == [person["customer_key"] for person in expected]
