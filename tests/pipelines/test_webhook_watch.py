"""The watch over our webhooks: told once, pulled once, never a storm."""

import logging
import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from demo_shop.generate import generate
from demo_shop.server import create_app, serve
from demo_shop.store import DEMO_KEY
from demo_shop.webhooks import Webhooks
from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import PARTITION_TAG
from pipelines.webhook_watch import Before, judged, look_at_all, webhook_sensor
from regulars.inbox import TOPICS
from regulars.records import open_records
from regulars.settings import load_settings
from regulars.shop.webhooks import WebhookClient, install

NAME = "house"
BASE = f"http://127.0.0.1:9/api/customers/webhooks/{NAME}"


class Watch:
    """The sensor with its memory, and the shop's webhooks."""

    def __init__(self, client: WebhookClient) -> None:
        self.client = client
        self._sensor, self._cursor = webhook_sensor("sync"), ""
        self.instance = dg.DagsterInstance.ephemeral()

    def look(self) -> dg.SensorResult:
        """Let the sensor look once."""
        result = self._sensor(dg.build_sensor_context(self.instance, cursor=self._cursor), deployment=Deployment())
        assert isinstance(result, dg.SensorResult)
        self._cursor = result.cursor or ""
        return result

    def become(self, topic: str, status: str) -> None:
        """Let the shop change a webhook's status."""
        hooks = next(self.client.pages("webhooks", {"status": "all"})).items
        [number] = [hook["id"] for hook in hooks if hook["topic"] == topic]
        self.client.put(f"webhooks/{number}", {"status": status})

    def states(self) -> dict[str, str]:
        """Return what screens are told."""
        with open_records(load_settings()) as records:
            return {state.topic: state.status for state in records.webhooks(NAME)}


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """A shop without webhooks, and the settings that name it."""
    monkeypatch.chdir(tmp_path)
    shop = generate(3, seed=1, today=date(2026, 6, 1), keys=(DEMO_KEY,))
    with serve(create_app(shop, Webhooks(shop, timeout=0.5))) as url:
        for name, value in {
            "WOOCOMMERCE_URL": url,
            "WOOCOMMERCE_CONSUMER_KEY": DEMO_KEY.consumer_key,
            "WOOCOMMERCE_CONSUMER_SECRET": DEMO_KEY.consumer_secret,
            "WOOCOMMERCE_WEBHOOK_SECRET": "whsec",
            "REGULARS_SHOP": NAME,
            "REGULARS_DATA": str(tmp_path / "data"),
            "REGULARS_PUBLIC_URL": "",
        }.items():
            monkeypatch.setenv(name, value)
        with WebhookClient(load_settings().shop(NAME)) as client:
            yield Watch(client)


@pytest.fixture
def watch(bare: Watch) -> Watch:
    """A shop with our webhooks installed."""
    install(bare.client, load_settings().shop(NAME), BASE)
    return bare


def asked(result: dg.SensorResult) -> list[str | None]:
    """Return the shops that a run was asked for."""
    return [run.partition_key for run in result.run_requests or []]


def test_webhooks_that_are_well_are_told_to_the_screens_and_start_nothing(watch: Watch) -> None:
    """Each look is one request; a run would cost ten seconds of a processor."""
    result = watch.look()
    assert asked(result) == []
    assert result.skip_reason.skip_message == "Shops that answered: 1 of 1; webhooks that are not active: 0."
    assert watch.states() == dict.fromkeys(TOPICS, "active")


