"""The doctor on webhooks and the address they are sent to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from demo_shop.changes import Shop
from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from demo_shop.webhooks import Webhooks
from regulars.doctor import reach
from regulars.doctor.findings import Visit
from regulars.shop.webhooks import delivery_base, install_webhooks
from tests.regulars.doctor.patients import found, settings_with
from tests.regulars.shop.scripted_shop import KEY, SECRET, Asked, Said, scripted, shop_at

HOOK = SecretStr("whsec_doctor")
PUBLIC = "https://hooks.example.com"


@contextmanager
def shop_with_hooks(**key: Any) -> Iterator[tuple[str, Webhooks]]:
    """Serve a shop; yield its address and its webhooks."""
    shop: Shop = generate(people=5, keys=(ApiKey(KEY, SECRET, **key),))
    app = create_app(shop)
    with serve(app) as url:
        yield url, app.state.webhooks


def test_webhooks_that_are_all_active_are_well(tmp_path: Path) -> None:
    """Changes arrive at once then."""
    with shop_with_hooks() as (url, _):
        install_webhooks(shop_at(url, webhook_secret=HOOK), delivery_base("shop", PUBLIC))
        finding = found(tmp_path, url, webhook_secret=HOOK)["webhooks"]
    assert finding.ok, finding


def test_a_webhook_that_the_shop_disabled_is_named_with_the_command_that_mends_it(tmp_path: Path) -> None:
    """WooCommerce tells nobody when it gives up on one."""
    with shop_with_hooks() as (url, hooks):
        install_webhooks(shop_at(url, webhook_secret=HOOK), delivery_base("shop", PUBLIC))
        broken = next(iter(hooks.hooks.values()))
        broken.status = "disabled"
        finding = found(tmp_path, url, webhook_secret=HOOK)["webhooks"]
    assert finding.ok is False
    assert f"disabled: {broken.topic}" in finding.message
    assert "regulars webhooks repair --shop shop" in finding.advice


def test_no_webhooks_are_a_choice_that_is_named(tmp_path: Path) -> None:
    """Pulls alone work, later; who wants more reads how."""
    with shop_with_hooks() as (url, _):
        none = found(tmp_path, url, webhook_secret=HOOK)["webhooks"]
        no_secret = found(tmp_path, url)["webhooks"]
    assert (none.ok, no_secret.ok) == (None, None)
    assert "regulars webhooks install --shop shop" in none.advice
    assert "WOOCOMMERCE_WEBHOOK_SECRET" in no_secret.advice


def called(folder: Path, address: str) -> Any:
    """Return what is found when an address is called."""
    visit = Visit(settings_with(folder), shop_at("http://127.0.0.1:1"), lambda _: None)
    reach.call_from_here(visit, address)
    (finding,) = visit.findings
    return finding


def public(folder: Path, url: str | None) -> Any:
    """Return what is found about a public address, without a shop."""
    visit = Visit(settings_with(folder, say={"public_url": url}), shop_at("https://shop.example.com"), lambda _: None)
    reach.check_public_address(visit)
    (finding,) = visit.findings
    return finding


@pytest.mark.parametrize(
    ("url", "ok", "said"),
    [
        (None, None, "REGULARS_PUBLIC_URL is not set"),
        ("hooks.example.com", False, "such as https://hooks.example.com"),
        ("https://user:pw@hooks.example.com", False, "without user, password"),
        ("https://127.0.0.1:9443", False, "ports 80, 443 and 8080 only, not to 9443"),
        ("https://127.0.0.1", False, "private address"),
        ("https://192.168.1.20:8080", False, "private address"),
        ("https://hooks.invalid", False, "cannot be looked up"),
    ],
)
def test_an_address_that_no_shop_can_reach_is_told_without_asking_the_shop(
    tmp_path: Path, url: str | None, ok: bool | None, said: str
) -> None:
    """WordPress answers 201 to a webhook for such an address, and then never delivers."""
    finding = public(tmp_path, url)
    assert finding.ok is ok
    assert said in finding.message
    assert "pw" not in f"{finding.message}{finding.advice}".replace("password", "")


@pytest.mark.parametrize(
    ("status", "ok", "said"),
    [
        (401, None, "over http"),
        (404, False, "answers 404"),
        (308, False, "not redirected"),
        (200, False, "answers 200"),
    ],
)
def test_what_answers_at_the_public_address_is_held_to_our_receiver(
    tmp_path: Path, status: int, ok: bool | None, said: str
) -> None:
    """A proxy that passes on the wrong path, or redirects, loses every delivery; the loopback stands for it here."""
    asked: list[str] = []

    def proxy(request: Asked) -> Said:
        asked.append(request.path)
        return Said(status, b"{}")

    with scripted(proxy) as (url, _):
        finding = called(tmp_path, f"{url}/base/hook")
    assert finding.ok is ok
    assert said in f"{finding.message} {finding.advice}"
    assert asked == ["/base/hook"]


def test_an_address_where_nobody_answers_is_not_judged(tmp_path: Path) -> None:
    """Many networks cannot call their own public address: that says nothing of the shop's way."""
    finding = called(tmp_path, "http://127.0.0.1:9/hook")
    assert finding.ok is None
    assert "Nobody answers" in finding.message


def test_a_shop_beside_the_receiver_needs_no_public_address(tmp_path: Path) -> None:
    """The demo, and whoever tries things out, would be told of a fault that is none."""
    visit = Visit(
        settings_with(tmp_path, say={"public_url": "http://127.0.0.1:8000"}),
        shop_at("http://127.0.0.1:1"),
        lambda _: None,
    )
    reach.check_public_address(visit)
    [finding] = visit.findings
    assert finding.ok, finding
    assert "127.0.0.1:8000" in finding.message
