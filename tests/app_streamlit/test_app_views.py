"""Every screen, with nobody, one person and many; with what people write; and when things fail."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit import reads
from regulars.models import SyncProgress
from regulars.paths import DataPaths
from tests.regulars.directory.builders import (
    SHOP,
    a_buyer,
)

Open = Callable[..., AppTest]
Publish = Callable[..., str]


def said(test: AppTest) -> str:
    """Return every sentence on the screen."""
    kinds = (test.title, test.caption, test.markdown, test.info, test.warning, test.error, test.text, test.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def table(test: AppTest, key: str) -> Any:
    """Return the frame of the table with this in its key."""
    return next(frame.value for frame in test.dataframe if key in frame.proto.id)


def metrics(test: AppTest) -> dict[str, str]:
    """Return the figures on the screen by label."""
    return {metric.label: metric.value for metric in test.metric}


def no_failure(test: AppTest) -> None:
    """Fail with what the app said when something went wrong."""
    assert not test.exception
    assert [error.value for error in test.error] == []


def write_progress(data: Path, state: str, **fields: Any) -> None:
    """Write a sync's progress as the one who runs it does."""
    now = datetime.now(UTC)
    progress = SyncProgress(
        **{"shop": SHOP, "state": state, "stage": "orders", "started_at": now, "updated_at": now} | fields
    )
    file = DataPaths(data).progress(SHOP)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(progress.model_dump_json())


def test_without_a_shop_the_app_names_the_two_ways_to_one(app: Open) -> None:
    """The first thing somebody sees must tell what to do next."""
    test = app()

    no_failure(test)
    assert "regulars demo" in said(test)
    assert "Connect your shop" in said(test)


def test_before_the_first_publish_the_sync_is_followed(app: Open, data: Path) -> None:
    """`regulars up` opens the app at once; until there are data it shows how far the sync is."""
    write_progress(data, "running", done=3_000, total=12_000)

    test = app()

    no_failure(test)
    (bar,) = test.progress
    assert bar.proto.text == "Syncing orders: 3,000 of 12,000"
    assert bar.proto.value == 25


def test_a_failed_first_sync_says_why(app: Open, data: Path) -> None:
    """The sentence of the one who failed is the only one that helps."""
    write_progress(data, "failed", message="The shop refused the key: check WOOCOMMERCE_CONSUMER_KEY.")

    assert "The shop refused the key" in app().error[0].value.replace("\\", "").replace("\u2060", "")


def test_a_sync_that_fell_silent_is_not_shown_as_running(app: Open, data: Path) -> None:
    """A killed sync leaves "running" behind for ever."""
    write_progress(data, "running", updated_at=datetime.now(UTC) - timedelta(minutes=10))

    assert "stopped without a word" in app().warning[0].value


def test_the_app_turns_to_the_data_once_they_are_published(app: Open, data: Path, published: Publish) -> None:
    """Nobody should have to reload the page when the first sync ends."""
    write_progress(data, "running")
    test = app()
    assert test.title[0].value == "Almost there"

    published([a_buyer(1)])
    test.run()

    assert test.title[0].value == "Overview"


def test_an_empty_shop_says_so_on_every_page(app: Open, published: Publish) -> None:
    """A new shop has no customers; that is no error."""
    published([])

    for page in (None, "customers", "segments", "segment"):
        no_failure(app(page))
    assert "no customers yet" in said(app("customers"))


def test_several_shops_are_chosen_in_the_sidebar_and_named_in_addresses(app: Open, published: Publish) -> None:
    """A link to a person of one shop must not open somebody of the other."""
    published(
        [a_buyer(1, first_name="Anna", last_name="Ek")], shop="north", about={"shop": "north", "shop_name": "North"}
    )
    published(
        [a_buyer(1, first_name="Bo", last_name="Li")], shop="south", about={"shop": "south", "shop_name": "South"}
    )

    test = app("customer", customer="woo:1", shop="south")

    no_failure(test)
    assert test.title[0].value == "Bo Li"
    assert test.sidebar.selectbox[0].value == "south"
    assert "shop" in app("customers").query_params


def test_figures_of_a_past_day_say_so(app: Open, published: Publish) -> None:
    """Nobody may take last year's figures for today's."""
    published([a_buyer(1, days=12)], about={"live": False})

    test = app("customers")

    assert "As of 12 Nov 2026" in said(test)
    assert table(test, "wide")["last_order"].tolist() == ["12 days ago · 31 Oct 2026"]


def test_an_unexpected_failure_is_a_sentence_with_a_reference_and_no_data(
    app: Open, published: Publish, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """People read a sentence, whoever looks after the app finds the place; a customer's data are in neither."""
    published([a_buyer(1)])

    def broken(shop: str, query: object) -> None:
        raise ValueError("anna.secret@example.com could not be read")

    monkeypatch.setattr(reads, "people", broken)
    with caplog.at_level(logging.ERROR, logger="regulars.app"):
        test = app("customers")

    assert not test.exception
    (sentence,) = [error.value for error in test.error]
    reference = sentence.split("reference ")[1].split(".")[0]
    assert "anna" not in sentence
    assert reference in caplog.text
    assert "test_app_views.py" in caplog.text
    assert "anna" not in caplog.text


def test_data_of_a_newer_version_are_a_sentence(app: Open, data: Path, published: Publish) -> None:
    """An older app over newer data says to update, on every page."""
    version = published([a_buyer(1)])
    file = data / "published" / SHOP / version / "manifest.json"
    file.write_text(file.read_text().replace('"schema_version": 2', '"schema_version": 3'))

    assert "update Regulars" in app("customers").error[0].value
