"""The whole rule language over a version and what is written now: orders, what was bought, segments, past days."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from regulars.directory.layout import scan_table
from regulars.directory.not_derived import NotYetDerived
from regulars.directory.overlay import Overlay
from regulars.directory.past import reconstruct
from regulars.directory.published import Directory
from regulars.directory.query import Count, PeopleQuery
from regulars.directory.reconstructed import TABLES
from regulars.errors import LaterThanFigures
from regulars.models import Hidden
from tests.regulars.directory.builders import (
    AS_OF,
    BERLIN,
    SHOP,
    a_buyer,
    a_line,
    a_person,
    a_refund,
    also_in,
    an_order,
    as_of_schema_1,
    publish_people,
)
from tests.regulars.directory.test_directory_reads import WrittenDown
from transforms.days import as_of_for_day, day_number
from transforms.rules import RuleError, parse


def ordered(number: int, key: str, days_ago: int, **fields: Any) -> dict[str, Any]:
    """Return an order so many days before the figures."""
    at = AS_OF - timedelta(days=days_ago, hours=2)
    return an_order(number, key, created_at=at, order_day=day_number(at, BERLIN), **fields)


def a_shop(folder: Path, records: WrittenDown | None = None) -> Directory:
    """Publish a shop of five and return its directory."""
    people = [
        a_buyer(1, net="150.00", orders=3, categories=["Tea", "Ware"], median_days_between=10.5),
        a_buyer(2, net="40.00", orders=1, coupons=["WELCOME"]),
        a_buyer(3, net="9.00", orders=1),
        a_person(4),
        a_buyer(5, net="70.00", orders=1, deleted_at=AS_OF - timedelta(days=3)),
    ]
    orders = [
        ordered(1, "woo:1", 5, total="100.00"),
        ordered(2, "woo:1", 50, total="30.00"),
        ordered(3, "woo:1", 500, total="20.00"),
        ordered(4, "woo:2", 5, total="40.00", coupons=["WELCOME"]),
        ordered(5, "woo:3", 80, total="9.00"),
        ordered(6, "woo:3", 8, total="99.00", status="cancelled", counted=False),
        ordered(7, "woo:5", 9, total="70.00"),
    ]
    lines = [a_line(1, 1), a_line(4, 2, name="Kettle", sku="K-1", product_id=8), a_line(5, 3, quantity=7)]
    publish_people(folder, people, orders=orders, order_lines=lines)
    return Directory(folder, shop=SHOP, records=records)


def found(directory: Directory, rule: str) -> list[str]:
    """Return the keys of those whom a rule describes."""
    return sorted(directory.keys(PeopleQuery(rule=parse(rule), page_size=50)).to_list())


@pytest.mark.parametrize(
    ("rule", "keys"),
    [
        ("orders(count >= 2)", ["woo:1"]),
        ("orders(count >= 2, within 90 days)", ["woo:1"]),
        ("orders(count >= 2, within 30 days)", []),
        ("orders(count = 0)", ["woo:4"]),
        ('orders(status in ("cancelled"))', ["woo:3"]),
        ('orders(coupon = "welcome")', ["woo:2"]),
        ('bought(product contains "TEA")', ["woo:1", "woo:3"]),
        ('bought(sku = "k-1") or orders(total > 50)', ["woo:1", "woo:2"]),
        ("not bought(pieces >= 1)", ["woo:4"]),
        ("bought(quantity >= 5) and orders_count = 1", ["woo:3"]),
        ("orders_count between 1 and 2", ["woo:2", "woo:3"]),
        ("median_days_between between 10 and 11", ["woo:1"]),
        ('categories contains "tea"', ["woo:1"]),
        ('coupons contains "welcome" or categories contains "WARE"', ["woo:1", "woo:2"]),
        ("coupons is null and orders_count >= 1", ["woo:1", "woo:3"]),
    ],
)
def test_rules_ask_for_orders_and_what_was_bought(rule: str, keys: list[str], tmp_path: Path) -> None:
    """Lists, counts and segments speak the same language, and nobody whom the shop deleted is in any of them."""
    directory = a_shop(tmp_path, WrittenDown(saved=(("asked", rule),)))

    assert found(directory, rule) == keys
    assert directory.count(parse(rule)).people == len(keys)
    card = directory.segment_counts()["asked"]
    assert isinstance(card, Count)
    assert card.people == len(keys)


def test_segments_name_segments_as_they_are_now(tmp_path: Path) -> None:
    """A segment that is edited, or a tag that is given, changes every segment that builds on it at once."""
    records = WrittenDown(
        saved=(
            ("both", 'in_segment("big") and in_segment("tagged")'),
            ("big", "net >= 40"),
            ("tagged", "tags is not null"),
        )
    )
    directory = a_shop(tmp_path, records)
    assert found(directory, 'in_segment("both")') == []

    records.tagged = {"woo:1": ("gold",), "woo:3": ("gold",)}
    assert found(directory, 'in_segment("both")') == ["woo:1"]
    assert found(directory, 'in_segment("TAGGED") and not in_segment("both")') == ["woo:3"]
    assert directory.person("woo:1").segments == ("both", "big", "tagged")

    records.saved = (*records.saved[:1], ("big", "net >= 5"), *records.saved[2:])
    assert found(directory, 'in_segment("both")') == ["woo:1", "woo:3"]


def test_whoever_was_deleted_here_is_a_member_of_nothing(tmp_path: Path) -> None:
    """Among the people who were deleted here nobody is in a segment, so all of them are outside of it."""
    hidden = {"woo:1": Hidden(customer_key="woo:1", at=AS_OF, author="ana")}
    directory = a_shop(tmp_path, WrittenDown(saved=(("big", "net >= 40"),), put_away=hidden))

    outside = PeopleQuery(rule=parse('not in_segment("big")'), hidden=True)
    assert directory.keys(outside).to_list() == ["woo:1"]
    assert found(directory, 'in_segment("big")') == ["woo:2"]


def test_a_segment_that_cannot_be_evaluated_says_so_on_its_card_and_others_go_on(tmp_path: Path) -> None:
    """One circle among twenty cards must not take the page away, and a count must not pass over what it cannot ask."""
    saved = (
        ("one", 'in_segment("two")'),
        ("two", 'in_segment("one")'),
        ("after", 'in_segment("one") or net > 0'),
        ("gone", 'in_segment("nobody")'),
        ("fine", "net > 0"),
    )
    directory = a_shop(tmp_path, WrittenDown(saved=saved))

    cards = directory.segment_counts()
    assert [name for name, card in cards.items() if isinstance(card, RuleError)] == ["one", "two", "after", "gone"]
    assert isinstance(cards["fine"], Count)
    assert directory.person("woo:1").segments == ("fine",)
    for rule in ('in_segment("one")', 'in_segment("after")', 'in_segment("nobody")'):
        with pytest.raises(RuleError):
            directory.count(parse(rule))
    with pytest.raises(RuleError, match="circle"):
        directory.people(PeopleQuery(segments=("one",)))


def test_a_long_chain_of_segments_is_evaluated(tmp_path: Path) -> None:
    """Segments built on segments for years must not end in a stack that overflows."""
    chain = tuple((f"s{n}", f'in_segment("s{n - 1}")' if n else "net > 0") for n in range(400))
    directory = a_shop(tmp_path, WrittenDown(saved=tuple(reversed(chain))))

    assert found(directory, 'in_segment("s399")') == ["woo:1", "woo:2", "woo:3"]


RULES = (
    "orders_count >= 1",
    "orders(count >= 1, within 90 days)",
    'bought(product contains "tea") and tags is null',
    'in_segment("big") or not in_segment("old")',
    "last_order older than 20 days",
    'country = "DE" and (m >= 1 or net = 0)',
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rule=st.sampled_from(RULES))
def test_as_of_the_figures_own_day_the_past_is_the_present(rule: str, tmp_path: Path) -> None:
    """The two ways to count must not drift apart: where they ask the same, they answer the same."""
    folder = tmp_path / "shop"
    if not folder.exists():
        _agreeing_shop(folder)
    saved = (("big", "net >= 100"), ("old", "last_order older than 60 days"))
    hidden = {"woo:9": Hidden(customer_key="woo:9", at=AS_OF, author="ana")}
    records = WrittenDown(tagged={"woo:1": ("gold",)}, saved=saved, put_away=hidden)
    directory = Directory(folder, shop=SHOP, records=records)

    now, then = directory.count(parse(rule)), directory.count_as_of(parse(rule), AS_OF)

    assert (then.people, then.net) == (now.people, now.net)
    assert then.sample["customer_key"].to_list() == now.sample["customer_key"].to_list()


def _agreeing_shop(folder: Path) -> None:
    """Publish people whose figures are those of their orders."""
    euros = a_buyer(1, net="110.00", orders=2, days=5)
    people = [euros, a_buyer(2, net="40.00", orders=1, days=30), a_person(3), a_buyer(9, net="7.00", orders=1, days=70)]
    orders = [
        ordered(1, "woo:1", 5, total="70.00"),
        ordered(2, "woo:1", 50, total="60.00"),
        ordered(3, "woo:2", 30, total="40.00"),
        ordered(4, "woo:1", 60, total="12.00", currency="SEK"),
        ordered(5, "woo:9", 70, total="7.00"),
    ]
    scored = [person | ({"r": 3, "f": 3, "m": 3} if person["orders_count"] else {}) for person in people]
    scored[0] = scored[0] | {"orders_count": 3}
    publish_people(
        folder,
        scored,
        orders=orders,
        order_lines=[a_line(1, 1), a_line(5, 2)],
        refunds=[a_refund(1, 1, "woo:1", "20.00")],
        more_currencies=[also_in(euros, "SEK", "12.00")],
    )


def test_a_past_day_has_the_figures_of_that_day(tmp_path: Path) -> None:
    """Somebody who bought last week did not count a year ago, and their net was another."""
    directory = a_shop(tmp_path)
    day = as_of_for_day((AS_OF - timedelta(days=20)).date(), BERLIN)

    counted = directory.count_as_of(parse("orders_count >= 1"), day)

    assert sorted(counted.sample["customer_key"].to_list()) == ["woo:1", "woo:3"]
    assert counted.net == {"EUR": Decimal("59.00")}
    assert counted.sample.row(0, named=True)["orders_count"] == 2
    with pytest.raises(LaterThanFigures, match="2026-11-12"):
        directory.count_as_of(parse("orders_count >= 1"), AS_OF + timedelta(days=1))


def test_the_first_few_of_a_past_day_are_those_of_everybody(tmp_path: Path) -> None:
    """A sample is worked out for its people alone: what is shown of them must be what a whole list shows."""
    directory = a_shop(tmp_path)
    (version,) = (folder for folder in tmp_path.iterdir() if folder.is_dir())
    tables = {name: scan_table(version, name) for name in TABLES}
    asked = partial(reconstruct, tables, parse("orders_count >= 0"), Overlay(), as_of=AS_OF, timezone=BERLIN)

    everybody, few = asked(), asked(most=2)

    assert (few.total, few.net) == (everybody.total, everybody.net) == (4, directory.count(parse("net > 0")).net)
    assert_frame_equal(few.people, everybody.people.head(2))


def test_before_the_shop_was_open_nobody_was_there(tmp_path: Path) -> None:
    """Whoever came later must not be counted among those who had not bought."""
    directory = a_shop(tmp_path)
    long_ago = datetime.fromisoformat("1995-01-01T00:00:00+00:00")

    assert directory.count_as_of(parse("orders_count >= 1"), long_ago).people == 0
    assert directory.count_as_of(parse("orders_count = 0"), long_ago).people == 0
    assert directory.count_as_of(parse("not orders(count >= 1)"), long_ago).people == 0


def test_segments_that_ask_what_a_version_lacks_say_so_and_the_others_count(tmp_path: Path) -> None:
    """After an update, until the first run: a card with nobody on it would be believed."""
    version = publish_people(tmp_path, [a_buyer(1), a_buyer(2)], orders=[an_order(1, "woo:1")])
    as_of_schema_1(tmp_path / version)
    saved = (
        ("slow", "median_days_between > 30"),
        ("behind", 'in_segment("slow") or orders_count > 0'),
        ("buyers", "orders_count > 0"),
    )
    directory = Directory(tmp_path, shop=SHOP, records=WrittenDown(saved=saved))

    counts = directory.segment_counts()

    assert isinstance(counts["slow"], NotYetDerived)
    assert isinstance(counts["behind"], NotYetDerived)
    assert isinstance(counts["buyers"], Count)
    assert directory.segments_of(["woo:1"]) == {"woo:1": ("buyers",)}
    with pytest.raises(NotYetDerived, match="next sync on: categories"):
        directory.people(PeopleQuery(rule=parse('categories contains "Tea" or r = 5')))
