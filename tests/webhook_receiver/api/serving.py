"""The API as it is served, over real HTTP, in a thread of the test's process: receiver and API on one port."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from uvicorn import Config, Server

from regulars.inbox import open_inbox
from regulars.settings import Settings
from tests.regulars.directory.builders import (
    AS_OF,
    a_buyer,
    a_line,
    a_person,
    a_refund,
    an_order,
    publish_people,
    tricky_people,
)
from webhook_receiver.api.app import open_api
from webhook_receiver.api.house import House
from webhook_receiver.app import create_app
from webhook_receiver.beside import Beside
from webhook_receiver.inbox import InboxWriter
from webhook_receiver.protocol import GuardedProtocol

SHOP = "demo"
WEBHOOK_SECRET = "whsec_api"


def settings_of(data: Path, **more: Any) -> Settings:
    """Return the settings of one configured shop, far from any .env."""
    given = {
        "woocommerce_url": "http://127.0.0.1:9",  # nothing listens there
        "consumer_key": "ck_api",
        "consumer_secret": "cs_api",
        "webhook_secret": WEBHOOK_SECRET,
        "shop_name": SHOP,
        "dagster_port": 9,
        "shops_file": data.parent / "no-shops.toml",
        "page_size": 10,
        "page_size_max": 50,
        **more,
    }
    return Settings(_env_file=None, data_dir=data, **given)


class Api:
    """A served API and what stands behind it."""

    def __init__(self, url: str, house: House, settings: Settings) -> None:
        self.url, self.house, self.settings = url, house, settings
        self.session = requests.Session()

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request; `path` begins with a slash."""
        return self.session.request(method, self.url + path, timeout=30, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        """GET."""
        return self.ask("GET", path, **more)

    def json(self, path: str, **params: Any) -> Any:
        """GET what must be there."""
        answer = self.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def serving(settings: Settings) -> Iterator[Api]:
    """Serve these settings on a free port."""
    writer = InboxWriter(open_inbox(settings))
    writer.start()
    api_app, house = open_api(settings)
    app = Beside(create_app(settings, writer), lambda: (api_app, house))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = Server(
            Config(
                app,
                http=GuardedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                timeout_graceful_shutdown=2,
            )
        )
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        api = Api(f"http://127.0.0.1:{listening.getsockname()[1]}", house, settings)
        try:
            yield api
        finally:
            api.session.close()
            server.should_exit = True
            thread.join(10)
            app.close()
            writer.close()


def people() -> list[dict[str, Any]]:
    """Return 33 people: eleven tricky ones and 22 more."""
    more = [
        a_buyer(number, orders=1 + number % 7, net=f"{number}.50", days=number, rfm_group="Champions")
        for number in range(20, 40)
    ]
    return [*tricky_people(), *more, a_person(40), a_person(41, company="No Orders Ltd", first_name="", last_name="")]


def publish(data: Path, **more: Any) -> str:
    """Publish those people; person 1 has two orders, three lines and a refund."""
    return publish_people(
        data / "published" / SHOP,
        people(),
        orders=[
            an_order(501, "woo:1", total="40.00"),
            an_order(502, "woo:1", total="9.90", created_at=AS_OF, status="pending", counted=False),
        ],
        order_lines=[a_line(501, 1), a_line(501, 2, sku="TEA-2"), a_line(502, 1)],
        refunds=[a_refund(601, 501, "woo:1", "12.345")],
        **{**more, "about": {"change_seq": 0, **more.get("about", {})}},
    )
