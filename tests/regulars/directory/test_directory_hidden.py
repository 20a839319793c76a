"""People who were deleted here: nowhere but in the list of the hidden and on their own page."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from regulars.directory.query import PeopleQuery, Place
from regulars.models import Hidden
from tests.regulars.directory.builders import AS_OF, BERLIN, a_buyer, a_person, a_refund, an_order
from tests.regulars.directory.test_directory_reads import WrittenDown, keys, the_directory
from transforms.days import day_number
from transforms.rules import parse

TODAY = day_number(AS_OF, BERLIN) - 1  # AS_OF is exclusive: the last day of the figures is the one before


def put_away(*hidden: str) -> dict[str, Hidden]:
    """Return these keys as hidden by somebody."""
    return {key: Hidden(customer_key=key, at=AS_OF, author="Ada") for key in hidden}


def three_people(**fields: Any) -> list[dict[str, Any]]:
    """Return three buyers of whom the second will be hidden."""
    return [
        a_buyer(1, net="10", rfm_group="Lost", **fields),
        a_buyer(2, net="30", rfm_group="Loyal"),
        a_buyer(3, net="20", rfm_group="Lost"),
    ]


def test_hidden_people_are_in_no_list_count_figure_or_tag(tmp_path: Path) -> None:
    """Whoever deletes a person expects every number on every screen to be without them, at once."""
    records = WrittenDown(
        tagged={"woo:2": ("vip",), "woo:3": ("tea",)}, saved=(("all", "orders_count >= 1"),), put_away=put_away("woo:2")
    )
    directory = the_directory(tmp_path, three_people(), records)

    page = directory.people(PeopleQuery())
    count = directory.count(parse("orders_count >= 1"))

    assert page.rows["customer_key"].to_list() == ["woo:3", "woo:1"]
    assert (page.total, page.everyone, page.net) == (2, 2, {"EUR": Decimal(30)})
    assert (count.people, count.net, count.sample["customer_key"].to_list()) == (2, page.net, ["woo:3", "woo:1"])
    assert [each.people for each in directory.segment_counts().values()] == [2]
    assert keys(directory, search="Last2") == []
    assert keys(directory, tags=("vip",)) == []
    assert directory.tags_in_use() == ["tea"]
    assert set(directory.rfm_counts()) == {"Lost"}
    assert directory.rfm_grid()["people"].sum() == 2
    assert directory.buyers() == {"EUR": 2}
    assert directory.keys(PeopleQuery()).to_list() == ["woo:3", "woo:1"]
    assert directory.everyone(PeopleQuery())["customer_key"].to_list() == ["woo:3", "woo:1"]


def test_hidden_people_count_in_no_figure_of_the_overview(tmp_path: Path) -> None:
    """The overview must agree with the list beside it, or nobody trusts either."""
    directory = the_directory(
        tmp_path,
        three_people(),
        WrittenDown(put_away=put_away("woo:2")),
        orders=[an_order(n, f"woo:{n}", total="40", order_day=TODAY - n) for n in (1, 2, 3)],
        refunds=[a_refund(1, 2, "woo:2", "5", refund_day=TODAY - 1)],
    )

    now = directory.overview(30).now

    assert (now.people, now.active, now.new, now.orders, now.net) == (2, 2, 2, 2, Decimal(80))


def test_over_all_time_the_overview_and_the_list_have_one_net(tmp_path: Path) -> None:
    """Imports date some refunds before their order; one before the shop's first order must not be lost."""
    person = a_buyer(1, orders=1, net="35", refunded="5", days=12)
    orders = [an_order(1, "woo:1", total="40", order_day=TODAY - 11)]
    refunds = [a_refund(1, 1, "woo:1", "5", refund_day=TODAY - 20)]
    directory = the_directory(tmp_path, [person], orders=orders, refunds=refunds)

    assert directory.overview(None).now.net == Decimal(35)
    assert directory.people(PeopleQuery()).net == {"EUR": Decimal(35)}


def test_the_list_of_the_hidden_shows_them_alone(tmp_path: Path) -> None:
    """To show somebody again one must find them: the same filters work there."""
    records = WrittenDown(put_away=put_away("woo:2", "woo:1", "woo:404"))
    directory = the_directory(tmp_path, three_people(), records)

    page = directory.people(PeopleQuery(hidden=True))

    assert page.rows["customer_key"].to_list() == ["woo:2", "woo:1"]
    assert (page.total, page.everyone, page.net) == (2, 1, {"EUR": Decimal(40)})
    assert keys(directory, hidden=True, rfm_groups=("Lost",)) == ["woo:1"]
    assert directory.place(PeopleQuery(hidden=True), "woo:1") == Place(2, 2, "woo:2", None)


def test_a_hidden_person_can_still_be_opened(tmp_path: Path) -> None:
    """A link from a mail leads to the page that says who deleted the person, and offers to undo it."""
    records = WrittenDown(saved=(("all", "orders_count >= 1"),), put_away=put_away("woo:2"))
    directory = the_directory(tmp_path, three_people(), records)

    person = directory.person("woo:2")

    assert person.row["customer_key"] == "woo:2"
    assert person.hidden == records.put_away["woo:2"]
    assert person.segments == ()
    assert directory.person("woo:1").hidden is None


def test_a_guest_who_was_hidden_stays_hidden_as_an_account(tmp_path: Path) -> None:
    """Registering must not bring a deleted person back into the list."""
    records = WrittenDown(known_as={"guest:ab": "woo:2"}, put_away=put_away("guest:ab"))
    directory = the_directory(tmp_path, three_people(), records)

    assert keys(directory) == ["woo:3", "woo:1"]
    assert directory.person("guest:ab").hidden is not None


def test_hiding_and_showing_again_is_seen_at_once(tmp_path: Path) -> None:
    """Undo stands beside delete: both must change the very next list."""
    records = WrittenDown()
    directory = the_directory(tmp_path, three_people(), records)
    assert len(keys(directory)) == 3

    records.put_away = put_away("woo:2")
    assert keys(directory) == ["woo:3", "woo:1"]

    records.put_away = {}
    assert keys(directory) == ["woo:2", "woo:3", "woo:1"]


def test_people_whom_the_shop_deleted_stay_in_lists_and_figures(tmp_path: Path) -> None:
    """What they bought was bought: without them the figures would not agree with the shop's."""
    people = [*three_people(deleted_at=AS_OF - timedelta(days=3)), a_person(4)]
    directory = the_directory(tmp_path, people, WrittenDown())

    assert len(keys(directory)) == 4
    assert directory.rfm_counts()["Lost"].people == 2
    assert directory.count(parse("orders_count >= 1")).people == 2
