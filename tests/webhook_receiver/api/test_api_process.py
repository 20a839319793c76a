"""`python -m webhook_receiver --api` as a process: deliveries and the API on one port, and each store going and coming."""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from regulars.errors import RecordsUnavailable
from regulars.inbox.sqlite import SqliteInbox
from regulars.mongo.client import SELECTION_SECONDS, _pool
from regulars.settings import process_environment
from tests.e2e.running import free_ports, wait_for
from tests.mongod import Mongod
from tests.webhook_receiver.api.serving import SHOP, Api, serving, settings_of
from tests.webhook_receiver.receiver_process import ONE_SHOP, a_body, headers_for
from webhook_receiver.api.house import House
from webhook_receiver.signature import sign

WEBHOOKS = "/api/customers/webhooks"


@pytest.fixture(scope="module")
def folder(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data folder of the process."""
    return Path(shutil.copytree(published, tmp_path_factory.mktemp("process") / "data"))


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """Serve both from a process of its own; give the address. It must end well, and its log be clean."""
    port = free_ports(1)[0]
    variables = {**ONE_SHOP, "REGULARS_SHOP": SHOP, "REGULARS_DATA": str(folder), "REGULARS_HTTP_PORT": str(port)}
    log = folder.parent / "http.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "webhook_receiver", "--api"],
            env=process_environment(PYTHONPATH=str(Path(__file__).parents[3]), **variables),
            cwd=folder.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"

    def up() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return requests.get(f"{address}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False

    try:
        wait_for("it answers", up, 60)
        yield address
    finally:
        process.terminate()
        assert process.wait(20) == 0
    said = log.read_text()
    assert "api GET /api/customers 200 ms=" in said
    assert "Traceback" not in said
    assert "mueller" not in said


def figures_at(url: str) -> tuple[requests.Response, dict[str, float]]:
    """Return the answer of /metrics, and the figures in it."""
    answer = requests.get(f"{url}/metrics", timeout=20)
    lines = [line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")]
    return answer, {name: float(value) for name, value in lines}


def test_deliveries_and_the_api_share_a_port(url: str, folder: Path) -> None:
    """The order's own checks: ten of a page, a signed webhook processed, a wrong one 401."""
    asked = {"page": 1, "limit": 10, "search": "example.com"}
    listed = requests.get(f"{url}/api/customers", params=asked, timeout=60).json()
    assert requests.get(f"{url}/api/customers", params={"search": "mueller"}, timeout=20).ok
    assert (len(listed["customers"]), listed["pagination"]["limit"]) == (10, 10)
    body = a_body(7)
    told = requests.post(url + WEBHOOKS, data=body, headers=headers_for(body), timeout=20)
    assert (told.status_code, told.json()) == (200, {"status": "processed"})
    wrong = requests.post(url + WEBHOOKS, data=body, headers=headers_for(body, secret="other"), timeout=20)
    assert wrong.status_code == 401
    by_topic = f"{url}{WEBHOOKS}/{SHOP}/order.updated"
    assert requests.post(by_topic, data=body, headers=headers_for(body), timeout=20).json() == {"status": "duplicate"}
    assert requests.get(url + WEBHOOKS, timeout=20).status_code == 405
    assert len(SqliteInbox(folder / "inbox.db").changes_of(SHOP, "order", 7, 0)) == 1


def test_figures_for_monitoring(url: str) -> None:
    """In Prometheus's text format; deliveries are counted where they happen."""
    before = figures_at(url)[1]
    body = a_body(8)
    requests.post(url + WEBHOOKS, data=body, headers=headers_for(body), timeout=20)
    requests.post(url + WEBHOOKS, data=b"{}", headers=headers_for(b"{}"), timeout=20)
    requests.post(url + WEBHOOKS, data=body, headers=headers_for(body, secret="other"), timeout=20)
    requests.get(f"{url}/nowhere", timeout=20)
    answer, after = figures_at(url)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    grown = {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name)}
    assert grown == {
        'regulars_deliveries_total{outcome="processed"}': 1,
        'regulars_deliveries_total{outcome="ignored"}': 1,
        'regulars_deliveries_total{outcome="refused"}': 1,
        'regulars_api_requests_total{status="2xx"}': 1,
        'regulars_api_requests_total{status="4xx"}': 1,
        f'regulars_change_rows_waiting{{shop="{SHOP}"}}': 1,
        f'regulars_dead_letters{{shop="{SHOP}"}}': 1,
    } | {name: value for name, value in grown.items() if name.startswith("regulars_last_sync_age")}
    assert after[f'regulars_last_sync_age_seconds{{shop="{SHOP}"}}'] > 0


