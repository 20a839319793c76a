"""The page on the rule language says what the language does: every field, term, operator and example."""

import json
import re
from pathlib import Path

import pytest

from transforms.rules import (
    ALIASES,
    BOUGHT_TERMS,
    FIELDS,
    MAX_LEAVES,
    MAX_LEVELS,
    MAX_TERMS,
    MAX_TEXT,
    OPERATORS,
    ORDER_TERMS,
    Kind,
    from_criteria,
    parse,
    to_text,
)

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
TYPES = {
    Kind.INT: "whole number",
    Kind.MONEY: "money",
    Kind.NUMBER: "number",
    Kind.TEXT: "text",
    Kind.DATE: "day",
    Kind.BOOL: "yes or no",
    Kind.LIST: "list",
}
EXAMPLES = [line for block in re.findall(r"```rule\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


def row(field):
    """Return the line that the page has on a field or a term."""
    today = "" if field.has_past else " *Today's.*"
    return f"| `{field.name}` | {TYPES[field.kind]} | {field.help}{today} |"


@pytest.mark.parametrize("table", [FIELDS, ORDER_TERMS, BOUGHT_TERMS])
def test_every_name_stands_on_the_page_as_it_is(table):
    """People learn the language there; a field that changed its meaning must change it there too."""
    assert "\n".join(row(field) for field in table.values()) in PAGE


def test_every_operator_stands_on_the_page():
    """The page lists what fits each type."""
    for kind, operators in OPERATORS.items():
        assert f"| {TYPES[kind]} | {', '.join(f'`{each}`' for each in operators)} |" in PAGE


def test_every_example_is_a_rule_in_its_canonical_form():
    """An example is copied, saved, and must look the same afterwards."""
    assert len(EXAMPLES) > 12
    assert [to_text(parse(example)) for example in EXAMPLES] == EXAMPLES


def test_the_criteria_on_the_page_mean_the_rule_beside_them():
    """The object and the rule are shown together."""
    criteria = re.search(r"```json\n(.*?)```\n\n```rule\n(.*?)\n```", PAGE, re.DOTALL)
    assert to_text(from_criteria(json.loads(criteria[1]))) == criteria[2]


def test_the_limits_and_other_names_are_those_of_the_code():
    """A limit is a promise."""
    for number in (MAX_LEAVES, MAX_LEVELS, MAX_TERMS, f"{MAX_TEXT:,}"):
        assert f"{number} " in PAGE.split("## Limits")[1]
    assert all(f"`{other}` is `{name}`" in " ".join(PAGE.split()) for other, name in ALIASES.items())
