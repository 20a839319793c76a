"""The number that proves a copy, and the webhooks that keep it fresh: what the app says of them, and what it starts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit import reads
from app_streamlit.components import formats
from regulars.errors import RecordsUnavailable
from regulars.models import Drift, SyncProgress, WebhookState
from regulars.paths import DataPaths
from regulars.progress import ProgressFile
from regulars.records import open_records
from regulars.settings import load_settings
from tests.app_streamlit import test_app_health
from tests.app_streamlit.test_app_health import a_sync, button, rows_with, write
from tests.app_streamlit.test_app_views import metrics, no_failure, said
from tests.regulars.directory.builders import AS_OF, SHOP, a_buyer
from tests.regulars.test_dagster import a_dagster, a_run

Open = Callable[..., AppTest]
Publish = Callable[..., str]
no_dagster, connected = test_app_health.no_dagster, test_app_health.connected
MENDED = (
    Drift(object="order", kind="total", before=36, after=0),
    Drift(object="customer", kind="extra", before=1, after=0),
)


def see(*states: WebhookState) -> None:
    """Write webhooks as the shop showed them."""
    with open_records(load_settings()) as records:
        records.set_webhooks(SHOP, states)


def a_webhook(topic: str, status: Any) -> WebhookState:
    """Return a webhook as the shop shows it."""
    return WebhookState(topic=topic, status=status, webhook_id=None, checked_at=datetime.now(UTC))


def metric(test: AppTest, label: str) -> Any:
    """Return a figure on the screen."""
    return next(one for one in test.metric if one.label == label)


def badges(test: AppTest) -> str:
    """Return the words of everything that is drawn as Markdown, badges among them."""
    return "\n".join(str(one.value) for one in test.markdown)


def test_a_copy_that_nobody_compared_says_so(app: Open, published: Publish, connected: None) -> None:
    """A zero would be a lie here: nobody looked."""
    published([a_buyer(1)])
    write(a_sync())

    test = app("health")

    no_failure(test)
    assert (metric(test, "Differ from the shop").value, metric(test, "Differ from the shop").delta) == (
        "–",
        "never compared",
    )
    assert "Nobody has compared this copy" in said(test)
    assert not button(test, f"compare-{SHOP}").disabled
    assert "from the shop" not in test.caption[0].value


def test_what_was_mended_is_told_by_kind(app: Open, published: Publish) -> None:
    """The number first; then what was wrong, so that somebody can ask why."""
    published([a_buyer(1)])
    hours_ago = datetime.now(UTC) - timedelta(hours=5, minutes=1)
    write(a_sync("r1", kind="reconcile", drift=MENDED, finished_at=hours_ago, seconds=12.2), a_sync("r2"))

    test = app("health")

    no_failure(test)
    differ = metric(test, "Differ from the shop")
    assert (differ.value, differ.delta) == ("0 records", "compared 5 hours ago")
    assert "**0 records differ from the shop.** 37 differed, all were mended. Compared " in said(test)
    assert test.table[0].value.to_numpy().tolist() == [
        ["Orders", "another total", "36", "0"],
        ["Customers", "here, and gone from the shop", "1", "0"],
    ]
    syncs = rows_with(test, "outcome")
    assert syncs["kind"].tolist() == ["What changed", "Compared"]
    assert syncs["drift"].tolist() == ["", "37 → 0"]


def test_what_could_not_be_mended_stands_out(app: Open, published: Publish, connected: None) -> None:
    """A copy that is known to be wrong must not look well."""
    published([a_buyer(1)], about={"synced_at": datetime.now(UTC), "published_at": datetime.now(UTC)})
    write(a_sync("r1", kind="reconcile", drift=(Drift(object="order", kind="body", before=3, after=1),)))

    test = app("health")

    assert metric(test, "Differ from the shop").value == "1 record"
    assert "**1 record still differs from the shop.** 3 differed, the others were mended." in test.warning[0].value
    assert "1 record differs" in badges(test)


def test_every_page_says_how_many_records_differ(app: Open, published: Publish) -> None:
    """Whoever reads a figure sees at once how far it can be trusted; people who were deleted here are not counted."""
    published([a_buyer(number) for number in range(1, 4)])
    write(a_sync("r1", kind="reconcile", drift=MENDED))
    with open_records(load_settings()) as records:
        records.hide(SHOP, "woo:2", "ana")

    test = app("customers")

    no_failure(test)
    line = next(caption.value for caption in test.caption if "from the shop" in caption.value)
    assert line.split(" · ")[1] == "2 people"
    assert line.endswith("0 records differ from the shop")


def test_with_a_past_day_lists_say_that_they_hold_everybody(app: Open, published: Publish) -> None:
    """The overview counts the people of that day: two numbers of people need a word each."""
    published([a_buyer(1)], about={"live": False, "as_of": AS_OF})

    test = app("customers")

    assert "1 person known today" in "\n".join(caption.value for caption in test.caption)
    assert "everybody known today, with figures as of " in badges(test)
    assert "People are those known by then; lists hold everybody known today." in said(app())


def test_a_comparison_is_started_and_followed_here(
    app: Open, published: Publish, data: Path, connected: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes long at a large shop: how fast it goes and how long it takes is what people want to know."""
    published([a_buyer(1)])
    now = datetime.now(UTC)
    with a_dagster(runs=[a_run("STARTED")] * 9) as (dagster, asked):
        monkeypatch.setenv("REGULARS_DAGSTER_PORT", dagster.url.rpartition(":")[2])
        test = app("health")
        button(test, f"compare-{SHOP}").click().run()
        no_failure(test)
        assert button(test, f"compare-{SHOP}").disabled
        file = DataPaths(data).progress(SHOP)
        file.parent.mkdir(parents=True, exist_ok=True)
        rate = {"done": 12_300, "total": 100_000, "per_minute": 4_100.4, "seconds_left": 1_283.0}
        progress = SyncProgress(
            shop=SHOP, state="running", stage="orders", started_at=now, updated_at=now, run_id="r1", **rate
        )
        file.write_text(progress.model_dump_json())
        test.run()
        assert test.progress[-1].proto.text == "Syncing orders: 12,300 of 100,000 · 4,100 a minute · 21 min left"
        write(a_sync("r1", kind="reconcile", drift=MENDED, finished_at=datetime.now(UTC)))
        ProgressFile(file, SHOP, "r1").finish()
        test.run()
    no_failure(test)
    assert [success.value for success in test.success] == [
        "**0 records differ from the shop.** 37 differed, all were mended."
    ]
    (launched,) = [request for request in asked if b"launchRun" in request.body]
    assert b'"reconcile": true' in launched.body


