"""How syncs and checks ended, as the records keep it for screens and the API."""

import logging

import dagster as dg
import pytest

from pipelines.expectations import MART_SUITES, RAW_SUITES
from pipelines.failures import tell_failures
from pipelines.history import RAW_ORDERS, RunProgress, is_sync, kind_of, note_untold_failure
from pipelines.resources.warehouse import PARTITION_TAG
from pipelines.run import main
from pipelines.runs import LOST, STATUS, end_lost
from regulars.errors import RecordsUnavailable
from regulars.models import Drift, SyncRun
from regulars.progress import read_progress
from tests.pipelines.shop_house import NAME, House
from tests.pipelines.test_pipeline_failures import said, spoil_an_order


def syncs(house: House) -> list[SyncRun]:
    """Return the history of syncs, the last one first."""
    with house.records() as records:
        return records.syncs(NAME)


def test_the_first_sync_stands_in_the_history_as_one_of_everything(first_sync, house):
    """What "synced_count" and the health page say comes from here, with the run to look up in Dagster."""
    _, result = first_sync
    (run,) = syncs(house)
    assert (run.run_id, run.kind, run.status, run.message) == (result.run_id, "full", "success", "")
    assert (run.customers, run.orders) == (len(house.shop.customers), len(house.shop.orders))
    assert run.started_at < run.finished_at
    assert run.seconds == pytest.approx((run.finished_at - run.started_at).total_seconds(), abs=0.01)


@pytest.mark.deep
def test_each_kind_of_sync_is_told_apart(house):
    """Somebody who asked for everything again wants to see that it was done."""
    house.shop.place_order(lines=None, email="late@shop.example")
    assert house.run().success
    assert house.run(pull=False).success
    assert house.run(full=True).success
    assert [run.kind for run in syncs(house)] == ["full", "changes", "pull", "full"]
    assert syncs(house)[2].orders >= 1


def test_what_a_reconcile_found_stands_in_the_history_and_in_dagster(house):
    """The number on the screens is read from here; the engineer sees the same numbers beside the asset."""
    gone = next(n for n, order in house.shop.orders.items() if order.status == "completed" and not order.refunds)
    house.shop.delete_order(gone)
    result = house.run(reconcile=True)
    assert result.success
    run = syncs(house)[0]
    assert (run.kind, run.status) == ("reconcile", "success")
    assert run.drift == (Drift(object="order", kind="extra", before=1, after=0),)
    assert house.one("orders", order_id=gone)["deleted_at"] is not None
    [orders] = [event for event in result.get_asset_materialization_events() if event.asset_key == RAW_ORDERS]
    metadata = orders.materialization.metadata
    assert (metadata["drift_before"].value, metadata["drift_after"].value) == (1, 0)
    assert [record.data for record in metadata["drift"].records] == [
        {"object": "order", "kind": "extra", "before": 1, "after": 0}
    ]


def test_a_pull_compares_nothing_and_says_so(house):
    """An empty list would read as "nothing differs"."""
    assert house.run().success
    assert syncs(house)[0].drift is None


@pytest.mark.deep
def test_a_shop_that_is_not_believed_is_told_and_what_was_mended_is_published(house):
    """Whoever looks in the morning must read the numbers, and how to accept them; nobody works with an old copy."""
    for number in [n for n, order in sorted(house.shop.orders.items()) if not order.refunds][:101]:
        house.shop.delete_order(number)
    house.shop.place_order(lines=None, email="late@shop.example")
    assert house.run(reconcile=True).success
    run = syncs(house)[0]
    assert run.drift == (
        Drift(object="order", kind="missing", before=1, after=0),
        Drift(object="order", kind="extra", before=101, after=101),
    )
    assert "`regulars reconcile --believe`" in run.message
    told = read_progress(house.paths.progress(NAME))
    assert (told.state, told.message) == ("done", run.message)
    assert house.published("orders").filter(order_id=max(house.shop.orders)).height == 1
    assert house.run("derive").success
    assert read_progress(house.paths.progress(NAME)).message == ""
    assert house.run(reconcile=True, believe=True).success
    assert syncs(house)[0].drift == (Drift(object="order", kind="extra", before=101, after=0),)


@pytest.mark.deep
def test_a_run_that_only_derives_is_no_sync(house):
    """Every midnight and every tag would push the syncs out of sight."""
    before = syncs(house)
    assert house.run("derive").success
    assert syncs(house) == before


def test_a_failed_sync_stands_in_the_history_with_its_own_sentence(house, monkeypatch):
    """Whoever looks in the morning must read why the night's sync failed, also after a later one went well."""
    monkeypatch.setenv("WOOCOMMERCE_CONSUMER_SECRET", "cs_wrong")
    result = house.run(full=True)
    run = syncs(house)[0]
    assert (run.run_id, run.kind, run.status) == (result.run_id, "full", "failure")
    assert run.message == said(house)
    assert "cs_wrong" not in run.message


def test_a_sync_of_the_command_line_stands_there_once(house, monkeypatch, capsys):
    """`regulars sync` and the schedule are one history, whoever tells the end first."""
    monkeypatch.setenv("WOOCOMMERCE_CONSUMER_SECRET", "cs_wrong")
    assert main(["sync", "--shop", NAME]) == 1
    first, *others = syncs(house)
    assert capsys.readouterr().err == f"{first.message}\n"
    assert len(others) == 1


