"""When a run fails: what people read, what is tried again, and what stays as it was."""

import dagster as dg
import pytest

from pipelines.failures import is_news, our_error, told
from pipelines.resources.deployment import Deployment
from regulars.directory.published import Directory
from regulars.directory.query import PeopleQuery
from regulars.errors import ChecksFailed, RegularsError, ShopBusy, ShopRefused, ShopUnreachable
from regulars.models import SyncProgress
from regulars.progress import ProgressFile, read_progress
from tests.pipelines.shop_house import NAME, House, failure_of


def said(house: House) -> str:
    """Return what the progress file says of a failure."""
    progress = read_progress(house.paths.progress(NAME))
    assert progress is not None
    assert progress.state == "failed"
    return progress.message


def spoil_an_order(house: House) -> None:
    """Make one order's total unreadable, as a broken plugin would."""
    house.execute(
        'UPDATE raw.orders SET body = json_merge_patch(body::JSON, \'{"total": "a lot"}\')::TEXT, '
        "observed_at = observed_at + INTERVAL 1 SECOND WHERE id = (SELECT min(id) FROM raw.orders)"
    )


def test_a_refused_publish_leaves_the_published_version_as_it_was(house):
    """The app must go on showing yesterday's truth rather than today's nonsense."""
    before, people = house.manifest().version, house.published("customers").height
    spoil_an_order(house)
    result = house.run("derive")
    assert not result.success
    assert "published__marts" not in [event.step_key for event in result.all_events if event.is_step_start]
    assert house.manifest().version == before
    directory = Directory(house.paths.published(NAME), shop=NAME)
    assert directory.people(PeopleQuery()).total == people


def test_an_order_with_the_empty_date_of_an_import_is_told_and_stops_nothing(house):
    """PHP writes no date as the year -1; only the shop can give it one, and the others must not wait for that."""
    before = house.manifest().version
    house.execute(
        'UPDATE raw.orders SET body = json_merge_patch(body::JSON, \'{"date_created_gmt": "-0001-11-30T00:00:00"}\')::TEXT, '
        "observed_at = observed_at + INTERVAL 1 SECOND WHERE id = (SELECT min(id) FROM raw.orders)"
    )
    result = house.run("derive")
    assert result.success, failure_of(result)
    assert house.manifest().version != before
    first = min(house.shop.orders)
    order = house.one("orders", order_id=first)
    assert (order["created_at"], order["counted"]) == (None, False)
    with house.records() as records:
        (told,) = [check.detail for check in records.checks(NAME) if not check.passed]
    assert told == f"Every order has a date; one without counts nowhere: 1 row breaks it: order {first}."


def test_a_refused_publish_says_which_invariant_broke(house):
    """Without the name of the invariant and the id of the order nobody knows where to look."""
    spoil_an_order(house)
    house.run("derive")
    first = min(house.shop.orders)
    broken = f"Every amount in orders could be read from the shop's text (1 row breaks it: order {first})"
    assert broken in said(house)


@pytest.mark.deep
def test_the_next_run_publishes_again_once_the_data_are_right(house):
    """A block must not need anybody's hand to end."""
    before = house.manifest().version
    spoil_an_order(house)
    assert not house.run("derive").success
    first = min(house.shop.orders)
    house.shop.edit_order(first, note="read it again")
    assert house.run().success
    assert house.manifest().version > before


def test_a_wrong_key_fails_at_once_with_the_sentence_in_both_places(house, monkeypatch):
    """Dagster's screen and the app's health line must tell the same story, and a retry cannot help here."""
    monkeypatch.setenv("WOOCOMMERCE_CONSUMER_SECRET", "cs_wrong")
    before = house.manifest().version
    result = house.run(retries=3)
    assert said(house) in failure_of(result)
    assert "WOOCOMMERCE_CONSUMER" in said(house) or "key" in said(house)
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    assert house.manifest().version == before


def test_an_error_that_time_can_heal_is_tried_again(tmp_path):
    """A shop that restarts is no reason for a failed run and a red screen."""
    progress = ProgressFile(tmp_path / "progress.json", "shop", "run")
    with pytest.raises(dg.RetryRequested) as asked, told(progress, attempt=1, retries=3):
        raise ShopUnreachable("no connection")
    assert (asked.value.max_retries, asked.value.seconds_to_wait) == (3, 40.0)
    assert read_progress(tmp_path / "progress.json").state == "running"


def test_the_pause_is_at_least_what_the_shop_asks_for(tmp_path):
    """Retry-After is the shop's own word."""
    progress = ProgressFile(tmp_path / "progress.json", "shop", "run")
    with pytest.raises(dg.RetryRequested) as asked, told(progress, retries=3):
        raise ShopBusy("busy", retry_after=75.0)
    assert asked.value.seconds_to_wait == 75.0


