"""What publishes take down of segments, over a real warehouse: it grows from version to version, and comes back."""

from datetime import UTC, datetime

import polars as pl
from polars.testing import assert_frame_equal

from pipelines.assets.published import publish_shop
from pipelines.derive import derive_marts
from regulars.backup.make import backup
from regulars.backup.restore import restore
from regulars.directory.layout import SORTED_BY, current_version, scan_table
from regulars.paths import DataPaths
from regulars.settings import load_settings
from tests.pipelines.shop_house import NAME, House
from tests.regulars.directory.builders import as_of_schema_1
from transforms.observed import replay
from transforms.schemas import OBSERVED

WHO = ["segment_id", "customer_key"]


def publish_again(house: House, run_id: str) -> None:
    """Derive and publish once more, with the records as they are now."""
    derive_marts(house.deployment, house.warehouse, NAME, None)
    publish_shop(house.deployment, house.warehouse, NAME, run_id)


def assert_replayed(house: House) -> None:
    """Going through the events gives exactly the members."""
    told = replay(house.published("segment_events").lazy()).collect()
    assert_frame_equal(told, house.published("segment_members").select(WHO), check_row_order=False)


def test_each_publish_adds_what_it_saw(house: House) -> None:
    """Joins and leaves carry the run that saw them; what was there stays as it was."""
    first = house.published("segment_events")
    assert set(first["kind"]) == {"first"}
    assert_replayed(house)
    someone = house.published("customers").filter(pl.col("deleted_at").is_null())["customer_key"][0]
    with house.records() as records:
        records.create_segment(NAME, "Tagged", 'tags contains "press"', "Ann")
    publish_again(house, "run-2")
    with house.records() as records:
        records.add_tag(NAME, someone, "press", "Ann")
    publish_again(house, "run-3")

    events = house.published("segment_events")
    assert_frame_equal(events.head(first.height), first)
    mine = events.tail(-first.height).filter(segment_id="tagged")
    assert mine.select("customer_key", "kind", "run_id", "because").rows() == [
        (someone, "joined", "run-3", 'tags contains "press"'),
    ]
    counts = house.published("segment_counts").filter(segment_id="tagged")
    assert counts.select("run_id", "people", "joined", "left").rows() == [
        ("run-2", 0, 0, 0),
        ("run-3", 1, 1, 0),
    ]
    assert_replayed(house)
    for table in OBSERVED:
        by = [column for column, _ in SORTED_BY[table]]
        assert_frame_equal(house.published(table), house.published(table).sort(by, nulls_last=True))
    assert house.published("rfm_cuts_history").height == house.published("rfm_cuts").height


def test_history_begins_over_a_version_of_an_earlier_release(house: House) -> None:
    """After an update nobody is said to have joined: they may have been in for years."""
    as_of_schema_1(house.paths.published(NAME) / house.manifest().version)
    publish_again(house, "run-2")
    assert set(house.published("segment_events")["kind"]) == {"first"}
    assert_replayed(house)


def test_a_restored_backup_has_the_history(house: House, tmp_path) -> None:
    """It cannot be computed again: a disk that dies must not take it along."""
    now = datetime(2026, 11, 22, tzinfo=UTC)
    backup(load_settings(), tmp_path / "backup", made_at=now)

    restore(load_settings(data_dir=tmp_path / "new"), tmp_path / "backup", replace=False, now=now)

    folder = DataPaths(tmp_path / "new").published(NAME)
    for table in OBSERVED:
        restored = scan_table(folder / current_version(folder), table).collect()
        assert_frame_equal(restored, house.published(table))
        assert restored.height or table != "segment_events"
