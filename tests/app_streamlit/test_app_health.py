"""The health page: what it tells of each shop, starting syncs, and what it says when something is away."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit import machinery, reads
from app_streamlit.components import formats
from regulars.errors import InboxUnavailable, RecordsUnavailable
from regulars.inbox import open_inbox
from regulars.inbox.delivery import Delivery, read_content
from regulars.models import CheckResult, SyncRun
from regulars.paths import DataPaths
from regulars.progress import ProgressFile
from regulars.records import open_records
from regulars.settings import load_settings
from tests.app_streamlit.conftest import free_port
from tests.app_streamlit.test_app_views import metrics, no_failure, said
from tests.regulars.directory.builders import SHOP, a_buyer
from tests.regulars.test_dagster import a_dagster, a_run

Open = Callable[..., AppTest]
Publish = Callable[..., str]


def now() -> datetime:
    """Return the time: screens count from it, and a module is read minutes before its last test runs."""
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def no_dagster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the app at a port where nothing answers, unless a test brings a Dagster."""
    monkeypatch.setenv("REGULARS_DAGSTER_PORT", str(free_port()))


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure the shop, so that it can be synced; nobody calls it."""
    for name, value in {
        "WOOCOMMERCE_URL": "http://127.0.0.1:9",
        "WOOCOMMERCE_CONSUMER_KEY": "ck_x",
        "WOOCOMMERCE_CONSUMER_SECRET": "cs_x",
        "REGULARS_SHOP": SHOP,
    }.items():
        monkeypatch.setenv(name, value)


def a_sync(run_id: str = "r0", **fields: Any) -> SyncRun:
    """Return a sync that ended well a minute ago."""
    given: dict[str, Any] = {
        "shop": SHOP,
        "run_id": run_id,
        "kind": "pull",
        "status": "success",
        "started_at": now() - timedelta(seconds=75),
        "finished_at": now() - timedelta(seconds=61),
        "customers": 3,
        "orders": 12,
        "seconds": 14.2,
    }
    return SyncRun(**given | fields)


def write(*runs: SyncRun, checks: list[CheckResult] | None = None) -> None:
    """Write syncs and the results of the invariants, as a run does."""
    with open_records(load_settings()) as records:
        for run in runs:
            records.add_sync(run)
        if checks is not None:
            records.set_checks(SHOP, "invariants", checks)


def a_check(name: str, *, passed: bool = True, detail: str = "As it should be.") -> CheckResult:
    """Return the result of one check."""
    return CheckResult(suite="invariants", name=name, passed=passed, detail=detail, at=now())


def deliver(*bodies: bytes, ago: float = 0.0) -> None:
    """Put deliveries into the inbox, as the receiver does."""
    received = now() - timedelta(seconds=ago)
    topic = "order.updated"
    deliveries = [Delivery(SHOP, topic, read_content(topic, body), body, received) for body in bodies]
    with open_inbox(load_settings()) as inbox:
        inbox.commit(deliveries)


def button(test: AppTest, key: str) -> Any:
    """Return the button of this key."""
    return test.button(key=key)


def rows_with(test: AppTest, column: str) -> Any:
    """Return the frame of the table that has this column."""
    return next(frame.value for frame in test.dataframe if column in frame.value)


def test_a_new_folder_has_an_honest_page(app: Open, connected: None) -> None:
    """Before the first sync there is nothing to show, and the page says so instead of failing."""
    test = app("health")

    assert not test.exception
    assert test.title[0].value == "Health"
    shown = said(test)
    assert "Nothing is published yet." in shown
    assert "No sync has ended yet." in shown
    assert "No check has run yet." in shown
    assert metrics(test)["Last sync"] == "–"


def test_a_healthy_shop_is_told_in_one_card(app: Open, published: Publish, connected: None) -> None:
    """When, what, how many, how long: the questions of every morning."""
    published([a_buyer(1)], about={"synced_at": now(), "published_at": now()})
    compared = a_sync("r1", kind="reconcile", drift=(), finished_at=now() - timedelta(hours=9))
    write(a_sync(), compared, checks=[a_check("one"), a_check("two")])

    test = app("health")

    no_failure(test)
    assert metrics(test) | {"Data folder": ""} == {
        "Differ from the shop": "0 records",
        "Webhooks": "–",
        "Last sync": "1 minute ago",
        "Changes waiting": "0",
        "Dead letters": "0",
        "Checks": "2 of 2",
        "Notes, tags, segments": "Files",
        "Data folder": "",
        "Published versions kept": "3",
    }
    assert "What changed: 3 customers and 12 orders, 14 s" in said(test)
    assert rows_with(test, "outcome")["outcome"].tolist() == ["done", "done"]
    assert "Version 2026" in said(test)
    assert ":material/check_circle: Well" in said(test)


def test_a_failed_sync_says_why_until_one_goes_well(app: Open, published: Publish) -> None:
    """The sentence of the one who failed is the only one that helps; it is text, whatever it holds."""
    published([a_buyer(1)])
    failed = a_sync("r1", status="failure", customers=0, orders=0, message="The shop refused the **key**.")
    write(a_sync(finished_at=now() - timedelta(hours=2)), failed)

    test = app("health")

    no_failure(test)
    assert "The shop refused the \\*\\*key\\*\\*\\." in said(test)
    assert rows_with(test, "outcome")["outcome"].tolist() == ["failed", "done"]
    assert "The last sync failed" in said(test)
    assert "2 syncs since" in said(test)


def test_changes_that_wait_are_counted_from_the_published_version_on(app: Open, published: Publish) -> None:
    """What is merged does not wait; how long the oldest has waited tells whether something is stuck."""
    published([a_buyer(1)], about={"change_seq": 1})
    deliver(b'{"id": 1}', ago=900)
    deliver(b'{"id": 2}', ago=600)
    deliver(b'{"id": 3}', ago=30)

    test = app("health")

    no_failure(test)
    waiting = next(metric for metric in test.metric if metric.label == "Changes waiting")
    assert waiting.value == "2"
    assert waiting.delta == "the oldest came 10 minutes ago"


def test_dead_letters_show_their_reason_and_never_their_body(app: Open, published: Publish) -> None:
    """The body may hold somebody's data; the reason is what an engineer needs."""
    published([a_buyer(1)])
    deliver(b'{"code": "secret@example.com"}', b"not json")

    test = app("health")

    no_failure(test)
    assert metrics(test)["Dead letters"] == "2"
    rows = rows_with(test, "reason")
    assert rows["topic"].tolist() == ["order.updated"] * 2
    assert all(rows["reason"])
    assert "secret@example.com" not in rows.to_csv()
    assert "secret" not in said(test)
    assert "`regulars replay --dead` reads them again" in said(test)


