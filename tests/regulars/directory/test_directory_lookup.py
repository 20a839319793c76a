"""The derived files beside the tables: the same answers with them, without them, and with those of another release."""

from pathlib import Path

import polars as pl
import pytest

from regulars.directory.lookup import NUMBERS, PEOPLE, read_numbers, read_people
from regulars.directory.published import Directory
from regulars.directory.query import SORTS, PeopleQuery
from tests.regulars.directory.builders import SHOP, a_buyer, an_order, publish_people, tricky_people

ORDERS = [an_order(4242, "woo:5"), an_order(7, "woo:2", number="A-7"), an_order(8, "woo:3", number=None)]


def answers(folder: Path) -> list[list[str]]:
    """Return who is found in which order, by each sort and by an order's number."""
    directory = Directory(folder, shop=SHOP)
    queries = [
        PeopleQuery(sort=sort, search=search) for sort in SORTS for search in ("", "4242", "a-7", "A-7", "müller")
    ]
    return [directory.keys(query).to_list() for query in queries]


def test_without_the_derived_files_the_answers_are_the_same(tmp_path: Path) -> None:
    """A version that an earlier release published has none, and stays readable."""
    version = publish_people(tmp_path, tricky_people(), orders=ORDERS)
    with_files = answers(tmp_path)

    for name in (PEOPLE, NUMBERS):
        (tmp_path / version / name).unlink()

    assert answers(tmp_path) == with_files
    assert any(found == ["woo:5"] for found in with_files)


def test_what_is_mapped_is_what_the_tables_give(tmp_path: Path) -> None:
    """Every value and type, empty texts and unknowns among them, also of a shop without anybody."""
    for people in (tricky_people(), []):
        version = publish_people(tmp_path, people, orders=ORDERS if people else [])
        folder = tmp_path / version
        mapped = read_people(folder), read_numbers(folder)
        for name in (PEOPLE, NUMBERS):
            (folder / name).unlink()

        assert mapped[0].equals(read_people(folder))
        assert mapped[1].equals(read_numbers(folder))
        assert mapped[0].schema == read_people(folder).schema


def test_a_derived_file_that_lacks_columns_is_not_used(tmp_path: Path) -> None:
    """The next release may need another column; it must not fail on what this one wrote."""
    version = publish_people(tmp_path, tricky_people(), orders=ORDERS)
    expected = answers(tmp_path)
    file = tmp_path / version / PEOPLE
    rest = pl.read_ipc(file).drop("_rank_net")
    file.unlink()
    rest.write_ipc(file)

    assert answers(tmp_path) == expected


def test_only_the_last_two_versions_keep_derived_files(tmp_path: Path) -> None:
    """For a million people they are four times the tables; a reader opens the current version alone."""
    for number in range(1, 5):
        publish_people(tmp_path, [a_buyer(number)], keep=3)

    kept = [sorted(file.name for file in folder.glob("*.arrow")) for folder in sorted(tmp_path.glob("2*"))]

    assert kept == [[], [NUMBERS, PEOPLE], [NUMBERS, PEOPLE]]


@pytest.mark.parametrize("name", [PEOPLE, NUMBERS])
def test_a_version_can_be_pruned_while_it_is_mapped(tmp_path: Path, name: str) -> None:
    """A slow export reads on in a version that two publishes later is gone."""
    version = publish_people(tmp_path, tricky_people(), orders=ORDERS)
    folder = tmp_path / version
    people, numbers = read_people(folder), read_numbers(folder)
    before = people.clone().rechunk(), numbers.clone().rechunk()

    (folder / name).unlink()

    assert people.equals(before[0])
    assert numbers.equals(before[1])
