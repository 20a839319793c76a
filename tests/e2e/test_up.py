"""`regulars up` against a shop that is none of ours: another process, other keys, four variables."""

import re
from pathlib import Path

import polars as pl
import pytest
import requests
import trustme

from tests.e2e.running import Place, connected, foreign_shop, wait_for

pytestmark = pytest.mark.e2e
SHOP = "shop"


def test_four_variables_connect_a_shop_over_http(tmp_path: Path) -> None:
    """The README's promise to a shop owner; over plain HTTP every request is signed with OAuth 1.0a."""
    with foreign_shop(tmp_path / "foreign", "--people", "40", "--seed", "7") as url:
        place = Place(tmp_path / "ours", **connected(url))
        with place.running("up") as up:
            up.wait_until_said("Ctrl-C ends everything.", 150)
            assert place.table(SHOP, "customers").height > 0
            assert requests.get(place.url("REGULARS_APP_PORT"), timeout=10).ok
            assert requests.get(place.url("REGULARS_DAGSTER_PORT", "/server_info"), timeout=10).ok
            unsigned = requests.post(
                place.url("REGULARS_HTTP_PORT", f"/api/customers/webhooks/{SHOP}/order.updated"), json={}, timeout=10
            )
            assert unsigned.status_code == 401
            code = up.end()

        said = up.said()
        assert code == 0
        assert "Regulars Demo Shop" in said
        assert re.search(r"^accounts +EUR +\d", said, re.MULTILINE)
        assert not {"ck_e2e", "cs_e2e", "whsec_e2e"} & set(re.findall(r"\w+", said + _logs(place)))


def test_a_private_authority_vouches_for_a_shop_over_https(tmp_path: Path) -> None:
    """Over HTTPS the key travels in the Basic header, so the certificate must be checked, a private one too."""
    tls = certificate(tmp_path)
    with foreign_shop(tmp_path / "foreign", "--people", "40", tls=tls) as url:
        place = Place(tmp_path / "ours", **connected(url))
        untrusted = place.run("up")
        assert untrusted.returncode == 1
        assert "REGULARS_CA_FILE" in untrusted.stderr

        place.environment["REGULARS_CA_FILE"] = str(tls.with_name("ca.pem"))
        with place.running("up") as up:
            wait_for("the shop is published", lambda: "Segment" in up.said(), 120)
            customers = place.table(SHOP, "customers").filter(pl.col("woocommerce_id").is_not_null())
            answer = requests.get(
                f"{url}/wp-json/wc/v3/customers",
                params={"role": "all"},
                auth=("ck_e2e", "cs_e2e"),
                verify=place.environment["REGULARS_CA_FILE"],
                timeout=30,
            )
            assert customers.height == int(answer.headers["X-WP-Total"])
            assert up.end() == 0


def certificate(folder: Path) -> Path:
    """Make a certificate for 127.0.0.1 with its key in one file, and its authority beside it in `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    both = folder / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(both)
    return both


def _logs(place: Place) -> str:
    return "\n".join(log.read_text(errors="replace") for log in (place.data / "logs").glob("*.log"))
