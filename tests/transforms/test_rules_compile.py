"""What rules mean: compiled rules against a naive reading, absence, shop days, and size."""

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.rule_cases import AS_OF, BERLIN, a_person, people, persons, rules_on_people
from tests.transforms.rule_oracle import Shop, holds
from transforms.rules import FIELDS, MAX_LEAVES, Condition, Kind, Not, compile_rule, folded_field, parse

SHOP = Shop(AS_OF, BERLIN)


def matches(rule, *rows, as_of=AS_OF, timezone=BERLIN):
    """Return the compiled rule's answer for each row."""
    compiled = compile_rule(parse(rule) if isinstance(rule, str) else rule, as_of=as_of, timezone=timezone)
    return people(*rows).select(compiled.alias("in")).collect()["in"].to_list()


@settings(max_examples=80, deadline=None)
@given(rules_on_people(), st.lists(persons(), min_size=1, max_size=4))
def test_a_compiled_rule_says_what_the_naive_reading_says(rule, rows):
    """The compiler is the product: it is held against one comparison at a time, with absent values everywhere."""
    assert matches(rule, *rows) == [holds(rule, row, SHOP) for row in rows]


@settings(max_examples=50, deadline=None)
@given(rules_on_people(), st.lists(persons(), min_size=1, max_size=4))
def test_a_rule_over_texts_folded_before_says_the_same(rule, rows):
    """Lists of a million people compare stored, folded columns: the answer must be the one of the published segments."""
    folded = {name: f"_{name}" for name, field in FIELDS.items() if field.kind == Kind.TEXT}
    stored = people(*rows).with_columns(folded_field(name).alias(column) for name, column in folded.items())
    compiled = compile_rule(rule, as_of=AS_OF, timezone=BERLIN, folded=folded)

    answers = stored.drop("city", "email", "company").select(compiled.alias("in")).collect()["in"].to_list()

    assert answers == [holds(rule, row, SHOP) for row in rows]


def test_absent_is_false_and_not_of_it_true():
    """Somebody without an order is not “under 3 days”, so they are in the opposite segment."""
    absent = a_person(recency_days=None)
    assert matches("recency_days < 3", absent) == [False]
    assert matches("not recency_days < 3", absent) == [True]
    assert matches("recency_days != 3", absent) == [False]
    assert matches("recency_days not in (3)", absent) == [False]
    assert matches("recency_days is null", absent) == [True]


def test_an_empty_text_is_absent():
    """The shop sends "" for what it does not know."""
    assert matches("company is null", a_person(company=""), a_person(company="Acme")) == [True, False]
    assert matches('company != "acme"', a_person(company=""), a_person(company="ACME"), a_person(company="B")) == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("stored", "typed"),
    [("Straße", "STRASSE"), ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"), ("e\u0301", "É"), ("ＡＢＣ", "abc"), ("Иван", "иВАН")],
)
def test_texts_compare_without_case_or_form(stored, typed):
    """People type names as they come; the same name in another form is the same."""
    assert matches(Condition("city", "=", typed), a_person(city=stored)) == [True]
    assert matches(Condition("city", "starts with", typed[:3]), a_person(city=stored)) == [True]


def test_a_beginning_that_ends_in_sigma_is_found():
    """Lower-casing alone turns a last Σ into ς, which is not how the name goes on."""
    assert matches(Condition("city", "starts with", "ΟΔΥΣ"), a_person(city="Οδυσσέας".replace("έ", "ε"))) == [True]


def test_patterns_are_plain_text():
    """A dot is a dot: no search of a user is ever run as a pattern."""
    assert matches('email contains "a.c"', a_person(email="abc@x"), a_person(email="a.c@x")) == [False, True]
    assert matches('email contains "%"', a_person(email="abc")) == [False]


def test_the_name_is_first_and_last():
    """Searching for a full name is what people do first."""
    rows = (
        a_person(first_name="Ana", last_name="Lima"),
        a_person(first_name="", last_name="Lima"),
        a_person(first_name=None, last_name=None),
    )
    assert matches('name = "ana lima"', *rows) == [True, False, False]
    assert matches('name starts with "lima"', *rows) == [False, True, False]
    assert matches("name is null", *rows) == [False, False, True]


@pytest.mark.parametrize("days", [0, 1, 89, 90, 91])
@pytest.mark.parametrize("timezone", ["UTC", BERLIN, "Pacific/Auckland", "America/St_Johns", "Asia/Kathmandu"])
def test_ages_count_shop_days_and_split_everybody(days, timezone):
    """`older than 90` and `within 90` together are everybody with an order, and agree with recency_days."""
    as_of = datetime(2026, 4, 6, 12, 30, tzinfo=UTC)
    rows = [a_person(last_order_at=as_of - timedelta(hours=h, microseconds=1)) for h in range(0, 24 * 95, 5)]
    ages = people(*rows).select(
        (
            pl.lit(as_of).dt.convert_time_zone(timezone).dt.date()
            - pl.col("last_order_at").dt.convert_time_zone(timezone).dt.date()
        ).dt.total_days()
    )
    older = matches(f"last_order older than {days} days", *rows, as_of=as_of, timezone=timezone)
    within = matches(f"last_order within {days} days", *rows, as_of=as_of, timezone=timezone)
    assert older == [age > days for age in ages.collect().to_series()]
    assert within == [not is_older for is_older in older]


def test_the_day_of_a_sale_is_the_shops_day():
    """23:30 UTC on New Year's Eve is next year in Berlin."""
    row = a_person(last_order_at=datetime(2025, 12, 31, 23, 30, tzinfo=UTC))
    assert matches("last_order = 2026-01-01", row) == [True]
    assert matches("last_order < 2026-01-01", row) == [False]
    assert matches("last_order < 2026-01-01", row, timezone="UTC") == [True]