@pytest.mark.parametrize(("error", "attempt"), [(ShopUnreachable("no connection"), 3), (ShopRefused("wrong key"), 0)])
def test_what_cannot_be_retried_fails_and_is_told(tmp_path, error, attempt):
    """The last attempt, and every error that a retry cannot mend, ends as one sentence."""
    progress = ProgressFile(tmp_path / "progress.json", "shop", "run")
    with pytest.raises(dg.Failure) as failed, told(progress, attempt=attempt, retries=3):
        raise error
    assert failed.value.description == error.sentence()
    assert failed.value.allow_retries is False
    assert read_progress(tmp_path / "progress.json").message == error.sentence()
    assert our_error(failed.value) is error


def test_the_whole_job_is_tried_again_and_then_succeeds(house, monkeypatch):
    """Dagster's own loop has to take the retry up: here the shop is down once and back after a short pause."""
    monkeypatch.setattr("pipelines.failures.FIRST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr("pipelines.assets.raw.pull_shop", down_once("pipelines.assets.raw.pull_shop"))
    result = house.run(retries=2)
    assert result.success, failure_of(result)
    assert len([event for event in result.all_events if event.is_step_up_for_retry]) == 1
    assert read_progress(house.paths.progress(NAME)).state == "done"


def down_once(name: str):
    """Return `pull_shop` as it is where the shop does not answer the first time."""
    from pipelines.assets import raw

    real, calls = raw.pull_shop, []

    def pull_shop(*arguments):
        calls.append(name)
        if len(calls) == 1:
            raise ShopUnreachable("The shop does not answer.")
        return real(*arguments)

    return pull_shop


def a_progress(clock, **fields) -> SyncProgress:
    """Return a progress as read from the file."""
    given = {"shop": "s", "state": "done", "stage": "done", "run_id": "other", **fields}
    return SyncProgress(started_at=clock, updated_at=clock, **given)


@pytest.mark.parametrize(
    ("last", "news"),
    [
        (None, True),
        ({"state": "running", "run_id": "failed"}, True),
        ({"state": "failed", "run_id": "failed"}, False),
        ({"state": "running"}, False),
        ({"state": "done"}, True),
        ({"state": "done", "later": True}, False),
    ],
)
def test_a_failure_is_told_unless_something_newer_is(last, news):
    """A run that dies before its first word must be told; one that was overtaken must not hide what came after."""
    from datetime import UTC, datetime, timedelta

    failed_at = datetime(2026, 11, 1, tzinfo=UTC)
    later = last.pop("later", False) if last else False
    clock = failed_at + timedelta(seconds=5 if later else -5)
    progress = a_progress(clock, **last) if last is not None else None
    assert is_news(progress, "failed", failed_at.timestamp()) is news


def test_the_failure_sensor_writes_what_a_run_could_not_write_itself(house):
    """A run that waits in vain for the warehouse never held the progress file; the sensor speaks for it."""
    from filelock import FileLock

    from pipelines.failures import tell_failures

    impatient = {"warehouse": {"config": {"data_dir": str(house.folder), "patience_seconds": 0.2}}}
    with FileLock(house.paths.warehouse_lock(NAME)):
        result = house.run("derive", resources=impatient)
    assert not result.success
    house.paths.progress(NAME).unlink()
    run = house.instance.get_run_by_id(result.run_id)
    failure = next(event for event in result.all_events if event.is_failure)
    context = dg.build_run_status_sensor_context(
        sensor_name="tell_failures",
        dagster_event=failure,
        dagster_instance=house.instance,
        dagster_run=run,
        resources={"deployment": Deployment()},
    ).for_run_failure()
    tell_failures(context)
    assert said(house).startswith(f"Another run has held the warehouse of '{NAME}' for more than 0 s.")


def test_errors_of_a_blocking_check_carry_the_sentence_of_the_check(house):
    """The command line prints what the check found, not that some check failed."""
    spoil_an_order(house)
    with pytest.raises(dg.DagsterError) as failed:
        house.defs.resolve_job_def("derive").execute_in_process(partition_key=NAME, instance=house.instance)
    known = our_error(failed.value, read_progress(house.paths.progress(NAME)))
    assert isinstance(known, ChecksFailed)
    assert "Every amount in orders" in known.sentence()


def test_an_error_that_is_not_ours_is_left_alone():
    """Calling a fault of ours a fault of the shop's would send people the wrong way."""
    assert our_error(ValueError("x")) is None
    assert isinstance(our_error(RegularsError("x")), RegularsError)


def test_money_that_no_figure_holds_names_the_currency(house):
    """A plugin's wrong total stops every later run: whoever mends it must know where to look, and amounts are nobody's."""
    before = house.manifest().version
    house.execute(
        'UPDATE raw.orders SET body = json_merge_patch(body::JSON, \'{"total": "600000000000.00"}\')::TEXT, '
        "observed_at = observed_at + INTERVAL 1 SECOND"
    )

    assert not house.run("derive").success
    assert "The orders of one person come to 1,000,000,000,000 or more in EUR or USD," in said(house)
    assert house.manifest().version == before
