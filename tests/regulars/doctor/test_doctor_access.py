"""The doctor at the door: the demo shop, and places that are no shop."""

import time
from pathlib import Path
from typing import Any

import pytest
import trustme

from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from regulars.doctor.findings import Finding
from tests.regulars.doctor.patients import at_shop, found, settings_with
from tests.regulars.shop.scripted_shop import KEY, SECRET, Asked, Said, scripted, shop_at
from tests.regulars.shop.test_shop_trust import secure_shop

DOOR = ("address", "permalinks", "clock", "time zone", "key", "customers", "orders", "writing")


def test_a_healthy_shop_passes_every_check(tmp_path: Path) -> None:
    """Somebody who has set the variables right reads nothing that is wrong."""
    with serve(create_app(generate(people=5, keys=(ApiKey(KEY, SECRET),)))) as url:
        findings = found(tmp_path, url)
    assert {check: findings[check].ok for check in DOOR} == dict.fromkeys(DOOR, True)
    assert not [one for one in findings.values() if one.ok is False]
    assert "9.9.5" in findings["version"].message


def test_asking_whether_a_key_may_write_leaves_no_customer_behind(tmp_path: Path) -> None:
    """A doctor must not make the patient ill."""
    shop = generate(people=5, keys=(ApiKey(KEY, SECRET),))
    before = len(shop.customers)
    with serve(create_app(shop)) as url:
        found(tmp_path, url)
    assert len(shop.customers) == before


def test_a_read_only_key_is_fine_and_said_to_be_so(tmp_path: Path) -> None:
    """Reading is all that a sync needs; what writing would bring is said beside it."""
    with serve(create_app(generate(people=5, keys=(ApiKey(KEY, SECRET, permissions="read"),)))) as url:
        findings = found(tmp_path, url)
    assert findings["key"].ok
    assert findings["writing"].ok
    assert "only read" in findings["writing"].message
    assert "Read/Write" in findings["writing"].advice


def test_a_wrong_secret_is_the_key_s_fault(tmp_path: Path) -> None:
    """The address is right then, and must not be doubted."""
    with serve(create_app(generate(people=5, keys=(ApiKey(KEY, "cs_other"),)))) as url:
        findings = found(tmp_path, url)
    assert findings["address"].ok
    assert findings["key"].ok is False
    assert "secret" in findings["key"].message
    assert "speed" not in findings, "nothing more is asked with a key that is refused"


def test_a_user_without_rights_is_told_from_a_wrong_key(tmp_path: Path) -> None:
    """The way out is another user, not another key of the same one."""
    with serve(create_app(generate(people=5, keys=(ApiKey(KEY, SECRET, role="subscriber"),)))) as url:
        findings = found(tmp_path, url)
    assert findings["key"].ok
    assert findings["orders"].ok is False
    assert "shop manager" in findings["orders"].advice


def test_a_host_that_strips_the_header_is_named_with_the_way_out(tmp_path: Path) -> None:
    """Every key looks wrong there, and people make one key after the other."""
    with secure_shop(tmp_path, trustme.CA(), stripping=True) as (url, ca):
        findings = found(tmp_path, url, ca_file=ca)
    assert findings["key"].ok is False
    assert "strips the Authorization header" in findings["key"].message
    assert "WOOCOMMERCE_KEYS_IN_QUERY=true" in findings["key"].advice


def test_keys_in_the_address_that_need_not_be_there_are_noted(tmp_path: Path) -> None:
    """The host writes addresses into its logs; nobody should leave the key there without need."""
    with secure_shop(tmp_path, trustme.CA()) as (url, ca):
        findings = found(tmp_path, url, ca_file=ca, keys_in_query=True)
    assert findings["key in address"].ok is None
    with secure_shop(tmp_path, trustme.CA(), stripping=True) as (url, ca):
        findings = found(tmp_path, url, ca_file=ca, keys_in_query=True)
    assert findings["key"].ok
    assert "key in address" not in findings


def test_a_certificate_nobody_knows_is_refused_with_the_setting_that_trusts_it(tmp_path: Path) -> None:
    """Whoever runs a private authority finds the variable here."""
    with secure_shop(tmp_path, trustme.CA()) as (url, _):
        finding = found(tmp_path, url)["address"]
    assert (finding.ok, finding.advice) == (False, "")
    assert "REGULARS_CA_FILE" in finding.message


def test_plain_permalinks_are_named(tmp_path: Path) -> None:
    """/wp-json/ is a page for people then, while the same shop answers under ?rest_route=."""

    def plain(asked: Asked) -> Said:
        if asked.query.get("rest_route") == "/":
            return Said(200, b'{"namespaces": ["wc/v3"]}', {"Content-Type": "application/json"})
        return Said(404, b"<html><title>Not found</title></html>", {"Content-Type": "text/html"})

    with scripted(plain) as (url, _):
        findings = found(tmp_path, url)
    assert "Permalinks" in findings["permalinks"].advice
    assert "key" not in findings


def test_a_clock_that_is_off_is_named_before_the_key_is_blamed(tmp_path: Path) -> None:
    """Over http a signature of another quarter of an hour is refused as if the key were wrong."""
    demo = generate(people=5, keys=(ApiKey(KEY, SECRET),))
    honest = demo.clock
    demo.clock = lambda: honest() + 3600
    with serve(create_app(demo)) as url:
        findings = found(tmp_path, url)
    assert findings["clock"].ok is False
    assert "60 minutes ahead" in findings["clock"].message


@pytest.mark.parametrize("path", ["/blog", ""])
def test_no_shop_at_all_is_one_clear_finding(tmp_path: Path, path: str) -> None:
    """Nothing more is asked where nobody answers."""
    with serve(create_app(generate(people=5))) as url:
        place = url + path
        at_place: list[Finding] = at_shop(tmp_path, place) if path else []
    assert [one.ok for one in at_place or at_shop(tmp_path, place)] == [False]


def test_a_shop_that_hangs_is_left_after_a_while_and_holds_up_no_other(tmp_path: Path) -> None:
    """Somebody with several shops needs to know of the others now."""
    from regulars.doctor.diagnose import diagnose

    demo = generate(people=5, keys=(ApiKey(KEY, SECRET),))
    demo.faults.add("slow", times=9, seconds=5.0)
    with (
        serve(create_app(demo)) as slow,
        serve(create_app(generate(people=5, keys=(ApiKey(KEY, SECRET),)))) as quick,
    ):
        settings = settings_with(tmp_path, slow=shop_at(slow, name="slow"), quick=shop_at(quick, name="quick"))
        started = time.monotonic()
        findings = diagnose(settings, ["slow", "quick"], seconds=4.0)
        took = time.monotonic() - started
    of: dict[str, list[Any]] = {name: [one for one in findings if one.shop == name] for name in ("slow", "quick")}
    assert [one.check for one in of["slow"]] == ["time"]
    assert "within 4 s" in of["slow"][0].message
    assert "whether a shop answers" in of["slow"][0].message
    assert "first sync" in {one.check for one in of["quick"]}
    assert took < 5.0
