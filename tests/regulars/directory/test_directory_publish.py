"""Publishing: whole or not at all, in one step, with old versions pruned."""

import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from regulars.directory import publish as publishing
from regulars.directory.layout import MANIFEST, current_version, read_manifest, versions
from regulars.directory.lookup import NUMBERS, PEOPLE
from regulars.directory.publish import publish
from regulars.directory.published import Directory
from regulars.directory.query import PeopleQuery
from regulars.errors import DataFolderError
from tests.regulars.directory.builders import AS_OF, SHOP, a_buyer, an_order, frame, manifest, publish_people
from transforms.schemas import PUBLISHED


def test_a_version_holds_every_table_and_says_what_it_is(tmp_path: Path) -> None:
    """Others script against these files: names, columns, types and the manifest are a contract."""
    version = publish_people(tmp_path, [a_buyer(1), a_buyer(2)], orders=[an_order(1, "woo:1")])

    folder = tmp_path / version
    assert (tmp_path / "CURRENT").read_text() == f"{version}\n"
    assert sorted(file.name for file in folder.iterdir()) == sorted(
        [*(f"{name}.parquet" for name in PUBLISHED), MANIFEST, PEOPLE, NUMBERS]
    )
    for name, schema in PUBLISHED.items():
        assert dict(pl.read_parquet_schema(folder / f"{name}.parquet")) == dict(schema)
    read = read_manifest(folder)
    assert (read.version, read.schema_version, read.shop) == (version, 2, SHOP)
    assert read.rows == dict.fromkeys(PUBLISHED, 0) | {"customers": 2, "customer_currencies": 2, "orders": 1}
    assert read.as_of == AS_OF


def test_lazy_tables_in_any_column_order_are_conformed(tmp_path: Path) -> None:
    """Engines widen types and transforms reorder columns; readers must not notice."""
    people = frame("customers", [a_buyer(2), a_buyer(1)])
    tables: dict[str, Any] = {name: frame(name, []).lazy() for name in PUBLISHED}
    tables["customers"] = people.select(reversed(people.columns)).with_columns(pl.col("orders_count").cast(pl.UInt32))

    version = publish(tmp_path, {**tables, "customers": tables["customers"].lazy()}, manifest(), 3)

    written = pl.read_parquet(tmp_path / version / "customers.parquet")
    assert written["customer_key"].to_list() == ["woo:1", "woo:2"]
    assert dict(written.schema) == dict(PUBLISHED["customers"])


def test_a_missing_table_stops_the_publish(tmp_path: Path) -> None:
    """Half a version would look like a shop without refunds."""
    tables = {name: frame(name, []) for name in PUBLISHED if name != "refunds"}

    with pytest.raises(DataFolderError, match="refunds"):
        publish(tmp_path, tables, manifest(), 3)

    assert current_version(tmp_path) is None


def test_a_failed_publish_leaves_the_last_version_and_no_litter(tmp_path: Path) -> None:
    """The last published data stay readable whatever happens to the next."""
    first = publish_people(tmp_path, [a_buyer(1)])
    tables: dict[str, Any] = {name: frame(name, []).lazy() for name in PUBLISHED}
    tables["orders"] = frame("orders", [an_order(1, "woo:1")]).lazy().with_columns(total=pl.lit("no number"))

    with pytest.raises(pl.exceptions.InvalidOperationError):
        publish(tmp_path, tables, manifest(), 3)

    assert versions(tmp_path) == [first]
    assert current_version(tmp_path) == first
    assert not list(tmp_path.glob(".writing-*"))


def test_publishes_of_one_second_get_names_that_sort_in_order(tmp_path: Path) -> None:
    """Two quick publishes must not overwrite each other, and the later one must be the newest."""
    names = [publish_people(tmp_path, [a_buyer(1)], keep=9) for _ in range(3)]

    assert names == sorted(set(names))
    assert current_version(tmp_path) == names[-1]


def test_a_clock_set_back_does_not_make_the_newest_version_the_oldest(tmp_path: Path) -> None:
    """Pruning goes by name: a version named an hour ago would be removed as soon as it was published."""
    first = publish_people(tmp_path, [a_buyer(1)])

    second = publish_people(tmp_path, [a_buyer(1)], about={"published_at": AS_OF - timedelta(days=2)})

    assert second > first
    assert current_version(tmp_path) == second


