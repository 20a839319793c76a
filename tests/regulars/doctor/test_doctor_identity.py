"""The doctor on what a shop runs on, whether it is the same, how quick and how large it is; and on this machine."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from regulars.doctor.diagnose import diagnose
from regulars.doctor.findings import Finding
from regulars.doctor.house import check_house
from regulars.doctor.identity import accept
from regulars.models import Fingerprint
from regulars.records import open_records
from regulars.settings import load_settings
from tests.regulars.doctor.patients import found, settings_with
from tests.regulars.shop.scripted_shop import KEY, SECRET, Asked, Said, page, scripted, shop_at

OTHER = Fingerprint(
    home="other.example.com", currency="EUR", timezone="Asia/Tokyo", seen_at=datetime(2026, 1, 1, tzinfo=UTC)
)


def a_shop_of(version: str = "9.9.5", store: str = "OrdersTableDataStore", items: int = 0):  # type: ignore[no-untyped-def]
    """Return answers of a shop that runs this version, and has pages of so many orders."""
    status = f'{{"environment":{{"version":"{version}"}},"settings":{{"order_datastore":"{store}"}}}}'

    def answer(asked: Asked) -> Said:
        if asked.path.endswith("/wp-json/"):
            return Said(
                200, b'{"name":"S","home":"https://s.example.com","timezone_string":"UTC","namespaces":["wc/v3"]}'
            )
        if asked.path.endswith("system_status"):
            return Said(200, status.encode())
        if asked.path.endswith(("orders", "customers", "products", "refunds", "webhooks")) and asked.method != "POST":
            return page([{"id": 1, "note": "x" * 1000}], total=items, pages=max(1, items // 100))
        return Said(404, b"{}")

    return answer


def test_another_shop_is_told_and_accepted_by_a_command(tmp_path: Path) -> None:
    """What a sync refuses must have a way out that somebody decides on."""
    with serve(create_app(generate(people=5, keys=(ApiKey(KEY, SECRET),)))) as url:
        settings = settings_with(tmp_path, shop=shop_at(url))
        assert "the first sync accepts 127.0.0.1" in found(tmp_path, url)["same shop"].message
        assert not (tmp_path / "data" / "records.db").exists(), "looking makes nothing"
        accept(settings, "shop")
        assert found(tmp_path, url)["same shop"].message.startswith("It is the shop that was accepted")
        with open_records(settings) as records:
            records.set_fingerprint("shop", OTHER)

        finding = found(tmp_path, url)["same shop"]
        assert finding.ok is False
        assert "its address from other.example.com to 127.0.0.1" in finding.message
        assert "`regulars doctor --accept --shop shop`" in finding.advice
        _, changed = accept(settings, "shop")
        assert len(changed) == 2
        assert found(tmp_path, url)["same shop"].ok


@pytest.mark.parametrize(
    ("version", "ok", "said"),
    [
        ("5.7.2", False, "too old"),
        ("8.9.1", True, "order by order"),
        ("10.3.6", True, "WooCommerce 10.3.6."),
        ("?", None, ""),
    ],
)
def test_the_version_says_what_works(tmp_path: Path, version: str, ok: bool | None, said: str) -> None:
    """One minimum, named; and what an older shop costs."""
    with scripted(a_shop_of(version)) as (url, _):
        finding = found(tmp_path, url)["version"]
    assert finding.ok is ok
    assert said in finding.message
    if ok is not True:
        assert "5.8 (October 2021)" in finding.advice


def test_the_storage_says_what_pulls_cannot_see(tmp_path: Path) -> None:
    """Legacy storage moves no date where an account is deleted: the reconcile is what finds it."""
    with scripted(a_shop_of(store="WC_Order_Data_Store_CPT")) as (url, _):
        legacy = found(tmp_path, url)["storage"]
    with scripted(a_shop_of(store="")) as (url, _):
        unknown = found(tmp_path, url)["storage"]
    assert legacy.ok
    assert "nightly reconcile" in legacy.message
    assert unknown.ok is None


def test_the_length_of_a_first_sync_follows_from_totals_and_pace(tmp_path: Path) -> None:
    """Whoever connects a large shop plans the evening by it."""
    with scripted(a_shop_of(items=100_000)) as (url, _):
        findings = found(tmp_path, url, requests_per_minute=0)
        limited = found(tmp_path, url, requests_per_minute=100_000 // 10)
    assert "100,000 orders and 100,000 accounts: a first sync takes" in findings["first sync"].message
    assert findings["disk"].message.startswith("A copy of this shop takes up to 0.4 GB"), findings["disk"].message
    assert limited["first sync"].ok


def test_a_count_that_cannot_be_asked_for_leaves_the_rest_standing(tmp_path: Path) -> None:
    """A plugin that breaks one listing must not hide what the others say."""

    def no_orders(asked: Asked) -> Said:
        broken = asked.path.endswith("orders") and asked.query.get("per_page") == "100"
        return Said(500, b"{}") if broken else a_shop_of()(asked)

    with scripted(no_orders) as (url, _):
        findings = found(tmp_path, url)
    assert findings["speed"].ok is None
    assert findings["orders"].ok


def machine(folder: Path) -> dict[str, Finding]:
    """Return what is found on this machine, by check."""
    return {one.check: one for one in check_house(settings_with(folder), lambda _: None)}


def test_a_new_machine_is_well_before_anything_is_there(tmp_path: Path) -> None:
    """The first look comes before the first sync."""
    assert {one.check: one.ok for one in machine(tmp_path).values()} == {
        "versions": True, "data folder": True, "room": True, "records": True,
    }  # fmt: skip
    assert not (tmp_path / "data").exists()


def test_a_data_folder_that_others_can_read_is_told(tmp_path: Path) -> None:
    """It holds personal data."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    assert machine(tmp_path)["data folder"].ok is None
    assert f"chmod 700 {folder}" in machine(tmp_path)["data folder"].advice
    folder.chmod(0o700)
    assert machine(tmp_path)["data folder"].ok


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_data_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Every delivery would be answered 503."""
    (tmp_path / "data").mkdir(mode=0o500)
    assert machine(tmp_path)["data folder"].ok is False


def test_records_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """A sync would fail at its end."""
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "records.db").write_text("this is no database, and long enough to be read as one" * 20)
    assert machine(tmp_path)["records"].ok is False


def test_half_a_shop_is_a_finding_and_the_others_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor is who must say it, since everything else goes on without it."""
    monkeypatch.setenv("KEY_HERE", KEY)
    with scripted(a_shop_of()) as (url, _):
        table = '[shops.{}]\nurl = "{}"\nconsumer_key = "KEY_HERE"\nconsumer_secret = "{}"\n'
        (tmp_path / "shops.toml").write_text(table.format("whole", url, "KEY_HERE") + table.format("half", url, "NONE"))
        settings = load_settings(_env_file=None, shops_file=tmp_path / "shops.toml", data_dir=tmp_path / "data")
        findings = diagnose(settings, ["half", "whole"])
    half = [one for one in findings if one.shop == "half"]
    assert [(one.check, one.ok) for one in half] == [("settings", False)]
    assert "no NONE" in half[0].message
    assert "address" in {one.check for one in findings if one.shop == "whole"}


def records_in(folder: Path, uri: str) -> Finding:
    """Return what is found about records in a MongoDB."""
    settings = settings_with(folder, say={"mongodb_uri": SecretStr(uri)})
    return {one.check: one for one in check_house(settings, lambda _: None)}["records"]


def test_a_mongodb_is_asked_whether_it_answers(tmp_path: Path, mongo_uri: str) -> None:
    """Records and deliveries are kept there: nothing works while it is away."""
    assert records_in(tmp_path, mongo_uri).ok
    away = records_in(tmp_path, "mongodb://somebody:secretword@127.0.0.1:9/x?serverSelectionTimeoutMS=300")
    assert away.ok is False
    assert "secretword" not in away.message
