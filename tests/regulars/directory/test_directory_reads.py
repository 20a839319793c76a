"""Lists, counts and lookups over a published version, compared with plain Python."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.directory.published import Directory
from regulars.directory.query import SORTS, PeopleQuery
from regulars.errors import NewerSchema, NothingPublished, RecordNotFound
from regulars.models import Hidden, Segment
from tests.regulars.directory.builders import (
    AS_OF,
    HOSTILE,
    SHOP,
    a_buyer,
    a_line,
    a_person,
    a_refund,
    also_in,
    an_order,
    publish_people,
    tricky_people,
)
from transforms.rules import RuleError, parse


@dataclass
class WrittenDown:
    """Live records, as a person left them a moment ago."""

    tagged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    saved: tuple[tuple[str, str], ...] = ()
    known_as: Mapping[str, str] = field(default_factory=dict)
    put_away: Mapping[str, Hidden] = field(default_factory=dict)

    def tags(self, shop: str) -> Mapping[str, tuple[str, ...]]:
        """Return the tags by customer key."""
        assert shop == SHOP
        return self.tagged

    def segments(self, shop: str) -> list[Segment]:
        """Return the saved segments."""
        assert shop == SHOP
        return [
            Segment(id=name, shop=SHOP, name=name.title(), rule=rule, created_at=datetime(2026, 1, 1, tzinfo=UTC))
            for name, rule in self.saved
        ]

    def identity_links(self, shop: str) -> Mapping[str, tuple[str, str]]:
        """Return the keys of the past; who leads to themselves is separated."""
        assert shop == SHOP
        return {key: (now, "separated" if key == now else "registered") for key, now in self.known_as.items()}

    def hidden(self, shop: str) -> Mapping[str, Hidden]:
        """Return who was deleted here."""
        assert shop == SHOP
        return self.put_away


def the_directory(
    folder: Path, people: list[dict[str, Any]], records: WrittenDown | None = None, **more: Any
) -> Directory:
    """Publish these people and return the directory that reads them."""
    publish_people(folder, people, **more)
    return Directory(folder, shop=SHOP, records=records)


def keys(directory: Directory, **query: Any) -> list[str]:
    """Return the keys of one page."""
    return directory.people(PeopleQuery(**query)).rows["customer_key"].to_list()


def test_a_list_shows_everyone_the_largest_net_first(tmp_path: Path) -> None:
    """The first screen answers "who matters most"; people without orders come last, but they are there."""
    directory = the_directory(tmp_path, [a_buyer(1, net="10"), a_person(2), a_buyer(3, net="30"), a_buyer(4, net="-5")])

    page = directory.people(PeopleQuery())

    assert page.rows["customer_key"].to_list() == ["woo:3", "woo:1", "woo:4", "woo:2"]
    assert (page.total, page.everyone, page.page, page.pages) == (4, 4, 1, 1)
    assert page.net == {"EUR": Decimal(35)}


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("müller", ["woo:1"]),
        ("MULLER", ["woo:1"]),
        ("lüdenscheidt ærøskøbing", ["woo:1"]),
        ("כהן", ["woo:2"]),
        ("🦄", ["woo:3"]),
        ("sara@example", ["woo:2"]),
        ("+49 170 123", ["woo:6"]),
        ("0170 1234567", ["woo:6"]),
        ("gmbh & co", ["woo:11"]),
        ("#4242", ["woo:5"]),
        ("4242", ["woo:5"]),
        ("424", []),
        (".*", []),
        ("**bold**", ["woo:4"]),
        ("\\frac{1}{2}$", ["woo:4"]),
        ("%", []),
        ("_", []),
        ("nobody of this name", []),
    ],
)
def test_search_finds_literally_whatever_the_script_or_case(tmp_path: Path, typed: str, found: list[str]) -> None:
    """What an analyst types is text, never a pattern; a telephone or order number works as it stands in a mail."""
    directory = the_directory(tmp_path, tricky_people(), orders=[an_order(4242, "woo:5")])

    assert keys(directory, search=typed, sort="name", descending=False) == found


def test_a_blank_search_filters_nothing(tmp_path: Path) -> None:
    """Spaces left in the box must not empty the list."""
    directory = the_directory(tmp_path, tricky_people())

    assert directory.people(PeopleQuery(search="  ")).total == len(tricky_people())


def test_filters_of_one_kind_are_alternatives_and_kinds_narrow_each_other(tmp_path: Path) -> None:
    """Two chips of one row widen the list, chips of two rows narrow it: what people expect of chips."""
    people = [
        a_buyer(1, rfm_group="Champions", country="DE"),
        a_buyer(2, rfm_group="Lost", country="DE"),
        a_buyer(3, rfm_group="Lost", country="FR"),
        a_buyer(4, rfm_group="New", country="FR"),
    ]
    records = WrittenDown(tagged={"woo:2": ("vip",), "woo:4": ("vip",)}, saved=(("french", 'country = "FR"'),))
    directory = the_directory(tmp_path, people, records)

    assert sorted(keys(directory, rfm_groups=("Champions", "Lost"))) == ["woo:1", "woo:2", "woo:3"]
    assert keys(directory, rfm_groups=("Champions", "Lost"), segments=("french",)) == ["woo:3"]
    assert sorted(keys(directory, tags=("vip",))) == ["woo:2", "woo:4"]
    assert keys(directory, tags=("vip",), segments=("french",)) == ["woo:4"]


def test_tags_and_segments_are_usable_the_moment_they_are_written(tmp_path: Path) -> None:
    """The published version is hours old; a tag set now must filter, count and describe now."""
    records = WrittenDown()
    directory = the_directory(tmp_path, [a_buyer(1), a_buyer(2)], records)
    assert keys(directory, tags=("vip",)) == []

    records.tagged = {"woo:2": ("vip", "tea")}
    records.saved = (("tea", 'tags contains "tea"'),)

    page = directory.people(PeopleQuery(segments=("tea",)))
    assert page.rows.select("customer_key", "tags").to_dicts() == [{"customer_key": "woo:2", "tags": ["vip", "tea"]}]
    assert directory.person("woo:2").segments == ("tea",)
    assert directory.segment_counts()["tea"].people == 1
    assert directory.count(parse('tags contains "tea"')).people == 1
    assert directory.tags_in_use() == ["tea", "vip"]


def test_tags_written_to_a_guest_follow_her_into_the_account(tmp_path: Path) -> None:
    """A guest who registers is one person: what was written about the guest must not vanish."""
    records = WrittenDown(tagged={"guest:ab": ("vip",), "woo:1": ("tea",)}, known_as={"guest:ab": "woo:1"})
    directory = the_directory(tmp_path, [a_buyer(1), a_buyer(2)], records)

    assert directory.people(PeopleQuery(tags=("vip",))).rows["tags"].to_list() == [["tea", "vip"]]
    assert directory.person("guest:ab").row["customer_key"] == "woo:1"


def test_deleted_people_are_in_the_list_and_in_no_segment(tmp_path: Path) -> None:
    """A deleted account keeps its orders, so it must be found; but nobody writes to it."""
    directory = the_directory(tmp_path, tricky_people(), WrittenDown(saved=(("all", "orders_count >= 0"),)))

    assert "woo:10" in keys(directory)
    assert "woo:10" not in keys(directory, segments=("all",))
    assert directory.person("woo:10").segments == ()
    assert directory.count(parse("orders_count >= 0")).people == len(tricky_people()) - 1


def test_net_is_summed_a_currency_each_and_never_added_up(tmp_path: Path) -> None:
    """Euros and dollars have no sum; what somebody spent outside the main currency still counts in its own."""
    two = a_buyer(1, net="100.10")
    directory = the_directory(
        tmp_path,
        [two, a_buyer(2, net="50.05"), a_buyer(3, net="7", currency="USD")],
        more_currencies=[also_in(two, "USD", "30.000001")],
    )

    assert directory.people(PeopleQuery()).net == {"EUR": Decimal("150.15"), "USD": Decimal("37.000001")}
    assert directory.people(PeopleQuery(search="First1")).net == {"EUR": Decimal("100.10"), "USD": Decimal("30.000001")}


def test_amounts_of_two_currencies_are_not_sorted_into_each_other(tmp_path: Path) -> None:
    """5,000 yen are not more than 40 euros: the currency most people use comes first, then amounts within each."""
    people = [a_buyer(1, net="40"), a_buyer(2, net="30"), a_buyer(3, net="5000", currency="JPY")]
    directory = the_directory(tmp_path, people)

    assert keys(directory, sort="net") == ["woo:1", "woo:2", "woo:3"]
    assert keys(directory, sort="net", descending=False) == ["woo:2", "woo:1", "woo:3"]


def test_a_segment_that_is_gone_is_named(tmp_path: Path) -> None:
    """An old link with a deleted segment must say so, instead of showing everyone or nobody."""
    directory = the_directory(tmp_path, [a_buyer(1)], WrittenDown())

    with pytest.raises(RecordNotFound, match="old-one"):
        directory.people(PeopleQuery(segments=("old-one",)))


def test_a_saved_rule_that_no_longer_parses_does_not_hide_the_others(tmp_path: Path) -> None:
    """A field may be gone after an update; the other cards must keep their counts."""
    records = WrittenDown(saved=(("broken", "no_such_field > 3"), ("good", "orders_count >= 1")))
    directory = the_directory(tmp_path, [a_buyer(1)], records)

    counts = directory.segment_counts()

    assert isinstance(counts["broken"], RuleError)
    assert not isinstance(counts["good"], RuleError)
    assert counts["good"].people == 1
    assert directory.person("woo:1").segments == ("good",)


def test_a_count_names_people_net_and_ten_of_them(tmp_path: Path) -> None:
    """The builder shows these three while a rule is typed."""
    directory = the_directory(tmp_path, [a_buyer(n, net=str(n)) for n in range(1, 31)])

    count = directory.count(parse("total_spent > 10"))

    assert (count.people, count.net) == (20, {"EUR": Decimal(sum(range(11, 31)))})
    assert count.sample["customer_key"].to_list() == [f"woo:{n}" for n in range(30, 20, -1)]


def test_groups_have_people_and_net(tmp_path: Path) -> None:
    """The overview shows them; people without a counted order are in no group."""
    people = [a_buyer(1, rfm_group="Lost", net="5"), a_buyer(2, rfm_group="Lost", net="6"), a_person(3)]
    directory = the_directory(tmp_path, people)

    counts = directory.rfm_counts()

    assert {group: (count.people, count.net) for group, count in counts.items()} == {"Lost": (2, {"EUR": Decimal(11)})}


def test_a_person_comes_with_everything_the_shop_knows(tmp_path: Path) -> None:
    """The profile reads one person, newest orders first, and nobody else's."""
    directory = the_directory(
        tmp_path,
        tricky_people(),
        orders=[
            an_order(1, "woo:1", created_at=AS_OF - timedelta(days=9)),
            an_order(2, "woo:1"),
            an_order(3, "woo:2"),
            an_order(4, "woo:1", created_at=AS_OF - timedelta(days=2)),
        ],
        order_lines=[a_line(1, 2, name="B"), a_line(1, 1, name=HOSTILE), a_line(3, 3), a_line(4, 4)],
        refunds=[a_refund(1, 1, "woo:1", "5.00"), a_refund(2, 3, "woo:2", "1.00")],
    )

    person = directory.person("woo:1")

    assert person.row["email"] == "mueller@example.com"
    assert person.currencies["currency"].to_list() == ["EUR"]
    assert directory.orders_of("woo:1")["order_id"].to_list() == [4, 1, 2]
    assert directory.lines_of([1, 4])["name"].to_list() == [HOSTILE, "B", "Green tea"]
    assert directory.lines_of([]).height == 0
    assert directory.refunds_of("woo:1")["refund_id"].to_list() == [1]
    assert directory.orders_of("woo:404").height == 0


