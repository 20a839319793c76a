"""Staging keeps up with raw: killed, rebuilt, and changed behind its back."""

import polars as pl
import pytest

from pipelines import warehouse as warehouse_module
from pipelines.assets.staging import stage_shop
from pipelines.warehouse import Warehouse
from regulars.errors import NewerSchema, WarehouseBusy
from tests.pipelines.shop_house import NAME, House

BATCH = 40


class Killed(BaseException):
    """The process ends here."""


def staged(house: House) -> dict[str, list[dict[str, object]]]:
    """Return the staged tables as rows, in the order of their keys."""
    tables = house.warehouse.staged()
    return {
        name: frame.collect().sort([c for c in frame.collect_schema().names() if c.endswith("_id")]).to_dicts()
        for name, frame in tables.items()
        if name != "deletions"
    }


def nothing(stage: str, done: int, total: int | None) -> None:
    """Report to nobody."""


def forget_staging(house: House) -> None:
    """Make the warehouse as it is between raw and staging of a first sync."""
    house.execute("DROP SCHEMA staging CASCADE")


def test_a_run_killed_within_staging_goes_on_where_it_stopped(house, monkeypatch):
    """Batches commit one by one: a kill costs at most one, and the result is that of an unbroken run."""
    whole = staged(house)
    forget_staging(house)
    monkeypatch.setattr(warehouse_module, "BATCH_ROWS", BATCH)

    def kill_after_two(stage: str, done: int, total: int | None) -> None:
        if stage == "staging orders" and done == 2 * BATCH:
            raise Killed

    with pytest.raises(Killed):
        stage_shop(house.warehouse, kill_after_two)
    assert house.warehouse.counts("staging")["orders"] == 2 * BATCH
    assert stage_shop(house.warehouse, nothing)["orders"] == len(whole["orders"]) - 2 * BATCH
    assert staged(house) == whole


def test_staging_twice_changes_nothing(house):
    """What did not change in raw is not staged again."""
    whole = staged(house)
    assert set(stage_shop(house.warehouse, nothing).values()) == {0}
    assert staged(house) == whole


def test_another_time_zone_rebuilds_every_day(house):
    """Days are written in shop time: a shop that moves its clock must not keep days of two kinds."""
    before = {row["order_id"]: row["order_day"] for row in staged(house)["orders"]}
    house.warehouse.remember(timezone="Pacific/Auckland")
    assert stage_shop(house.warehouse, nothing)["orders"] == len(before)
    after = {row["order_id"]: row["order_day"] for row in staged(house)["orders"]}
    assert after.keys() == before.keys()
    assert {after[number] - before[number] for number in before} == {0, 1}


def test_another_version_of_the_schema_rebuilds_staging(house):
    """Raw is kept as the shop sent it so that staging can be made anew when its meaning changes."""
    whole = staged(house)
    house.execute("UPDATE staging.orders SET status = 'from another version'")
    house.warehouse.remember(staging_version=0)
    stage_shop(house.warehouse, nothing)
    assert staged(house) == whole


def test_a_raw_row_seen_again_replaces_all_of_its_lines(house):
    """Lines have no date of their own: they stand and fall with the body they came in."""
    lines = pl.DataFrame(staged(house)["order_lines"])
    order = lines.group_by("order_id").len().sort("len")["order_id"][-1]
    house.execute(
        "UPDATE raw.orders SET body = json_merge_patch(body::JSON, '{\"line_items\": []}')::TEXT, "
        "observed_at = observed_at + INTERVAL 1 SECOND WHERE id = ?",
        [order],
    )
    assert stage_shop(house.warehouse, nothing)["orders"] == 1
    assert [row for row in staged(house)["order_lines"] if row["order_id"] == order] == []
    assert len(staged(house)["order_lines"]) == lines.filter(pl.col("order_id") != order).height


def test_a_warehouse_of_a_newer_version_is_refused_in_a_sentence(house):
    """An older program that writes into a newer file would break it."""
    house.warehouse.remember(schema_version=99)
    with pytest.raises(NewerSchema, match="written by a newer Regulars"):
        house.warehouse.facts()


def test_a_warehouse_that_another_program_has_open_is_named_as_such(house, tmp_path):
    """Whoever left a DuckDB shell open must read that, not a stack trace."""
    import subprocess
    import sys

    script = (
        "import duckdb, sys\n"
        f"connection = duckdb.connect({str(house.warehouse.path)!r})\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=-1, stdout=-1) as other:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(WarehouseBusy, match=rf"Another program has {NAME}\.duckdb open"):
            house.warehouse.facts()
        other.stdin.close()


def test_deriving_again_and_again_does_not_grow_the_file(house):
    """Marts are written anew by every run, many times an hour; the file must reuse what the last ones freed."""

    def after_deriving(times: int) -> int:
        for _ in range(times):
            tables = {name: frame.collect() for name, frame in house.warehouse.marts().items()}
            house.warehouse.write_marts(tables, {"as_of": "2026-11-01T00:00:00+00:00"})
        return house.warehouse.path.stat().st_size

    settled = after_deriving(3)
    assert after_deriving(12) <= settled * 1.2


def test_a_warehouse_that_does_not_exist_yet_is_empty(tmp_path):
    """Reports ask before the first sync, too."""
    new = Warehouse(tmp_path / "new" / "shop.duckdb")
    assert new.counts("raw") == {}
    assert new.marts()["customers"].collect().is_empty()