def test_old_versions_are_pruned_beyond_what_is_kept(tmp_path: Path) -> None:
    """Disk use is bounded."""
    names = [publish_people(tmp_path, [a_buyer(1)], keep=2) for _ in range(4)]

    assert versions(tmp_path) == names[-2:]


def test_what_a_killed_publish_left_is_removed(tmp_path: Path) -> None:
    """A killed process must not leave personal data lying about for ever."""
    litter = tmp_path / ".writing-abc"
    litter.mkdir(parents=True)
    (litter / "customers.parquet").write_text("half")

    publish_people(tmp_path, [a_buyer(1)])

    assert not litter.exists()


def test_a_reader_starts_over_when_its_version_was_pruned(tmp_path: Path) -> None:
    """A publish may prune the version a reader has just opened; it must see the new one, not an error."""
    publish_people(tmp_path, [a_buyer(1)], orders=[an_order(1, "woo:1")])
    directory = Directory(tmp_path, shop=SHOP)
    assert directory.people(PeopleQuery()).total == 1
    old = versions(tmp_path)
    publish_people(tmp_path, [a_buyer(1)], orders=[an_order(1, "woo:1"), an_order(2, "woo:1")])
    shutil.rmtree(tmp_path / old[0])

    assert directory.orders_of("woo:1").height == 2


def test_a_pointer_to_nowhere_is_a_sentence(tmp_path: Path) -> None:
    """A folder copied by hand may lack its version; the message says what to do."""
    publish_people(tmp_path, [a_buyer(1)])
    shutil.rmtree(tmp_path / versions(tmp_path)[0])

    with pytest.raises(DataFolderError, match="Sync again"):
        Directory(tmp_path, shop=SHOP).people(PeopleQuery())


def test_a_pointer_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    """CURRENT is data on disk; it names a version of this shop or nothing."""
    (tmp_path / "CURRENT").write_text("../../etc\n")

    with pytest.raises(DataFolderError, match="does not name a version"):
        Directory(tmp_path, shop=SHOP).manifest()


def test_readers_see_whole_versions_while_many_are_published(tmp_path: Path) -> None:
    """Each version has as many orders as its person says; a reader between two versions would see them differ."""
    publish_people(tmp_path, [a_buyer(1, orders=1)], orders=[an_order(1, "woo:1")], keep=2)
    directory = Directory(tmp_path, shop=SHOP)
    stop = threading.Event()
    faults: list[BaseException] = []

    def read() -> None:
        while not stop.is_set():
            try:
                assert directory.people(PeopleQuery()).total == 1
                assert directory.orders_of("woo:1").height >= 1
            except BaseException as error:  # noqa: BLE001 - whatever it is, the test names it
                faults.append(error)
                return

    reader = threading.Thread(target=read)
    reader.start()
    for orders in range(2, 12):
        rows = [an_order(number, "woo:1") for number in range(1, orders + 1)]
        publish_people(tmp_path, [a_buyer(1, orders=orders)], orders=rows, keep=2)
    stop.set()
    reader.join(timeout=30)

    assert faults == []
    assert directory.orders_of("woo:1").height == 11


def test_a_key_lookup_reads_one_row_group_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile opens in milliseconds because orders lie sorted by person, with statistics a group."""
    import pyarrow.parquet as pq

    monkeypatch.setattr(publishing, "ROWS_A_GROUP", 100)
    orders = [an_order(number, f"woo:{number % 50:03d}") for number in range(1000)]
    version = publish_people(tmp_path, [a_buyer(1)], orders=orders)

    file = pq.ParquetFile(tmp_path / version / "orders.parquet").metadata
    column = file.schema.names.index("customer_key")
    ranges = [
        (group.column(column).statistics.min, group.column(column).statistics.max)
        for group in (file.row_group(index) for index in range(file.num_row_groups))
    ]
    assert file.num_row_groups == 10
    assert sum(low <= "woo:007" <= high for low, high in ranges) <= 2


def test_times_are_utc_whatever_zone_they_were_given_in(tmp_path: Path) -> None:
    """The version's name is its time in UTC, so that names sort across the autumn hour."""
    version = publish_people(
        tmp_path, [a_buyer(1)], about={"published_at": datetime(2026, 10, 25, 1, 30, 5, tzinfo=UTC)}
    )

    assert version == "20261025T013005Z"