def test_a_webhook_that_is_off_is_a_red_box_with_what_to_do(app: Open, published: Publish, connected: None) -> None:
    """The shop switches it off for good and tells nobody; what it would have told is lost."""
    published([a_buyer(1)], about={"synced_at": datetime.now(UTC), "published_at": datetime.now(UTC)})
    see(
        a_webhook("customer.created", "active"),
        a_webhook("order.deleted", "absent"),
        a_webhook("order.updated", "disabled"),
    )

    test = app("health")

    (box,) = test.error
    assert "**order\\.deleted** is missing in the shop, **order\\.updated** is switched off by the shop" in box.value
    assert "the next comparison finds them" in box.value
    assert "`regulars webhooks repair` puts the webhooks right" in box.value
    assert (metrics(test)["Webhooks"], metric(test, "Webhooks").delta) == ("1 of 3 on", "changes are lost")
    assert "Changes are lost" in badges(test)
    assert rows_with(test, "topic")["state"].tolist() == ["on", "missing in the shop", "switched off by the shop"]


def test_of_several_shops_the_command_names_the_one(
    app: Open, published: Publish, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that repairs the wrong shop, or refuses, helps nobody."""
    monkeypatch.setenv("KEY", "x")
    table = "url = 'http://127.0.0.1:9'\nconsumer_key = 'KEY'\nconsumer_secret = 'KEY'\n"
    (data.parent / "shops.toml").write_text(f"[shops.{SHOP}]\n{table}[shops.other]\n{table}")
    published([a_buyer(1)])
    see(a_webhook("order.created", "active"), a_webhook("order.updated", "paused"))

    test = app("health")

    assert f"`regulars webhooks repair --shop {SHOP}`" in test.error[0].value


def test_webhooks_that_were_never_made_are_no_failure(app: Open, published: Publish, connected: None) -> None:
    """Many shops are reached from nowhere outside: pulls alone are a way to use this, not a fault."""
    published([a_buyer(1)])
    see(a_webhook("order.deleted", "absent"), a_webhook("order.updated", "absent"))

    test = app("health")

    no_failure(test)
    assert (metrics(test)["Webhooks"], metric(test, "Webhooks").delta) == ("–", "none installed")
    assert "`regulars webhooks install` makes them" in said(test)


def test_where_the_records_are_away_nothing_is_claimed(
    app: Open, published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a zero nor "never compared": it is not known now. Commands in the sentence look like commands."""
    published([a_buyer(1)])
    write(a_sync("r1", kind="reconcile", drift=MENDED))

    def away() -> None:
        raise RecordsUnavailable("The records are away; `regulars doctor` tells more.")

    test = app("health")
    monkeypatch.setattr(reads, "records", away)
    test.run()

    assert not test.exception
    assert "Nobody has compared" not in said(test)
    assert "`regulars doctor` tells more" in "\n".join(error.value for error in test.error)
    assert "records differ" not in "\n".join(caption.value for caption in test.caption)


def test_a_shop_that_is_half_configured_is_named_with_what_it_lacks(
    app: Open, published: Publish, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no card and no error of its own: a typing error would leave it out in silence."""
    monkeypatch.setenv("KEY", "x")
    table = "url = 'http://127.0.0.1:9'\nconsumer_key = 'KEY'\nconsumer_secret = "
    (data.parent / "shops.toml").write_text(f"[shops.{SHOP}]\n{table}'KEY'\n[shops.other]\n{table}'OTHER'\n")
    published([a_buyer(1)])
    write(a_sync())

    test = app("health")

    no_failure(test)
    (warned,) = [one.value for one in test.warning if "other" in one.value]
    assert "has an address but no OTHER" in warned
    assert warned.endswith("Until then nothing comes from it.")


def test_what_a_sync_did_not_believe_is_told_on_its_card(app: Open, published: Publish) -> None:
    """The run ended well, so no failure says it; somebody has to look at the shop."""
    published([a_buyer(1)])
    left = (Drift(object="order", kind="extra", before=101, after=101),)
    doubt = "The shop says that 101 of the 300 order records held here are gone."
    write(a_sync(kind="reconcile", drift=left, message=doubt))

    test = app("health")

    no_failure(test)
    assert "101 records still differ" in said(test)
    assert [one.value for one in test.caption].count(formats.sentence(doubt, 1000)) == 1