def test_an_unknown_key_is_a_sentence(tmp_path: Path) -> None:
    """Links get old; the profile shows this sentence."""
    directory = the_directory(tmp_path, [a_buyer(1)])

    with pytest.raises(RecordNotFound, match="Nobody"):
        directory.person("woo:2")


def test_a_shop_without_anybody_has_an_empty_list(tmp_path: Path) -> None:
    """A new shop has no customers: zero of zero, one page, no error."""
    page = the_directory(tmp_path, []).people(PeopleQuery(search="x"))

    assert (page.total, page.everyone, page.pages, page.net, page.rows.height) == (0, 0, 1, {}, 0)


def test_before_the_first_sync_there_is_nothing_to_read(tmp_path: Path) -> None:
    """The app starts before the first sync ends and shows its progress instead."""
    directory = Directory(tmp_path / "nothing", shop=SHOP)

    assert not directory.is_published()
    with pytest.raises(NothingPublished):
        directory.people(PeopleQuery())


def test_data_of_a_newer_version_are_refused_in_one_sentence(tmp_path: Path) -> None:
    """An older Regulars must not guess at a layout it does not know."""
    directory = the_directory(tmp_path, [a_buyer(1)])
    (file,) = tmp_path.glob("*/manifest.json")
    file.write_text(file.read_text().replace('"schema_version": 2', '"schema_version": 3'))

    with pytest.raises(NewerSchema, match="update Regulars"):
        directory.people(PeopleQuery())