def test_a_check_that_does_not_hold_stands_above_those_that_do(app: Open, published: Publish) -> None:
    """One of 35 must not be looked for."""
    published([a_buyer(1)])
    broken = a_check("orders: money read", passed=False, detail="Every amount could be read: 1 row breaks it: order 7.")
    write(checks=[a_check("fine"), broken])

    test = app("health")

    no_failure(test)
    assert metrics(test)["Checks"] == "1 of 2"
    assert "order 7" in test.warning[0].value
    assert rows_with(test, "holds")["holds"].tolist() == ["no", "yes"]


def test_every_shop_has_its_card_the_chosen_one_first(app: Open, published: Publish) -> None:
    """Who looks after three shops wants to see all three at once, and can tell them apart."""
    for shop, name in (("alpha", "Alpha Teas"), ("beta", "Beta Books")):
        published([a_buyer(1)], shop, about={"shop": shop, "shop_name": name})

    test = app("health", shop="beta")

    no_failure(test)
    assert [heading.value for heading in test.header][:2] == ["Beta Books", "Alpha Teas"]
    assert test.sidebar.selectbox(key="shop_chosen").options == ["Alpha Teas", "Beta Books"]


def test_the_shop_chooser_leads_to_the_other_shops_people(app: Open, published: Publish) -> None:
    """Two shops, one app: nothing of one may be shown as the other's."""
    published([a_buyer(1)], "alpha", about={"shop": "alpha", "shop_name": "Alpha Teas"})
    published([a_buyer(1), a_buyer(2)], "beta", about={"shop": "beta", "shop_name": "Beta Books"})
    test = app("customers")
    assert "1 person" in said(test)

    test.sidebar.selectbox(key="shop_chosen").set_value("beta").run()

    no_failure(test)
    assert "2 people" in said(test)
    assert app("customers", shop="beta").sidebar.selectbox(key="shop_chosen").value == "beta"


