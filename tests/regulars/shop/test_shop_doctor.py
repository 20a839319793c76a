"""The doctor against the demo shop and against places that are no shop."""

from typing import Any

import pytest

from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from regulars.shop.doctor import Finding, diagnose
from tests.regulars.shop.scripted_shop import KEY, SECRET, Asked, Said, scripted, shop_at


def found(url: str, **changes: Any) -> dict[str, Finding]:
    """Return the findings by check."""
    return {finding.check: finding for finding in diagnose(shop_at(url, **changes))}


def test_a_healthy_shop_passes_every_check() -> None:
    """Somebody who has set four variables right reads only ok."""
    with serve(create_app(generate(people=5, keys=(ApiKey(KEY, SECRET),)))) as url:
        findings = found(url)
    assert {check: one.ok for check, one in findings.items()} == dict.fromkeys(
        ("address", "permalinks", "clock", "time zone", "key", "customers", "orders", "version", "writing"), True
    )
    assert "9.9.5" in findings["version"].message


def test_asking_whether_a_key_may_write_leaves_no_customer_behind() -> None:
    """A doctor must not make the patient ill."""
    shop = generate(people=5, keys=(ApiKey(KEY, SECRET),))
    before = len(shop.customers)
    with serve(create_app(shop)) as url:
        found(url)
    assert len(shop.customers) == before


def test_a_read_only_key_is_fine_and_said_to_be_so() -> None:
    """Reading is all that a sync needs."""
    with serve(create_app(generate(people=5, keys=(ApiKey(KEY, SECRET, permissions="read"),)))) as url:
        findings = found(url)
    assert findings["key"].ok
    assert "only read" in findings["writing"].message


def test_a_wrong_secret_is_the_key_s_fault() -> None:
    """The address is right then, and must not be doubted."""
    with serve(create_app(generate(people=5, keys=(ApiKey(KEY, "cs_other"),)))) as url:
        findings = found(url)
    assert findings["address"].ok
    assert findings["key"].ok is False
    assert "secret" in findings["key"].message


def test_a_user_without_rights_is_told_from_a_wrong_key() -> None:
    """The way out is another user, not another key of the same one."""
    with serve(create_app(generate(people=5, keys=(ApiKey(KEY, SECRET, role="subscriber"),)))) as url:
        findings = found(url)
    assert findings["key"].ok
    assert findings["orders"].ok is False
    assert "shop manager" in findings["orders"].advice


def test_plain_permalinks_are_named() -> None:
    """/wp-json/ is a page for people then, while the same shop answers under ?rest_route=."""

    def plain(asked: Asked) -> Said:
        if asked.query.get("rest_route") == "/":
            return Said(200, b'{"namespaces": ["wc/v3"]}', {"Content-Type": "application/json"})
        return Said(404, b"<html><title>Not found</title></html>", {"Content-Type": "text/html"})

    with scripted(plain) as (url, _):
        findings = found(url)
    assert [one.ok for one in findings.values()] == [False]
    assert "Permalinks" in findings["permalinks"].advice


def test_a_clock_that_is_off_is_named_before_the_key_is_blamed() -> None:
    """Over http a signature of another quarter of an hour is refused as if the key were wrong."""
    demo = generate(people=5, keys=(ApiKey(KEY, SECRET),))
    honest = demo.clock
    demo.clock = lambda: honest() + 3600
    with serve(create_app(demo)) as url:
        findings = found(url)
    assert findings["clock"].ok is False
    assert "60 minutes ahead" in findings["clock"].message


@pytest.mark.parametrize("path", ["/blog", ""])
def test_no_shop_at_all_is_one_clear_finding(path: str) -> None:
    """Nothing more is asked where nobody answers."""
    with serve(create_app(generate(people=5))) as url:
        place = url + path
        if path:
            assert [one.ok for one in diagnose(shop_at(place))] == [False]
    if not path:
        assert [one.ok for one in diagnose(shop_at(place))] == [False]
