"""Rules that were written to break something: each ends in one sentence, short of the compiler, quoting little."""

import json
import time

import pytest

from tests.transforms.rule_cases import AS_OF, BERLIN
from transforms import rule_compile, rule_queries
from transforms.rules import (
    MAX_LEAVES,
    MAX_TERMS,
    BoughtQuery,
    Condition,
    InSegment,
    OrdersQuery,
    RuleError,
    Term,
    compile_rule,
    from_criteria,
    from_dict,
    parse,
    to_text,
)

SECRET = "Zx" * 30  # longer than an error may quote

TEXTS = [
    'read_csv("/etc/passwd")',
    'read_parquet("s3://x/*")',
    'scan("x") = 1',
    "pl.col('email')",
    "__import__('os')",
    "r = 5; drop table customers",
    "r = 5 -- and",
    "r = 5 /* x */",
    "r = 5 union select 1",
    "r = (select 5)",
    "r = {'$ne': null}",
    "$where = 1",
    "email = 'a' || 'b'",
    "email like '%'",
    "email matches 'a.*'",
    "email ~ 'x'",
    "r = $1",
    "r = ${r}",
    "r = r",
    "r = 0x10",
    "r = 1_000",
    "r = +5",
    "r = 5e3",
    "total_spent > nan",
    "total_spent > inf",
    "total_spent > 1e999999999",
    "r = " + "9" * 5_000,
    "total_spent = " + "9" * 5_000,
    "total_spent = 0." + "0" * 5_000 + "1",
    "last_order < 99999-01-01",
    "last_order < 0000-00-00",
    "last_order = 2026-02-30",
    "last_order within 99999999999999999999 days",
    "last_order older than 999999999 weeks",
    "r between 5 and 1",
    "r between 1",
    "r between (1, 5)",
    "last_order between 90 days and 30 days",
    'email = "\0"',
    'email = "\ud83d"',
    "\0",
    "\ud800",
    f'email = "{"x" * 401}"',
    'orders("x")',
    "orders()",
    "orders(count)",
    "orders(count >= 1",
    "orders(count >= 1,)",
    "orders(count >= 1 or count = 0)",
    "orders(not count = 1)",
    "orders((count = 1))",
    "orders(orders(count = 1))",
    'orders(in_segment("vip"))',
    "orders(tags contains 'x')",
    "orders(product = 'x')",
    "orders(count is null)",
    "orders(count older than 3 days)",
    "orders(status within 3 days)",
    "orders(within 3)",
    "orders(within days)",
    "orders >= 3",
    "bought('Mug')",
    "bought(total > 5)",
    "bought(within -3 days)",
    "in_segment()",
    "in_segment(vip)",
    'in_segment("vip", "new")',
    'in_segment("")',
    f'in_segment("{"x" * 401}")',
    "in_segment = 'vip'",
    "Orders_Count(3) = 1",
    f"{SECRET} = 1",
    f'r = "{SECRET}"',
    f'{SECRET}("x")',
    f"orders({SECRET} = 1)",
    f'orders(count = "{SECRET}")',
    f"r {SECRET} 5",
    f'is_account = "{SECRET}"',
    f'r in (1, "{SECRET}")',
    f'r between 1 and "{SECRET}"',
    f"last_order within {'9' * 60} days",
    f"last_order = {SECRET}",
]


@pytest.fixture(autouse=True)
def nothing_is_compiled(monkeypatch):
    """Fail where any text or tree of this module reaches an expression."""

    def reached(*_args, **_kwargs):
        raise AssertionError("a refused rule was compiled")

    monkeypatch.setattr(rule_compile, "_compile", reached)
    monkeypatch.setattr(rule_queries, "_orders", reached)


def refused(read, given):
    """Return the error; it must be one sentence, quote at most 40 characters, and show no odd ones."""
    with pytest.raises(RuleError) as caught:
        read(given)
    error = caught.value
    assert SECRET[:41] not in error.message
    assert len(error.found) <= 40
    assert len(error.message) < 700
    assert "\n" not in error.message
    assert error.message.encode()
    return error


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:30]))
def test_hostile_text_is_refused_at_its_place(text):
    """Nothing of a rule is ever run: it is read, or it is refused."""
    error = refused(lambda rule: compile_rule(parse(rule), as_of=AS_OF, timezone=BERLIN), text)
    assert error.position is not None
    assert 0 <= error.position <= len(text)


def deep_json(levels):
    """Return objects within objects."""
    tree = {"field": "r", "op": "=", "value": 5}
    for _ in range(levels):
        tree = {"not": tree}
    return tree


def nested_list(levels):
    """Return a list within lists."""
    made = []
    for _ in range(levels):
        made = [made]
    return made