def test_a_sync_that_the_checks_refuse_is_a_failed_one(house):
    """Its rows came, but nobody sees them: that is no success."""
    spoil_an_order(house)
    assert not house.run(pull=False).success
    run = syncs(house)[0]
    assert (run.status, run.kind) == ("failure", "changes")
    assert "The blocking checks refused these marts" in run.message


def test_a_run_that_lost_its_process_is_told_by_the_sensor(house):
    """A killed run writes nothing; "the last sync went well" would be a lie."""
    run_id = house.instance.create_run_for_job(
        house.defs.resolve_job_def("sync"), status=STATUS.STARTED, tags={PARTITION_TAG: NAME}
    ).run_id
    end_lost(house.instance, run_id)
    records = house.instance.get_records_for_run(run_id).records
    events = [record.event_log_entry.dagster_event for record in records]
    context = dg.build_run_status_sensor_context(
        sensor_name="tell_failures",
        dagster_event=next(event for event in events if event and event.is_job_failure),
        dagster_instance=house.instance,
        dagster_run=house.instance.get_run_by_id(run_id),
        resources={"deployment": house.deployment},
    ).for_run_failure()
    tell_failures(context)
    assert (syncs(house)[0].run_id, syncs(house)[0].message) == (run_id, LOST)


def test_what_a_run_told_itself_is_not_told_over(house, monkeypatch):
    """The run knows more than who finds it dead."""
    monkeypatch.setenv("WOOCOMMERCE_CONSUMER_SECRET", "cs_wrong")
    result = house.run()
    before = syncs(house)
    run = house.instance.get_run_by_id(result.run_id)
    note_untold_failure(house.deployment, house.instance, run, "something vague")
    assert syncs(house) == before


def test_a_history_that_cannot_be_written_does_not_fail_the_run(house, monkeypatch, caplog):
    """It is told beside the work, never instead of it."""

    def gone(settings):
        raise RecordsUnavailable("The records are away.")

    run = house.instance.create_run_for_job(
        house.defs.resolve_job_def("sync"), status=STATUS.STARTED, tags={PARTITION_TAG: NAME}
    )
    monkeypatch.setattr("regulars.records.open_records", gone)
    with caplog.at_level(logging.WARNING, "regulars"):
        RunProgress(house.deployment, house.instance, run).fail("The shop is down.")
    assert said(house) == "The shop is down."
    assert "The records are away." in caplog.text


@pytest.mark.parametrize(
    ("config", "kind"),
    [({}, "pull"), ({"full": True}, "full"), ({"pull": False}, "changes"), ({"pull": False, "full": True}, "full")],
)
def test_what_was_asked_for_is_read_from_the_run(config, kind):
    """A run that failed before its first word has said nothing else."""
    run = dg.DagsterRun(job_name="sync", run_config={"ops": {"raw": {"config": config}}})
    assert kind_of(run) == kind


@pytest.mark.parametrize(
    ("job", "chosen", "sync"),
    [
        ("sync", None, True),
        ("derive", None, False),
        ("__ASSET_JOB", {dg.AssetKey(["raw", "orders"])}, True),
        ("__ASSET_JOB", {dg.AssetKey(["marts", "customers"])}, False),
    ],
)
def test_assets_chosen_by_hand_are_a_sync_where_raw_data_are_among_them(job, chosen, sync):
    """Engineers materialise from Dagster's graph; what asks the shop is a sync however it was started."""
    run = dg.DagsterRun(job_name=job, asset_selection=frozenset(chosen) if chosen else None)
    assert is_sync(run) is sync


def test_every_invariant_is_there_with_its_result(house):
    """The health page shows them without asking Dagster."""
    with house.records() as records:
        found = records.checks(NAME)
    assert {check.suite for check in found} == {"invariants"}
    assert len(found) > 30
    assert all(check.passed and check.run_id for check in found)


def test_a_broken_invariant_names_ids_and_nothing_else(house):
    """A data engineer must find the order; nobody's name or e-mail may stand in a result."""
    spoil_an_order(house)
    assert not house.run("derive").success
    with house.records() as records:
        broken = {check.name: check.detail for check in records.checks(NAME) if not check.passed}
    first = min(house.shop.orders)
    assert broken["orders: money read"] == (
        f"Every amount in orders could be read from the shop's text: 1 row breaks it: order {first}."
    )
    assert not any("@" in detail for detail in broken.values())


def test_people_hidden_here_leave_their_segments_with_the_next_version(house):
    """Whoever deletes a customer does not expect them in tomorrow's mailing; the person's data stay published."""
    members = house.published("segment_members")
    key = members["customer_key"][0]
    with house.records() as records:
        records.hide(NAME, key, "ana")
        token = records.change_token()
    assert house.manifest().records_token < token, "the sensor would not notice"
    assert house.run("derive").success
    assert house.published("segment_members").filter(customer_key=key).is_empty()
    assert house.one("customers", customer_key=key)["segments"] == []


@pytest.mark.deep
def test_the_suites_results_are_kept_by_suite(house):
    """The app shows what Great Expectations found, counts alone."""
    assert house.run("expectations").success
    with house.records() as records:
        found = records.checks(NAME)
    suites = [*RAW_SUITES.values(), *MART_SUITES.values()]
    assert {check.suite for check in found} == {"invariants", *(suite.name for suite in suites)}
    assert all(check.passed for check in found)
