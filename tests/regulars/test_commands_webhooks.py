"""`regulars webhooks` and `regulars replay` as a shell sees them."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from demo_shop.webhooks import Webhooks
from regulars.inbox import TOPICS, open_inbox
from regulars.records import open_records
from regulars.settings import Settings
from tests.e2e.running import KEY, SECRET, Place, connected
from tests.regulars.backup.house import settings_of
from tests.regulars.inbox.deliveries import a_delivery, of_order

PUBLIC = "http://127.0.0.1:9"


@pytest.fixture
def hooks() -> Iterator[tuple[Webhooks, str]]:
    """Serve a small shop; return its webhooks and its address."""
    shop = generate(3, seed=1, today=date(2026, 6, 1), keys=(ApiKey(KEY, SECRET),))
    theirs = Webhooks(shop, timeout=0.5)
    with serve(create_app(shop, theirs)) as url:
        yield theirs, url


def test_webhooks_are_installed_watched_and_repaired(hooks: tuple[Webhooks, str], tmp_path: Path) -> None:
    """The three commands of the handbook, one after the other; scripts read code and JSON."""
    theirs, url = hooks
    place = Place(tmp_path, **connected(url), REGULARS_PUBLIC_URL=PUBLIC)
    before = place.run("webhooks", "status")
    assert before.returncode == 1
    assert before.stdout.count("absent") == len(TOPICS)

    installed = place.result("webhooks", "install")
    assert installed["created"] == list(TOPICS)
    assert installed["delivery_base"] == f"{PUBLIC}/api/customers/webhooks/shop"
    assert place.run("webhooks", "status", "--shop", "shop").returncode == 0

    broken = next(hook for hook in theirs.hooks.values() if hook.topic == "order.updated")
    broken.status = "disabled"
    told = place.run("webhooks", "status")
    assert told.returncode == 1
    assert f"order.updated      id {broken.id}     disabled by the shop" in told.stdout
    assert "No delivery was taken in 30 days." in told.stdout
    with open_inbox(settings_of(place.data)) as inbox:
        inbox.commit([of_order(5)])
    assert "Last delivery taken: 2026-11-22 12:00 UTC." in place.run("webhooks", "status").stdout

    repaired = place.run("webhooks", "repair")
    assert repaired.returncode == 0, repaired.stderr
    assert "Nothing was told of order.updated until now" in repaired.stdout
    assert "regulars reconcile --shop shop" in repaired.stdout
    assert broken.status == "active"
    with open_records(settings_of(place.data)) as records:
        assert {state.status for state in records.webhooks("shop")} == {"active"}


def test_without_a_public_address_the_setting_is_named(hooks: tuple[Webhooks, str], tmp_path: Path) -> None:
    """Nobody should guess where a shop delivers to; `--url` is for a try."""
    place = Place(tmp_path, **connected(hooks[1]))
    done = place.run("webhooks", "install")
    assert (done.returncode, done.stdout) == (2, "")
    assert "set REGULARS_PUBLIC_URL" in done.stderr
    assert place.result("webhooks", "install", "--url", PUBLIC)["created"] == list(TOPICS)
    status = place.run("webhooks", "status")  # looks at all of ours, wherever they deliver to
    assert status.returncode == 0, status.stderr
    assert status.stdout.startswith("Webhooks of shop at any address of ours (REGULARS_PUBLIC_URL is not set):")


def test_what_was_received_is_queued_again_and_dead_letters_are_counted(tmp_path: Path) -> None:
    """After a warehouse was set back, and after an update."""
    place = Place(tmp_path, **connected("https://shop.example.com"))
    with open_inbox(Settings(data_dir=place.data, _env_file=None)) as inbox:
        inbox.commit([of_order(5), of_order(5, "2026-11-23T00:00:00"), of_order(6), a_delivery(b'{"code": "x"}')])
        last = inbox.last_seq("shop")
        assert place.result("replay") == {"shop": "shop", "queued": 2}
        assert [row.resource_id for row in inbox.pending("shop", last)] == [5, 6]
        reason = "the shop sent an error in place of the object"
        assert place.result("replay", "--dead") == {"shop": "shop", "understood": 0, "left": {reason: 1}}
    said = place.run("replay", "--dead").stdout
    assert "0 of 1 dead letters are understood now" in said
    assert "regulars reconcile" in said


def test_with_nothing_kept_replaying_says_so(tmp_path: Path) -> None:
    """To queue "the last delivery about each of 0 orders" leaves people to wonder what was done."""
    place = Place(tmp_path, **connected("https://shop.example.com"))
    assert place.run("replay").stdout.startswith("No delivery is kept, so there is nothing to queue again.")
    assert place.run("replay", "--dead").stdout == "No dead letter is kept, so there is nothing to read again.\n"


def test_replaying_another_shop_is_refused(tmp_path: Path) -> None:
    """A typing error must not look like an empty inbox."""
    done = Place(tmp_path, **connected("https://shop.example.com")).run("replay", "--shop", "west")
    assert done.returncode == 2
    assert "No shop is called 'west'" in done.stderr
