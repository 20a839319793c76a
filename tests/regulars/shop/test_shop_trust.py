"""HTTPS as shops have it: certificates that are not trusted, and hosts that strip the Authorization header."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from starlette.types import ASGIApp, Receive, Scope, Send

from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from regulars.errors import RegularsError, SettingsError, ShopRefused, ShopUnreachable
from regulars.shop.client import ShopClient
from tests.regulars.shop.scripted_shop import KEY, SECRET, shop_at

PAST = datetime(2020, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class StrippingHost:
    """A host whose web server drops the Authorization header, as many that run PHP as CGI do."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.state = app.state  # type: ignore[attr-defined]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on without it."""
        headers = [(name, value) for name, value in scope.get("headers", ()) if name != b"authorization"]
        await self.app({**scope, "headers": headers} if "headers" in scope else scope, receive, send)


@contextmanager
def secure_shop(
    folder: Path, authority: trustme.CA, *, stripping: bool = False, **leaf: object
) -> Iterator[tuple[str, Path]]:
    """Serve a shop over HTTPS; yield its address and the authority's file."""
    ca, pem = folder / "ca.pem", folder / "server.pem"
    authority.cert_pem.write_to_path(ca)
    authority.issue_cert(str(leaf.pop("host", "127.0.0.1")), **leaf).private_key_and_cert_chain_pem.write_to_path(pem)  # type: ignore[arg-type]
    app = create_app(generate(people=5, keys=(ApiKey(KEY, SECRET),)))
    with serve(StrippingHost(app) if stripping else app, certfile=str(pem), keyfile=str(pem)) as url:  # type: ignore[arg-type]
        yield url, ca


def refusal(url: str, **changes: object) -> str:
    """Return why the shop is not trusted."""
    with ShopClient(shop_at(url, **changes), patience=0) as client, pytest.raises(ShopUnreachable) as raised:
        client.index()
    assert not raised.value.retry, "nothing gets better by itself"
    return raised.value.message


def test_a_private_authority_is_named_with_the_setting_that_trusts_it(tmp_path: Path) -> None:
    """Who runs a shop behind a company's own authority must find the one variable to set."""
    with secure_shop(tmp_path, trustme.CA()) as (url, ca):
        assert "REGULARS_CA_FILE" in refusal(url)
        with ShopClient(shop_at(url, ca_file=ca)) as client:
            assert client.index().home


def test_a_self_signed_certificate_is_refused_and_called_so(tmp_path: Path) -> None:
    """Accepting it unseen would hand the key to whoever sits in between."""
    authority = trustme.CA()
    pem = tmp_path / "self.pem"
    pem.write_bytes(authority.private_key_pem.bytes() + authority.cert_pem.bytes())
    with serve(create_app(generate(people=5)), certfile=str(pem), keyfile=str(pem)) as url:
        said = refusal(url)
    assert "self-signed" in said
    assert "ca_file" in said


def test_an_expired_certificate_is_told_from_an_unknown_one(tmp_path: Path) -> None:
    """Naming a CA file would not help."""
    with secure_shop(tmp_path, trustme.CA(), not_before=PAST, not_after=PAST + DAY) as (url, ca):
        said = refusal(url, ca_file=ca)
    assert "expired" in said
    assert "REGULARS_CA_FILE" not in said


def test_a_certificate_of_another_host_is_told_from_an_unknown_one(tmp_path: Path) -> None:
    """The address is wrong then, or a proxy stands in between."""
    with secure_shop(tmp_path, trustme.CA(), host="other.example.com") as (url, ca):
        assert "for another name" in refusal(url, ca_file=ca)


def test_a_ca_file_without_a_certificate_is_named(tmp_path: Path) -> None:
    """Not the shop is at fault then."""
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("this is no certificate\n")
    with secure_shop(tmp_path, trustme.CA()) as (url, _):
        assert "holds no certificate in PEM form" in refusal(url, ca_file=wrong)


def test_a_ca_file_that_is_not_there_is_a_setting_to_mend(tmp_path: Path) -> None:
    """A missing file must not read as a shop that is down."""
    with pytest.raises(SettingsError, match=r"ca_file of the shop 'shop', names .*missing.pem"):
        ShopClient(shop_at("https://127.0.0.1:1", ca_file=tmp_path / "missing.pem"))


def test_http_at_an_https_address_is_said_to_be_so() -> None:
    """A wrong port is a common mistake and no question of trust."""
    with serve(create_app(generate(people=5))) as url:
        assert "really https" in refusal(url.replace("http://", "https://"))


def test_keys_in_the_address_reach_a_host_that_strips_the_header(tmp_path: Path) -> None:
    """The way out on such hosts; without it every request is refused as if the key were wrong."""
    with secure_shop(tmp_path, trustme.CA(), stripping=True) as (url, ca):
        with ShopClient(shop_at(url, ca_file=ca)) as client, pytest.raises(ShopRefused):
            client.page("orders", {})
        with ShopClient(shop_at(url, ca_file=ca, keys_in_query=True)) as client:
            assert client.page("orders", {"status": "any"}).items


def test_keys_in_the_address_are_in_no_error_trace_or_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Addresses are what libraries like to write down: here they are the password."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    with secure_shop(tmp_path, trustme.CA(), stripping=True) as (url, ca):
        wrong = {"ca_file": ca, "keys_in_query": True}
        for address in (f"{url}/blog", url.replace("https", "http")):
            with ShopClient(shop_at(address, **wrong), patience=0) as client:
                try:
                    client.page("orders", {"per_page": 1000})
                except RegularsError:
                    told.append(traceback.format_exc())
        with ShopClient(shop_at(url, **wrong), patience=0) as client:
            client.page("orders", {})
    with (
        ShopClient(shop_at(url, **wrong), patience=0, sleep=lambda _: None) as client,
        pytest.raises(ShopUnreachable) as raised,
    ):
        client.page("orders", {})
    told += [*traceback.format_exception(raised.value), repr(client), repr(shop_at(url, **wrong))]

    assert len(told) > 3
    assert not [text for text in (*told, caplog.text) if KEY in text or SECRET in text]


def test_a_broken_header_does_not_bring_a_signed_address_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """urllib3 warns of headers it cannot read, and writes the whole address beside them."""
    with ShopClient(shop_at("http://127.0.0.1:1")):
        for name in ("urllib3.connection", "urllib3.connectionpool"):
            assert not logging.getLogger(name).isEnabledFor(logging.WARNING)
