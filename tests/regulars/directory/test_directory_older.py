"""Versions that an earlier release published are read until the next publish replaces them."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from regulars.directory.layout import SINCE_SCHEMA_2, scan_table, table_file
from tests.regulars.directory.builders import a_buyer, an_order, as_of_schema_1, publish_people
from transforms.schemas import PUBLISHED


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """Return the folder of a version as the release before wrote it: two people, one order."""
    version = publish_people(tmp_path, [a_buyer(1), a_buyer(2)], orders=[an_order(1, "woo:1")])
    as_of_schema_1(tmp_path / version)
    return tmp_path / version


def test_every_table_of_an_older_version_has_todays_columns(older: Path) -> None:
    """Readers name columns and tables that the release before did not know."""
    for table, schema in PUBLISHED.items():
        assert dict(scan_table(older, table).collect().schema) == dict(schema)
    customers = scan_table(older, "customers").collect()
    assert customers["median_days_between"].to_list() == [None, None]
    assert customers["categories"].to_list() == [[], []]
    assert customers["net"].sum() == 240
    assert all(scan_table(older, table).collect().height == 0 for table in SINCE_SCHEMA_2)


def test_a_table_of_this_release_is_read_as_it_is(tmp_path: Path) -> None:
    """Nothing is laid over a version that has everything."""
    version = publish_people(tmp_path, [a_buyer(1), a_buyer(2)])

    for table in PUBLISHED:
        expected = pl.read_parquet(table_file(tmp_path / version, table))
        assert_frame_equal(scan_table(tmp_path / version, table).collect(), expected)


def test_a_filter_still_reaches_the_file_of_an_older_version(older: Path) -> None:
    """One person's orders are a few rows of millions: they must not all be read."""
    plan = scan_table(older, "orders").filter(pl.col("customer_key") == "woo:1").explain()

    assert 'SELECTION: col("customer_key") == "woo:1"' in plan


def test_a_version_that_was_pruned_is_missing_not_empty(tmp_path: Path) -> None:
    """A reader starts over with the newer version; no rows would be an answer, and a wrong one."""
    version = publish_people(tmp_path, [a_buyer(1)])
    table_file(tmp_path / version, "segment_events").unlink()

    with pytest.raises(FileNotFoundError):
        scan_table(tmp_path / version, "segment_events")
    with pytest.raises(FileNotFoundError):
        scan_table(tmp_path / "gone", "person_tags")