@pytest.mark.parametrize("status", ["disabled", "paused"])
def test_one_that_fell_silent_pulls_once_and_is_told_once(
    watch: Watch, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The shop never sends again what it could not deliver; a pull at every look would be a storm."""
    watch.look()
    watch.become("order.updated", status)
    with caplog.at_level(logging.WARNING, logger="regulars"):
        result = watch.look()
        assert asked(result) == [NAME]
        [note] = result.asset_events
        assert (note.asset_key, note.partition) == (dg.AssetKey(["raw", "orders"]), NAME)
        assert watch.states()["order.updated"] == status
        assert [asked(watch.look()) for _ in range(3)] == [[], [], []]
    ours = [record.message for record in caplog.records if record.name == "regulars"]
    assert ours == [f"The webhook order.updated of {NAME} was active and is {status} now."]
    watch.become("order.updated", "active")
    assert asked(watch.look()) == []
    watch.become("order.updated", status)
    assert asked(watch.look()) == [NAME]


def test_the_pull_waits_for_the_run_that_is_under_way(watch: Watch) -> None:
    """That run may have asked the shop already; one more beside it would wait for its warehouse, holding a place."""
    watch.look()
    run = watch.instance.add_run(
        dg.DagsterRun("sync", run_id=str(uuid4()), status=dg.DagsterRunStatus.STARTED, tags={PARTITION_TAG: NAME})
    )
    watch.become("order.updated", "disabled")
    assert [asked(watch.look()) for _ in range(2)] == [[], []]
    watch.instance.report_run_failed(run)
    assert [asked(watch.look()) for _ in range(2)] == [[NAME], []]


def test_one_that_was_deleted_is_silent_too(watch: Watch) -> None:
    """Somebody tidies up in WooCommerce's settings."""
    watch.look()
    for hook in next(watch.client.pages("webhooks", {})).items:
        if hook["topic"].startswith("customer."):
            watch.client.delete(hook["id"])
    result = watch.look()
    assert asked(result) == [NAME]
    assert [note.asset_key for note in result.asset_events] == [dg.AssetKey(["raw", "customers"])]
    assert watch.states()["customer.updated"] == "absent"


def test_a_shop_that_never_had_webhooks_starts_nothing(bare: Watch) -> None:
    """Pulls alone are a fair way to run."""
    assert [asked(bare.look()), asked(bare.look())] == [[], []]
    assert set(bare.states().values()) == {"absent"}


def test_a_key_that_may_not_see_them_is_said_once_and_forgets_nothing(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is not known is neither well nor silent."""
    watch.look()
    with caplog.at_level(logging.WARNING, logger="regulars"), monkeypatch.context() as patch:
        patch.setenv("WOOCOMMERCE_CONSUMER_SECRET", "cs_wrong")
        assert [asked(watch.look()) for _ in range(3)] == [[], [], []]
    assert len([record for record in caplog.records if "is not known" in record.message]) == 1
    watch.become("order.updated", "disabled")
    assert asked(watch.look()) == [NAME]


def test_a_shop_that_is_away_is_no_news_of_its_webhooks(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sync says that the shop is away; its webhooks may be as they were."""
    watch.look()
    with socket.socket() as closed, monkeypatch.context() as patch:
        patch.setattr("pipelines.webhook_watch.LOOK_SECONDS", 1.0)  # it is tried again for some seconds
        closed.bind(("127.0.0.1", 0))
        patch.setenv("WOOCOMMERCE_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        result = watch.look()
    assert asked(result) == []
    assert result.skip_reason.skip_message.startswith("Shops that answered: 0 of 1")
    assert watch.states() == dict.fromkeys(TOPICS, "active")


def test_a_shop_that_hangs_holds_up_no_other_and_no_sensor(bare: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster ends a sensor after a minute; then nobody would be looked at."""
    with socket.create_server(("127.0.0.1", 0)) as silent_shop:
        monkeypatch.setenv("WOOCOMMERCE_URL", f"http://127.0.0.1:{silent_shop.getsockname()[1]}")
        found = look_at_all(load_settings(), 0.5)
    assert found == {}
    assert judged(NAME, Before({"order.updated": "active"}), found.get(NAME)) == Before({"order.updated": "active"})


def test_only_webhooks_that_deliver_to_the_public_address_count_where_it_is_known(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a move of the receiver the old ones still say "active"."""
    watch.look()
    monkeypatch.setenv("REGULARS_PUBLIC_URL", "https://hooks.example.com")
    assert asked(watch.look()) == [NAME]
    assert set(watch.states().values()) == {"absent"}