def test_deliveries_are_answered_while_the_api_works(url: str) -> None:
    """A shop waits for our answer and delivers nothing else meanwhile."""
    busy = threading.Event()

    def load() -> None:
        with requests.Session() as session:
            while not busy.is_set():
                session.get(f"{url}/api/customers", params={"limit": 50, "sort": "name"}, timeout=60)

    workers = [threading.Thread(target=load) for _ in range(12)]
    for worker in workers:
        worker.start()
    try:
        took = []
        for number in range(100, 130):
            body = a_body(number)
            started = time.monotonic()
            assert requests.post(url + WEBHOOKS, data=body, headers=headers_for(body), timeout=20).status_code == 200
            took.append(time.monotonic() - started)
    finally:
        busy.set()
        for worker in workers:
            worker.join()
    assert sorted(took)[len(took) // 2] < 2.0


def test_more_requests_than_can_be_at_work_are_turned_away(files_api: Api) -> None:
    """Half of the server stays free for deliveries, whatever the API is asked."""
    from webhook_receiver.api import watch

    many = watch.AT_ONCE + 20
    answers: list[int] = []
    barrier = threading.Barrier(many)

    def ask() -> None:
        barrier.wait()
        answers.append(requests.get(f"{files_api.url}/api/customers", params={"limit": 50}, timeout=60).status_code)

    threads = [threading.Thread(target=ask) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 503}
    assert answers.count(200) >= watch.AT_ONCE


def test_the_documentation_brings_everything_itself(reading_api: Api) -> None:
    """Nothing from elsewhere, and no script."""
    page = reading_api.get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for outside in ("<script", "http://", "https://", "src=", "@import"):
        assert outside not in page.text
    for path in reading_api.json("/openapi.json")["paths"]:
        assert path in page.text


def test_each_problem_has_its_place_in_the_documentation(reading_api: Api) -> None:
    """`type` is an address to look at."""
    page = reading_api.get("/docs").text
    for path in ("/nowhere", "/api/customers?page=0", "/api/customers/woo:999"):
        kind = reading_api.get(path).json()["type"]
        assert f"id='{kind.removeprefix('/docs#')}'" in page


@pytest.mark.deep
def test_a_mongodb_that_goes_and_comes_back_is_503_in_between(data: Path, own_mongod: Mongod) -> None:
    """For API and deliveries alike, without a restart."""
    with serving(settings_of(data, mongodb_uri=own_mongod.uri("away"))) as api:
        assert api.get("/api/customers").status_code == 200
        body = a_body(9)
        signed = {**headers_for(body), "X-WC-Webhook-Signature": sign("whsec_api", body).decode()}
        assert api.ask("POST", WEBHOOKS, data=body, headers=signed).status_code == 200
        own_mongod.kill()
        for method, path, more in (
            ("GET", "/api/customers", {}),
            ("POST", "/api/customers/woo:1/notes", {"json": {"text": "x"}}),
            ("GET", "/api/segments", {}),
            ("GET", "/api/customers/sync", {}),
        ):
            answer = api.ask(method, path, **more)
            assert (answer.status_code, answer.json()["type"]) == (503, "/docs#unavailable"), answer.text
            assert "MongoDB" in answer.json()["detail"]
        assert api.ask("POST", WEBHOOKS, data=body, headers=signed).status_code == 503
        own_mongod.start()
        wait_for("it serves again", lambda: api.get("/api/customers").status_code == 200, 30)
        assert api.ask("POST", "/api/customers/woo:1/notes", json={"text": "back"}).status_code == 201


def test_a_mongodb_that_is_away_from_the_start_lets_nobody_wait_for_others(data: Path) -> None:
    """Looking for it takes seconds: eight screens that ask at once must not wait for eight looks in a row."""
    house = House(settings_of(data, mongodb_uri=f"mongodb://127.0.0.1:{free_ports(1)[0]}/away"))

    def ask(_: int) -> float:
        started = time.monotonic()
        with pytest.raises(RecordsUnavailable):
            house.directory(SHOP)
        return time.monotonic() - started

    with ThreadPoolExecutor(8) as pool:
        assert max(pool.map(ask, range(8))) < 3 * SELECTION_SECONDS


def test_a_full_or_broken_records_file_is_503(data: Path) -> None:
    """The sentence names what is away; the list comes back with it."""
    (data / "records.db").write_bytes(b"this is no database" * 100)
    with serving(settings_of(data)) as api:
        answer = api.get("/api/customers")
        assert (answer.status_code, answer.json()["type"]) == (503, "/docs#unavailable")
        (data / "records.db").unlink()
        assert api.get("/api/customers").status_code == 200


def test_the_openapi_document_is_whole(reading_api: Api) -> None:
    """Each operation says what it answers, problems among it."""
    document = reading_api.json("/openapi.json")
    assert json.dumps(document).count("HTTPValidationError") == 0
    for operations in document["paths"].values():
        for operation in operations.values():
            statuses = set(operation["responses"])
            assert {"401", "422"} <= statuses
            assert operation["description"]
            assert statuses & {"200", "201", "204"}


def test_who_closes_the_api_leaves_no_connection_behind(data: Path, mongo_uri: str) -> None:
    """One that is left open makes the process wait for a server that may be gone by then, five seconds each."""
    before = set(_pool.clients)
    with serving(settings_of(data, mongodb_uri=mongo_uri)) as api:
        assert api.get("/api/customers").status_code == 200
        assert set(_pool.clients) > before
    assert set(_pool.clients) == before