def test_both_copies_of_the_autumn_hour_are_the_same_day():
    """On 25 October 2026 the hour from two to three happens twice in Berlin; both are that day."""
    as_of = datetime(2026, 10, 25, 23, tzinfo=UTC)  # 00:00 of the 26th
    rows = [a_person(last_order_at=datetime(2026, 10, 25, hour, 30, tzinfo=UTC)) for hour in (0, 1)]
    rows.append(a_person(last_order_at=datetime(2026, 10, 24, 21, 59, tzinfo=UTC)))
    assert matches("last_order within 1 day", *rows, as_of=as_of) == [True, True, False]


@pytest.mark.parametrize(
    ("timezone", "day"),
    [
        ("America/St_Johns", date(2010, 11, 7)),  # clocks back at 00:01: the day came, went and came again
        ("America/Sao_Paulo", date(2017, 10, 15)),  # no midnight: the day began at 01:00
        ("Asia/Beirut", date(2023, 10, 29)),  # midnight twice
        ("America/Havana", date(2025, 11, 2)),
        ("Pacific/Apia", date(2011, 12, 30)),  # a day that was left out
        ("Africa/Casablanca", date(2026, 2, 15)),
        ("Australia/Lord_Howe", date(2026, 4, 5)),  # by half an hour
        ("Etc/GMT-14", date(2026, 1, 1)),
        ("Etc/GMT+12", date(2026, 1, 1)),
        ("UTC", date(1850, 6, 1)),
        (BERLIN, date(2300, 1, 10)),
    ],
)
def test_strange_days_are_the_days_of_the_zone(timezone, day):
    """A sale belongs to the day that the shop's clock showed, however the clock was set."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    instants = [noon + timedelta(minutes=n) for n in range(-60 * 60, 60 * 60, 1)]
    as_of = noon + timedelta(days=30, hours=5)
    zone = ZoneInfo(timezone)
    rows = [a_person(last_order_at=instant) for instant in instants]
    ages = [(as_of.astimezone(zone).date() - instant.astimezone(zone).date()).days for instant in instants]
    for op, expected in (("<", "__lt__"), ("<=", "__le__"), ("=", "__eq__"), ("!=", "__ne__"), (">", "__gt__")):
        right = [getattr(instant.astimezone(zone).date(), expected)(day) for instant in instants]
        assert matches(f"last_order {op} {day}", *rows, as_of=as_of, timezone=timezone) == right, op
    for days in (29, 30, 31):
        older = matches(f"last_order older than {days} days", *rows, as_of=as_of, timezone=timezone)
        assert older == [age > days for age in ages], days


def test_what_happens_at_or_after_as_of_has_no_age():
    """As-of is exclusive: an account made afterwards is neither new nor old on that day."""
    rows = [a_person(created_at=AS_OF), a_person(created_at=AS_OF - timedelta(microseconds=1))]
    assert matches("created within 30 days", *rows) == [False, True]
    assert matches("created older than 0 days", *rows) == [False, True]


def test_money_compares_exactly():
    """A cent, or a thousandth, decides."""
    rows = [a_person(net=Decimal(value)) for value in ("0.3", "0.300001", "-5", "999999999999.999999")]
    assert matches("total_spent > 0.3", *rows) == [False, True, False, True]
    assert matches("total_spent = 999999999999.999999", *rows) == [False, False, False, True]


def test_scores_compare_with_numbers_beyond_their_type():
    """`r` is stored in eight bits; a rule may say 1000 without an overflow turning it round."""
    assert matches("r < 1000 and r > -1000", a_person(r=5)) == [True]


def test_tags_are_searched_where_there_are_any():
    """Tags come from the records; a published file has no such column."""
    with_tags = [a_person(tags=["VIP", "Straße"]), a_person(tags=[]), a_person(tags=None)]
    assert matches('tags contains "vip"', *with_tags) == [True, False, False]
    assert matches('tags contains "STRASSE"', *with_tags) == [True, False, False]
    assert matches("tags is null", *with_tags) == [False, True, True]
    assert matches('not tags contains "vip"', a_person(), a_person()) == [True, True]
    assert matches("tags is not null", a_person(), a_person()) == [False, False]


def test_accounts_and_guests_are_told_by_their_key():
    """A guest has no account, even if the shop knows much about them."""
    keys = [a_person(customer_key=key) for key in ("woo:1", "guest:woo:1", "guest-order:4")]
    assert matches("is_account = true", *keys) == [True, False, False]
    assert matches("is_account = false", *keys) == [False, True, True]


def test_an_instant_without_a_zone_is_refused():
    """A naive as-of would silently be another day in half of the world."""
    with pytest.raises(ValueError, match="time zone"):
        compile_rule(parse("r = 5"), as_of=datetime(2026, 1, 1), timezone=BERLIN)  # noqa: DTZ001


def test_the_largest_rule_plans_and_runs_soon():
    """A left-deep `or` of thousands took Polars minutes to plan; the largest allowed must be a matter of moments."""
    rule = parse(" or ".join(f"orders_count = {i}" for i in range(MAX_LEAVES)))
    begun = time.perf_counter()
    assert matches(rule, a_person(orders_count=255), a_person(orders_count=256)) == [True, False]
    assert time.perf_counter() - begun < 10


def test_far_days_do_not_overflow():
    """Year 9999 and 100,000 days are allowed to be typed."""
    row = a_person(last_order_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert matches(Not(Condition("last_order", ">=", date(9999, 12, 31))), row) == [True]
    assert matches("last_order older than 100000 days or last_order < 0001-01-01", row) == [False]
