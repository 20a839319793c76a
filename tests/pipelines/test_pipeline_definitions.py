"""What Dagster loads: complete, described, running by default, and light to import."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.run_coordinator import DefaultRunCoordinator

from regulars.dagster_home import make_dagster_home
from regulars.inbox import open_inbox
from regulars.inbox.answers import append_answer
from regulars.settings import NO_SHOP, load_settings, process_environment
from tests.pipelines.shop_house import NAME, House

HEAVY = ("dlt", "duckdb", "great_expectations", "pandas", "polars", "pyarrow", "sqlalchemy")


@pytest.fixture
def no_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The environment of a machine on which nothing is configured."""
    monkeypatch.chdir(tmp_path)
    for name in ("WOOCOMMERCE_URL", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REGULARS_DATA", str(tmp_path / "data"))
    return process_environment()


def python(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh interpreter."""
    command = [sys.executable, "-c", script]
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)


def test_loading_the_definitions_imports_nothing_heavy(no_shop):
    """Each run and each restart of the code server loads them; Great Expectations alone takes ten seconds."""
    script = f"import sys, pipelines.definitions; print([name for name in {HEAVY} if name in sys.modules])"
    done = python(script, no_shop)
    assert done.stdout == "[]\n", done.stderr


def test_without_a_shop_they_load_and_say_so_in_one_sentence(no_shop):
    """Whoever starts Dagster first of all needs to be told what to set, not a traceback."""
    script = "from pipelines.definitions import defs; import dagster as dg; dg.Definitions.validate_loadable(defs)"
    done = python(script, no_shop)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(NO_SHOP) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.deep
def test_dagsters_own_check_of_the_definitions_passes(no_shop):
    """`dg check defs` is what engineers run before a change; it has to work without a demo."""
    root = Path(__file__).parents[2]
    command = [str(Path(sys.executable).with_name("dg")), "check", "defs"]
    done = subprocess.run(command, check=False, cwd=root, env=no_shop, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All definitions loaded successfully" in done.stdout + done.stderr


def test_every_asset_is_described_grouped_owned_and_partitioned_by_shop(house):
    """The Dagster screen is the only documentation that an engineer has at hand at night."""
    graph = house.defs.resolve_asset_graph()
    keys = graph.get_all_asset_keys()
    assert len(keys) == 22
    for key in keys:
        node = graph.get(key)
        assert node.description.startswith("One "), key
        assert node.group_name == key.path[0], key
        assert node.owners, key
        assert node.kinds, key
        assert node.partitions_def.get_partition_keys() == [NAME], key


def test_every_sensor_and_schedule_runs_without_anybody_switching_it_on(house):
    """A sensor that waits for a click never merges a webhook."""
    repository = house.defs.get_repository_def()
    sensors = {sensor.name: sensor.default_status for sensor in repository.sensor_defs}
    schedules = {schedule.name: schedule.default_status for schedule in repository.schedule_defs}
    assert set(sensors) == {"change_rows", "records_changed", "lost_runs", "tell_failures", "webhook_watch"}
    assert set(sensors.values()) == {dg.DefaultSensorStatus.RUNNING}
    assert set(schedules) == {
        "pull_changes", "reconcile", "shop_midnight", "daily_expectations", "hourly_housekeeping",
    }  # fmt: skip
    assert set(schedules.values()) == {dg.DefaultScheduleStatus.RUNNING}


def test_the_checks_that_block_stand_before_the_publish(house):
    """A check that does not block only watches nonsense being published."""
    graph = house.defs.resolve_asset_graph()
    checks = {check.key.name: check.blocking for check in graph.asset_check_nodes}
    assert checks["invariants"] is True


def test_our_configuration_of_dagster_is_one_that_dagster_takes(tmp_path):
    """The file is written by us at each start: a key that Dagster does not know would stop every start."""
    home = make_dagster_home(tmp_path / "dagster")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert type(instance.run_coordinator) is DefaultRunCoordinator
        assert instance.telemetry_enabled is False
        kept = instance.get_tick_retention_settings(InstigatorType.SENSOR)
    assert {status.value: days for status, days in kept.items() if days > 0} == {
        "SKIPPED": 1, "SUCCESS": 14, "FAILURE": 14,
    }  # fmt: skip


# Sensors and schedules, asked directly


def ask_sensor(house: House, name: str) -> list[dg.RunRequest] | str:
    """Return what a sensor asks for, or why it asks for nothing."""
    sensor = house.defs.get_repository_def().get_sensor_def(name)
    context = dg.build_sensor_context(
        instance=house.instance, resources={"deployment": house.deployment}, definitions=house.defs
    )
    data = sensor.evaluate_tick(context)
    return list(data.run_requests or []) or (data.skip_message or "")


def ask_schedule(house: House, name: str) -> list[dg.RunRequest] | str:
    """Return what a schedule asks for, or why it asks for nothing."""
    schedule = house.defs.get_repository_def().get_schedule_def(name)
    context = dg.build_schedule_context(
        instance=house.instance,
        scheduled_execution_time=datetime.now(UTC),
        resources={"deployment": house.deployment},
        repository_def=house.defs.get_repository_def(),
    )
    data = schedule.evaluate_tick(context)
    return list(data.run_requests or []) or (data.skip_message or "")


def test_a_delivery_starts_one_run_that_merges_change_rows_only(house):
    """Webhooks make it fast: such a run asks the shop for next to nothing."""
    with open_inbox(house.deployment.settings) as inbox:
        append_answer(inbox, NAME, "order.updated", {"id": 5}, datetime.now(UTC))
    [asked] = ask_sensor(house, "change_rows")
    assert asked.partition_key == NAME
    assert asked.run_config == {"ops": {"raw": {"config": {"pull": False}}}}
    assert asked.run_key == f"{NAME}:sync:after:nothing"


def test_without_a_new_delivery_no_run_is_asked_for(house):
    """A tick every five seconds must cost nothing."""
    assert ask_sensor(house, "change_rows") == "No change row waits that could be merged now."


def test_a_changed_segment_derives_the_marts_anew(house):
    """Saved segments are usable at once; their counts in the published tables follow."""
    assert ask_sensor(house, "records_changed") == "The published marts know every segment, alias and tag."
    with house.records() as records:
        records.create_segment(NAME, "New one", "orders_count >= 2", "ana")
    [asked] = ask_sensor(house, "records_changed")
    assert asked.partition_key == NAME


def test_who_is_who_decided_by_hand_derives_the_marts_anew(house):
    """Until the run after a merge a list shows two rows of one person; a separation undone too must not wait for a pull."""
    assert ask_sensor(house, "records_changed") == "The published marts know every segment, alias and tag."
    with house.records() as records:
        records.merge_people(NAME, "guest:aa", "woo:1", "ana")
    [asked] = ask_sensor(house, "records_changed")
    assert asked.partition_key == NAME


def test_recency_moves_on_at_the_shops_midnight(house, monkeypatch):
    """Without a new order, too, everybody is a day further from their last one."""
    assert ask_schedule(house, "shop_midnight") == "The marts of this day are published."
    midnight = house.manifest().as_of
    monkeypatch.setattr(type(house.deployment), "now", lambda _: midnight + timedelta(minutes=1))
    [asked] = ask_schedule(house, "shop_midnight")
    assert asked.partition_key == NAME


def test_pulls_are_asked_for_each_shop(house):
    """Webhooks get lost; pulls find what they missed."""
    assert [asked.partition_key for asked in ask_schedule(house, "pull_changes")] == [NAME]
    [compared] = ask_schedule(house, "reconcile")
    assert (compared.partition_key, compared.run_config) == (
        NAME,
        {"ops": {"raw": {"config": {"reconcile": True}}}},
    )
    [suites] = ask_schedule(house, "daily_expectations")
    assert suites.tags["dagster/partition"] == NAME


def test_without_a_shop_sensors_and_schedules_name_what_to_set(no_shop):
    """Their ticks are what an engineer looks at first when nothing happens."""
    from pipelines.definitions import build
    from pipelines.resources.deployment import Deployment

    defs, deployment = build(load_settings()), Deployment()
    assert deployment.settings.shops == {}
    with dg.DagsterInstance.ephemeral() as instance:
        for sensor in defs.get_repository_def().sensor_defs:
            if sensor.name in ("change_rows", "records_changed", "webhook_watch"):
                context = dg.build_sensor_context(instance=instance, resources={"deployment": deployment})
                assert sensor.evaluate_tick(context).skip_message == NO_SHOP
    assert not deployment.paths.records.exists()
