"""How the receiver comes up: light, and clear about what it lacks."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import requests

from tests.webhook_receiver.receiver_process import SECRET, Receiver, a_body, headers_for

Start = Callable[..., Receiver]
HEAVY = {
    "altair",
    "bson",
    "dagster",
    "dlt",
    "duckdb",
    "fastapi",
    "great_expectations",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "pymongo",
    "requests",
    "sqlalchemy",
    "streamlit",
}
TIMED = (
    "import json, sys, time; import webhook_receiver.__main__; print(json.dumps([time.process_time(), *sys.modules]))"
)


def imported() -> tuple[float, set[str]]:
    """Return the CPU seconds that a fresh Python took to import the receiver, and what it imported."""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", TIMED], cwd=root, capture_output=True, check=True, timeout=60)
    seconds, *modules = json.loads(done.stdout)
    return seconds, set(modules)


def test_nothing_heavy_is_imported() -> None:
    """One stray import of Polars or SQLAlchemy doubles the time in which deliveries are turned away."""
    assert imported()[1] & HEAVY == set()


def test_it_is_imported_within_a_second() -> None:
    """While it starts, deliveries are lost: the shop does not repeat them. CPU time, since machines are shared."""
    assert min(imported()[0] for _ in range(3)) < 1.0


def test_without_a_shop_it_comes_up_and_says_what_to_set(start: Start) -> None:
    """The first start of a new deployment."""
    nothing = dict.fromkeys(("WOOCOMMERCE_URL", "WOOCOMMERCE_CONSUMER_KEY", "WOOCOMMERCE_CONSUMER_SECRET"), "")
    receiver = start(**nothing)
    assert receiver.deliver(a_body(1))[0] == 404
    health = requests.get(f"{receiver.url}/healthz", timeout=10)
    assert (health.status_code, health.json()["shops"]) == (200, [])
    assert receiver.log.read_text().count("No shop is configured: set WOOCOMMERCE_URL") == 1


def test_without_a_secret_deliveries_are_401_and_the_log_names_the_variable(start: Start) -> None:
    """A blank secret is none: anybody could sign with it."""
    receiver = start(WOOCOMMERCE_WEBHOOK_SECRET="")
    assert receiver.post(a_body(1), headers_for(a_body(1), secret=""))[0] == 401
    assert "set WOOCOMMERCE_WEBHOOK_SECRET" in receiver.log.read_text()
    assert receiver.post(b"webhook_id=1", {"Content-Type": "application/x-www-form-urlencoded"})[0] == 200


def test_of_several_shops_each_has_its_own_secret_and_address(start: Start, tmp_path: Path) -> None:
    """A shop must not be able to write changes into another one."""
    shop = '[shops.{0}]\nurl = "https://{0}.example.com"\nconsumer_key = "K"\nconsumer_secret = "K"\nwebhook_secret = "{1}"\n'
    (tmp_path / "shops.toml").write_text(shop.format("north", "SECRET_N") + shop.format("south", "SECRET_S"))
    receiver = start(K="ck", SECRET_N=SECRET, SECRET_S="another secret")
    body = a_body(1)
    answers = {
        path: receiver.post(body, headers_for(body), path=f"/api/customers/webhooks{path}")[0]
        for path in ("/north/order.updated", "/south/order.updated", "")
    }
    assert answers == {"/north/order.updated": 200, "/south/order.updated": 401, "": 404}
    assert receiver.inbox.last_seqs() == {"north": 1}


def test_of_several_shops_one_that_is_half_configured_is_named(start: Start, tmp_path: Path) -> None:
    """Its deliveries are refused from now on, and the shop gives up after a few."""
    shop = '[shops.{0}]\nurl = "{1}"\nconsumer_key = "K"\nconsumer_secret = "K"\nwebhook_secret = "K"\n'
    file = shop.format("north", "https://north.example.com") + shop.format("south", "no address")
    (tmp_path / "shops.toml").write_text(file)
    receiver = start(K=SECRET)
    assert (
        receiver.post(a_body(1), headers_for(a_body(1)), path="/api/customers/webhooks/north/order.updated")[0] == 200
    )
    assert "south" in receiver.log.read_text()
    assert "Its webhooks are answered 404" in receiver.log.read_text()


def test_a_wrong_setting_ends_it_with_one_line(start: Start) -> None:
    """No traceback for a typing mistake."""
    receiver = start(wait=False, WOOCOMMERCE_URL="not an address")
    assert receiver.process.wait(20) == 1
    assert receiver.log.read_text().count("\n") == 1
    assert "WOOCOMMERCE_URL must be an address" in receiver.log.read_text()


def test_a_taken_port_ends_it_with_code_1(start: Start) -> None:
    """The supervisor must see that it is not serving."""
    first = start()
    second = start(wait=False, REGULARS_HTTP_PORT=str(first.port))
    assert second.process.wait(20) == 1
