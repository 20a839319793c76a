"""The customers API beside the receiver, on one port. Deliveries are taken at once; the API is there seconds later.

Shops do not repeat a delivery that nobody took, and what the API needs takes seconds to import: a thread imports it while
the receiver already serves, and the API's first callers wait for it. This module itself imports nothing heavy.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from regulars.settings import Settings
from regulars.shop.webhook_secrets import RECEIVER_PATH

LOG = logging.getLogger(__name__)
RECEIVERS: Final = (RECEIVER_PATH, "/healthz")


class Closing(Protocol):
    """What is behind the API, to let go of at the end."""

    def close(self) -> None:
        """Let go of it."""


Loaded = tuple[ASGIApp, Closing]


def load_api(settings: Settings) -> Loaded:
    """Import the API and return it with its stores."""
    from webhook_receiver.api.app import open_api  # noqa: PLC0415 - see the module's docstring

    return open_api(settings)


class Beside:
    """Serves deliveries and health from the receiver, everything else from the API, which `load` brings."""

    def __init__(self, receiver: ASGIApp, load: Callable[[], Loaded]) -> None:
        self._receiver = receiver
        self._loaded: Future[Loaded] = Future()
        threading.Thread(target=self._load, args=(load,), name="api", daemon=True).start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to the one that it is for."""
        path = scope.get("path", "")
        if any(path == prefix or path.startswith(f"{prefix}/") for prefix in RECEIVERS):
            await self._receiver(scope, receive, send)
            return
        api, _ = await asyncio.shield(asyncio.wrap_future(self._loaded))
        await api(scope, receive, send)

    def close(self) -> None:
        """Let go of the API's stores, where it came to be."""
        if self._loaded.done() and self._loaded.exception() is None:
            self._loaded.result()[1].close()

    def _load(self, load: Callable[[], Loaded]) -> None:
        try:
            self._loaded.set_result(load())
        except BaseException as error:  # noqa: BLE001 - whoever asks the API is told; the receiver goes on
            LOG.error("the API cannot be served: %s: %s", type(error).__name__, error)  # noqa: TRY400 - one line
            self._loaded.set_exception(error)
