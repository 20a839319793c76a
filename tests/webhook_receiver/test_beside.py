"""The API comes up beside the receiver without keeping deliveries waiting."""

import threading
from typing import Any

import anyio
import pytest

from webhook_receiver.beside import Beside


class Named:
    """An application that answers with its name."""

    def __init__(self, name: str) -> None:
        self.name, self.closed = name, False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer."""
        await send(self.name)

    def close(self) -> None:
        """Note it."""
        self.closed = True


async def ask(both: Beside, path: str) -> str:
    """Return who answered."""
    said: list[str] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        return {}

    await both({"type": "http", "path": path}, receive, send)
    return said[0]


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("/api/customers/webhooks", "receiver"),
        ("/api/customers/webhooks/", "receiver"),
        ("/api/customers/webhooks/shop/order.updated", "receiver"),
        ("/healthz", "receiver"),
        ("/api/customers/webhooksx", "api"),
        ("/api/customers", "api"),
        ("/healthz2", "api"),
        ("/", "api"),
    ],
)
def test_each_address_has_one_owner(path: str, who: str) -> None:
    """A delivery must never be read as a customer called "webhooks"."""
    api = Named("api")
    assert anyio.run(ask, Beside(Named("receiver"), lambda: (api, api)), path) == who


def test_deliveries_are_taken_while_the_api_is_still_imported() -> None:
    """What it needs takes seconds; shops do not repeat what nobody took."""
    ready, api = threading.Event(), Named("api")

    def load() -> Any:
        assert ready.wait(20)
        return api, api

    async def both_ways() -> tuple[str, str]:
        both = Beside(Named("receiver"), load)
        first = await ask(both, "/healthz")
        with anyio.move_on_after(0.1) as waiting:
            await ask(both, "/api/shops")
        assert waiting.cancelled_caught
        ready.set()
        return first, await ask(both, "/api/shops")

    assert anyio.run(both_ways) == ("receiver", "api")


def test_an_api_that_cannot_be_loaded_leaves_the_receiver_alone() -> None:
    """A missing package must not cost deliveries."""

    def load() -> Any:
        raise ImportError("no FastAPI")

    both = Beside(Named("receiver"), load)
    with pytest.raises(ImportError):
        anyio.run(ask, both, "/api/shops")
    assert anyio.run(ask, both, "/healthz") == "receiver"
    both.close()


def test_closing_lets_go_of_the_stores() -> None:
    """Connections must not stay open."""
    api = Named("api")
    both = Beside(Named("receiver"), lambda: (api, api))
    anyio.run(ask, both, "/")
    both.close()
    assert api.closed