def test_a_new_version_is_read_as_soon_as_it_is_published(tmp_path: Path) -> None:
    """A screen left open switches to the new figures by itself."""
    directory = the_directory(tmp_path, [a_buyer(1)])
    assert directory.people(PeopleQuery()).total == 1

    publish_people(tmp_path, [a_buyer(1), a_buyer(2)])

    assert directory.people(PeopleQuery()).total == 2


people_strategy = st.lists(
    st.builds(
        lambda orders, net, name, group, days: (
            {"first_name": name, "last_name": None}
            | ({"orders": orders, "net": net, "days": days, "rfm_group": group} if orders else {})
        ),
        orders=st.integers(0, 3),
        net=st.decimals(-50, 50, places=2).map(str),
        name=st.sampled_from(["Anna", "anna", "Ánna", "Bo", "", None, "الف"]),
        group=st.sampled_from(["Champions", "Lost"]),
        days=st.integers(0, 3),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    drawn=people_strategy,
    sort=st.sampled_from(sorted(SORTS)),
    descending=st.booleans(),
    size=st.integers(1, 7),
    search=st.sampled_from(["", "ann", "BO", "example.com 1"]),
)
def test_paging_shows_each_person_exactly_once(
    *,
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[dict[str, Any]],
    sort: str,
    descending: bool,
    size: int,
    search: str,
) -> None:
    """Ties and absent values must not make anybody appear twice or never while paging, whatever the order."""
    people = [
        a_buyer(number, **fields) if "orders" in fields else a_person(number, **fields)
        for number, fields in enumerate(drawn)
    ]
    directory = the_directory(tmp_path_factory.mktemp("shop"), people)
    query = {"sort": sort, "descending": descending, "search": search, "page_size": size}
    pages = directory.people(PeopleQuery(**query)).pages

    seen = [key for page in range(1, pages + 1) for key in keys(directory, **query, page=page)]

    def plain(person: dict[str, Any]) -> str:
        return f"{person['first_name'] or ''} {person['last_name'] or ''} {person['email']}".lower().replace("á", "a")

    expected = {
        person["customer_key"] for person in people if all(word in plain(person) for word in search.lower().split())
    }
    assert len(seen) == len(set(seen))
    assert set(seen) == expected


def test_what_nobody_wrote_is_not_read_again(tmp_path: Path) -> None:
    """The tags of ten thousand people take longer to read than the list itself: a store that can tell saves it."""

    @dataclass
    class WatchedDown(WrittenDown):
        version: int = 0
        reads: int = 0

        def written(self, shop: str) -> int:
            return self.version

        def tags(self, shop: str) -> Mapping[str, tuple[str, ...]]:
            self.reads += 1
            return super().tags(shop)

    records = WatchedDown(tagged={"woo:1": ("vip",)})
    directory = the_directory(tmp_path, [a_buyer(1), a_buyer(2)], records)
    assert keys(directory, tags=("vip",)) == ["woo:1"]
    reads = records.reads
    assert keys(directory) == ["woo:1", "woo:2"]
    assert records.reads == reads

    records.tagged, records.version = {"woo:2": ("vip",)}, 1

    assert keys(directory, tags=("vip",)) == ["woo:2"]