TREES = [
    {"field": "r", "op": "=", "value": {"$ne": None}},
    {"field": "r", "op": {"$gt": 1}, "value": 5},
    {"field": {"$where": "1"}, "op": "=", "value": 5},
    {"field": "$where", "op": "=", "value": "1"},
    {"field": "email", "op": "$regex", "value": ".*"},
    {"field": "email", "op": SECRET, "value": "x"},
    {"field": SECRET, "op": "=", "value": "x"},
    {"field": "r", "op": "=", "value": SECRET},
    {"field": "r", "op": "in", "value": [{"$ne": None}]},
    {"field": "r", "op": "in", "value": [SECRET]},
    {"field": "r", "op": "in", "value": nested_list(900)},
    {"field": "r", "op": "=", "value": nested_list(900)},
    {"field": "r", "op": "between", "value": [1, 2, 3]},
    {"field": "r", "op": "between", "value": [2, 1]},
    {"field": "r", "op": "between", "value": {"low": 1}},
    {"field": "r", "op": "=", "value": 10**5_000},
    {"field": "total_spent", "op": "=", "value": 10**5_000},
    {"field": "total_spent", "op": "=", "value": float("nan")},
    {"field": "last_order", "op": "between", "value": ["2026-01-01", SECRET]},
    {"field": "last_order", "op": "within", "value": {"days": 10**5_000}},
    {"field": "last_order", "op": "within", "value": {"days": "30"}},
    {"field": "email", "op": "=", "value": "\ud800"},
    {"field": "\ud800", "op": "=", "value": "x"},
    {"orders": []},
    {"orders": {}},
    {"orders": [{"field": "count", "op": ">=", "value": 1}]},
    {"orders": [{"term": "count", "op": ">=", "value": {"$gt": 0}}]},
    {"orders": [{"term": "product", "op": "=", "value": "x"}]},
    {"orders": [{"term": "count", "op": ">=", "value": 1}], "not": {}},
    {"orders": [{"orders": [{"term": "count", "op": ">=", "value": 1}]}]},
    {"orders": [{"term": "count", "op": ">=", "value": 1}] * (MAX_TERMS + 1)},
    {"bought": [{"term": SECRET, "op": "=", "value": "x"}]},
    {"in_segment": {"$ne": ""}},
    {"in_segment": ""},
    {"in_segment": "\0"},
    {"all": [{"field": "r", "op": "=", "value": 5}] * 10_000},
    {"any": [{"orders": [{"term": "count", "op": ">=", "value": 1}] * 32}] * 9},
    deep_json(900),
]


@pytest.mark.parametrize("number", range(len(TREES)))  # some of them cannot be written out as a name
def test_hostile_trees_are_refused(number):
    """Operator objects of a database, wrong types and huge values come as JSON from outside."""
    refused(lambda given: compile_rule(from_dict(given), as_of=AS_OF, timezone=BERLIN), TREES[number])


def test_criteria_quote_little():
    """Criteria come from outside as well."""
    refused(from_criteria, {SECRET: {"min": 1}})
    refused(from_criteria, {"total_spent": {"min": SECRET}})


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(["r = 5"] * 3_000),
        " or ".join(["in_segment('vip')"] * (MAX_LEAVES + 1)),
        " or ".join(["orders(count >= 1, total > 5)"] * (MAX_LEAVES // 2 + 1)),
        f"orders({', '.join(['count >= 1'] * (MAX_TERMS + 1))})",
        "(" * 1_000 + "r = 5" + ")" * 1_000,
        "not " * 1_000 + "r = 5",
        "orders(" * 1_000,
        " or ".join(["r = 5"] * 10_000),
    ],
)
def test_what_is_too_large_or_too_deep_ends_soon_in_one_sentence(text):
    """A rule that was pasted ten thousand times must not occupy anything."""
    begun = time.perf_counter()
    refused(parse, text)
    assert time.perf_counter() - begun < 2


def test_texts_stay_texts():
    """Quotes, patterns and operators inside of a text are searched for as they stand."""
    for text in ('"; drop table x; --', "a' or '1'='1", ".*", "%_", "{'$ne': null}", "\\", "orders(count > 1)"):
        for rule in (
            Condition("email", "contains", text),
            InSegment(text),
            OrdersQuery((Term("coupon", "=", text),)),
            BoughtQuery((Term("product", "in", (text, "x")),)),
        ):
            assert parse(to_text(rule)) == rule


def test_a_query_counts_as_its_terms():
    """256 conditions are the limit, wherever they stand."""
    query = f"orders({', '.join(['count >= 1'] * MAX_TERMS)})"
    assert parse(" or ".join([query] * (MAX_LEAVES // MAX_TERMS)))
    with pytest.raises(RuleError, match="at most 256 conditions"):
        parse(" or ".join([query] * (MAX_LEAVES // MAX_TERMS)) + " or r = 5")


def test_hostile_json_text_ends_in_a_sentence():
    """What the API reads is JSON; what it makes of it is as hostile as the text."""
    refused(from_dict, json.loads('{"field": "r", "op": "=", "value": 1e400}'))
    refused(from_dict, json.loads('{"field": "r", "op": "=", "value": NaN}'))
