"""A shop is the one that was accepted, or a sync stops and asks."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from regulars.errors import ShopChanged, ShopTooOld
from regulars.models import Fingerprint
from regulars.records.sql import SqlRecords
from regulars.shop.client import ShopClient
from regulars.shop.fingerprint import changes, currency_of, home_of, known_shop
from regulars.shop.software import Software, software_of
from tests.regulars.shop.scripted_shop import KEY, SECRET, Asked, Said, recorded, scripted, shop_at

AT = datetime(2026, 11, 22, tzinfo=UTC)
KNOWN = Fingerprint(home="shop.example.com", currency="EUR", timezone="Europe/Berlin", seen_at=AT)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    """Return records without anything in them."""
    with SqlRecords(tmp_path / "records.db") as store:
        yield store


class Shop:
    """A shop that says of itself what a test wants, at an address of the loopback."""

    def __init__(self, **said: Any) -> None:
        self.home, self.zone, self.currency, self.version = "https://shop.example.com", "Europe/Berlin", "EUR", "9.9.5"
        self.__dict__.update(said)

    def answer(self, asked: Asked) -> Said:
        """Answer as a shop does."""
        if asked.path.endswith("/wp-json/"):
            told = f'"name":"S","url":"{self.home}","home":"{self.home}","gmt_offset":1,"timezone_string":"{self.zone}"'
            return Said(200, f'{{{told},"namespaces":["wc/v3"]}}'.encode())
        if asked.path.endswith("currencies/current"):
            return Said(200, f'{{"code":"{self.currency}"}}'.encode()) if self.currency else Said(404, b"{}")
        if asked.path.endswith("system_status"):
            return Said(200, f'{{"environment":{{"version":"{self.version}"}},"settings":{{}}}}'.encode())
        return Said(404, b"{}")


def look(shop: Shop, records: SqlRecords, *, copied_from: str | None = None, quick: bool = False, **set_: Any) -> int:
    """Look at the shop as a sync does; return how many requests that cost, the index aside."""
    with scripted(shop.answer) as (url, log):
        config = shop_at(url, **set_)
        with ShopClient(config, patience=0) as client:
            index = client.index()
            known_shop(records, config, client, index, copied_from=copied_from, at=AT, quick=quick)
        return len(log) - 1


def test_the_first_sync_accepts_the_shop_and_the_next_ones_ask_once(records: SqlRecords) -> None:
    """Nobody should have to accept what they just set up; and idle shops are asked little."""
    assert look(Shop(), records) == 2
    kept = records.fingerprint("shop")
    assert kept is not None
    assert (kept.home, kept.currency, kept.timezone) == ("shop.example.com", "EUR", "Europe/Berlin")
    assert look(Shop(home="http://Shop.example.com/"), records) == 1, "http or https, it is the same shop"
    assert look(Shop(), records, quick=True) == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"home": "https://other.example.com"}, "its address from shop.example.com to other.example.com"),
        ({"home": "https://shop.example.com/outlet"}, "to shop.example.com/outlet"),
        ({"currency": "USD"}, "its currency from EUR to USD"),
        ({"zone": "America/New_York"}, "its time zone from Europe/Berlin to America/New_York"),
    ],
)
def test_a_shop_that_changed_is_not_read_and_the_way_out_is_named(
    records: SqlRecords, changed: dict[str, str], said: str
) -> None:
    """Ids repeat between shops: a second one in the same warehouse would overwrite the first one's orders."""
    look(Shop(), records)
    with pytest.raises(ShopChanged) as raised:
        look(Shop(**changed), records)
    assert said in raised.value.message
    assert "regulars doctor --accept --shop shop" in raised.value.message
    assert records.fingerprint("shop") == KNOWN, "what was accepted stays accepted"


def test_a_run_of_change_rows_sees_another_address_without_a_request(records: SqlRecords) -> None:
    """It fetches records by id, which would be another shop's."""
    look(Shop(), records)
    with pytest.raises(ShopChanged, match="address"):
        look(Shop(home="https://other.example.com"), records, quick=True)


def test_a_currency_that_cannot_be_learnt_blocks_nothing_and_is_noted_once_it_can(records: SqlRecords) -> None:
    """Keys of lesser users may not ask for it."""
    look(Shop(currency=None), records)
    look(Shop(currency="EUR"), records)
    look(Shop(currency=None), records)
    with pytest.raises(ShopChanged, match="from EUR to USD"):
        look(Shop(currency="USD"), records)


def test_a_zone_that_is_set_here_is_nobody_else_s_to_change(records: SqlRecords) -> None:
    """Whoever sets REGULARS_SHOP_TIMEZONE has decided already."""
    look(Shop(), records)
    look(Shop(), records, timezone="Asia/Tokyo")


def test_a_demo_or_a_tunnel_may_come_back_on_another_port() -> None:
    """The demo shop's address is another one whenever its port is taken."""
    demo = KNOWN.model_copy(update={"home": "127.0.0.1:8080"})
    assert changes(demo, demo.model_copy(update={"home": "127.0.0.1:9090"})) == []
    assert changes(KNOWN, demo) != [], "a real shop does not turn into a demo"


def test_a_warehouse_from_before_fingerprints_is_held_to_the_address_it_was_filled_from(records: SqlRecords) -> None:
    """An update of Regulars must not open the door to another shop."""
    with pytest.raises(ShopChanged, match=r"from old.example.com to 127"):
        look(Shop(), records, copied_from="https://old.example.com")
    assert records.fingerprint("shop") is None


@pytest.mark.parametrize(("version", "fits"), [("5.7.2", False), ("5.8.0", True), ("10.3.6", True), ("?", True)])
def test_a_woocommerce_that_cannot_be_asked_for_changes_is_refused(
    records: SqlRecords, version: str, fits: bool
) -> None:
    """It would pass over `modified_after` without a word and answer each pull with every order."""
    if fits:
        look(Shop(version=version), records)
        return
    with pytest.raises(ShopTooOld, match=r"5\.8 \(October 2021\)"):
        look(Shop(version=version), records)
    assert records.fingerprint("shop") is None


def test_a_demo_shop_tells_what_it_runs_on() -> None:
    """The names are those of a real shop's system status."""
    with (
        serve(create_app(generate(people=3, keys=(ApiKey(KEY, SECRET),)))) as url,
        ShopClient(shop_at(url), patience=0) as client,
    ):
        assert software_of(client) == Software("9.9.5", "6.8.3", new_storage=True)


def test_a_key_without_rights_leaves_versions_and_currency_unknown() -> None:
    """Neither may stop a sync that such a key is good enough for."""
    with (
        scripted(lambda _: recorded("errors/forbidden_subscriber_orders")) as (url, _),
        ShopClient(shop_at(url), patience=0) as client,
    ):
        assert (currency_of(client), software_of(client)) == (None, Software())


def test_an_address_is_compared_as_people_mean_it() -> None:
    """Scheme, slash and capitals of the host say nothing; a folder does."""
    assert home_of("HTTPS://Shop.Example.com/") == home_of("http://shop.example.com")
    assert home_of("https://example.com/a") != home_of("https://example.com/b")