def test_without_dagster_the_page_says_what_to_do(app: Open, published: Publish, connected: None) -> None:
    """Nothing syncs by itself then, and that is not visible anywhere else."""
    published([a_buyer(1)])
    test = app("health")
    assert "Dagster does not answer" in test.warning[0].value
    assert "`regulars up` starts it" in test.warning[0].value

    button(test, f"sync-{SHOP}").click().run()

    assert not test.exception
    assert "Dagster does not answer" in test.error[0].value.replace("\\", "")
    assert not button(test, f"sync-{SHOP}").disabled


def test_a_shop_that_is_not_configured_cannot_be_synced(app: Open, published: Publish) -> None:
    """Its data stay readable after its key was taken out of the settings; a sync would only fail."""
    published([a_buyer(1)])

    test = app("health")

    assert button(test, f"sync-{SHOP}").disabled
    assert "not configured any more" in said(test)


def test_a_sync_started_here_is_followed_to_its_end(
    app: Open, published: Publish, data: Path, connected: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting, progress, outcome: whoever pressed the button sees each, and the history has the same figures."""
    published([a_buyer(1)])
    progress = ProgressFile(DataPaths(data).progress(SHOP), SHOP, "r1")
    with a_dagster(runs=[a_run("QUEUED")] * 3 + [a_run("STARTED")] * 9) as (dagster, asked):
        monkeypatch.setenv("REGULARS_DAGSTER_PORT", dagster.url.rpartition(":")[2])
        test = app("health")
        button(test, f"sync-{SHOP}").click().run()
        no_failure(test)
        assert "Waiting for its turn" in test.progress[0].proto.text
        assert button(test, f"sync-{SHOP}").disabled
        progress.stage("orders", 40, 100)
        test.run()
        assert test.progress[-1].proto.text == "Syncing orders: 40 of 100"
        write(a_sync("r1", finished_at=datetime.now(UTC)))
        progress.finish()
        test.run()
    no_failure(test)
    assert [success.value for success in test.success] == ["Synced 3 customers and 12 orders in 14 s."]
    assert not button(test, f"sync-{SHOP}").disabled
    launched = [request for request in asked if b"launchRun" in request.body]
    assert len(launched) == 1
    assert b'"full": false' in launched[0].body


def test_a_sync_that_fails_tells_its_own_sentence(
    app: Open, published: Publish, data: Path, connected: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mere failure sends people to a log; the shop's own reason sends them to the right place."""
    published([a_buyer(1)])
    with a_dagster(runs=[a_run("QUEUED")] * 9) as (dagster, _):
        monkeypatch.setenv("REGULARS_DAGSTER_PORT", dagster.url.rpartition(":")[2])
        test = app("health")
        button(test, f"sync-{SHOP}").click().run()
        ProgressFile(DataPaths(data).progress(SHOP), SHOP, "r1").fail("The shop does not answer.")
        test.run()
    assert test.error[0].value.replace("\\", "") == "The sync failed. The shop does not answer."


def test_everything_is_read_again_only_where_somebody_asks_for_it(
    app: Open, published: Publish, connected: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes an hour of the shop's time, so it stands behind a word of warning."""
    published([a_buyer(1)])
    with a_dagster(runs=[a_run("QUEUED")] * 9) as (dagster, asked):
        monkeypatch.setenv("REGULARS_DAGSTER_PORT", dagster.url.rpartition(":")[2])
        test = app("health")
        assert "Reads every customer" in said(test)
        button(test, f"start-full-{SHOP}").click().run()
    no_failure(test)
    assert any(b'"full": true' in request.body for request in asked)


def test_a_dagster_that_goes_away_meanwhile_is_no_end_of_the_sync(
    app: Open, published: Publish, connected: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run may well go on; who watches is told, and may stop watching."""
    published([a_buyer(1)])
    with a_dagster(runs=[a_run("QUEUED")] * 3) as (dagster, _):
        monkeypatch.setenv("REGULARS_DAGSTER_PORT", dagster.url.rpartition(":")[2])
        test = app("health")
        button(test, f"sync-{SHOP}").click().run()
    test.run()
    assert any("cannot be told now" in warning.value for warning in test.warning)

    button(test, f"unwatch-{SHOP}").click().run()

    assert not button(test, f"sync-{SHOP}").disabled


def test_links_lead_to_the_runs_the_last_run_and_the_checks(
    app: Open, published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engineer starts here and goes on in Dagster."""
    published([a_buyer(1)])
    write(a_sync("run-7"))
    monkeypatch.setattr("regulars.dagster.Dagster.is_up", lambda _: True)

    test = app("health")

    url = machinery.dagster().url
    links = [element.proto.url for element in test.get("link_button")]
    assert links == [
        f"{url}/runs",
        f"{url}/runs/run-7",
        f"{url}/assets/marts/customers",
        f"{url}/assets/published/marts",
    ]


def test_records_that_are_away_are_told_once_and_the_page_is_whole_when_they_are_back(
    app: Open, published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that restarts must not need a restart of the app."""
    published([a_buyer(1)])
    test = app("customers")
    assert "1 person" in said(test)

    def away(*_: object) -> None:
        raise RecordsUnavailable("The records on MongoDB do not answer.")

    with monkeypatch.context() as patch:
        for name in ("tags", "segments", "change_token", "syncs", "checks", "aliases", "hidden"):
            patch.setattr(type(reads.records()), name, away)
        test.run()
        assert "The records on MongoDB do not answer" in test.error[0].value.replace("\\", "")
        assert "looks again every 5 seconds" in said(test)
        health = app("health")
        assert metrics(health)["Notes, tags, segments"] == "Files"
        assert "cannot be reached" in {metric.delta for metric in health.metric}
        assert metrics(health)["Changes waiting"] == "0"
    test.run()

    no_failure(test)
    assert "1 person" in said(test)


def test_an_outage_is_one_line_of_the_log(
    app: Open, published: Publish, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The page looks again every few seconds; a night without a database must not fill the disk."""
    published([a_buyer(1)])
    test = app("customers")

    def away(*_: object) -> None:
        raise RecordsUnavailable("away")

    monkeypatch.setattr(type(reads.records()), "segments", away)
    for _ in range(3):
        test.run()

    assert caplog.text.count("RecordsUnavailable") == 1


def test_a_server_that_is_away_is_told_once_on_a_card_that_does_not_say_all_is_well(
    app: Open, published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records and deliveries lie on one MongoDB: a green word beside its outage, told twice, is believed by nobody."""
    published([a_buyer(1)], about={"synced_at": now(), "published_at": now()})
    sentence = "MongoDB does not answer."

    def no_records(*_: object) -> None:
        raise RecordsUnavailable(sentence)

    def no_inbox() -> None:
        raise InboxUnavailable(sentence)

    monkeypatch.setattr(type(reads.records()), "syncs", no_records)
    monkeypatch.setattr(reads, "inbox", no_inbox)

    test = app("health")

    assert [error.value for error in test.error].count(formats.plain(sentence)) == 1
    assert ":material/help: Not all is known" in said(test)
    assert "Well" not in said(test)
