"""Around every request to the API: a bound on how many are at work, one line in the log, and the answer of last resort.

A line has the method, the route's template, the status and milliseconds: never an address as it was asked, a query or a
body, since those hold names and e-mail addresses.
"""

import logging
import secrets
import time
from pathlib import Path
from typing import Final

from anyio.to_thread import current_default_thread_limiter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webhook_receiver.api.metrics import REQUESTS
from webhook_receiver.api.problems import of_status

LOG = logging.getLogger(__name__)
# Half of what the server takes at once stays free for shops that deliver; few threads leave the processor to them.
AT_ONCE: Final = 64
THREADS: Final = 8
BUSY: Final = "Too many requests are at work. Try again in a moment."


class Watch:
    """Counts, bounds and logs the requests to `app`, and answers 500 where it fails in a way nobody foresaw."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._at_work = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        current_default_thread_limiter().total_tokens = THREADS
        started = time.perf_counter()
        answered = 0

        async def watching(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"]
            await send(message)

        self._at_work += 1
        try:
            if self._at_work > AT_ONCE:
                await of_status(503, BUSY, scope["path"], {"Retry-After": "1"})(scope, receive, watching)
            else:
                await self._app(scope, receive, watching)
        except Exception as error:  # noqa: BLE001 - the last resort
            if not answered:  # else it was told already, and is raised once more for the server's log
                await unforeseen(scope, error)(scope, receive, watching)
        finally:
            self._at_work -= 1
            REQUESTS.count(f"{answered // 100}xx")
            milliseconds = (time.perf_counter() - started) * 1000
            LOG.info("api %s %s %d ms=%.0f", scope["method"], _template(scope), answered, milliseconds)


async def on_unforeseen(request: Request, error: Exception) -> Response:
    """Answer a fault in a route."""
    return unforeseen(request.scope, error)


def unforeseen(scope: Scope, error: Exception) -> Response:
    """Return the answer of last resort; the log has its number. The message of `error` may hold personal data: left out."""
    number = secrets.token_hex(4)
    LOG.error("api %s %s failed, reference %s: %s", scope["method"], _template(scope), number, _where(error))
    sentence = f"Something went wrong here that was not foreseen. The log has it under {number}."
    return of_status(500, sentence, scope["path"])


def _template(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "-"))


def _where(error: BaseException) -> str:
    """Return the kind of an error and the lines it went through, without its message."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        places.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' > '.join(places[-6:])}"
