"""`python -m webhook_receiver`: serve until SIGTERM or SIGINT. Exit code 0, or 1 with the reason in one line.

Alone it takes deliveries and imports as little as that needs; with `--api` it also serves the customers API.
"""

import argparse
import logging
import signal
import sys
from contextlib import ExitStack
from types import FrameType

from starlette.types import ASGIApp
from uvicorn import Config, Server

from regulars.errors import InboxUnavailable, RegularsError
from regulars.inbox import open_inbox
from regulars.settings import Settings, load_settings
from webhook_receiver.app import create_app
from webhook_receiver.beside import Beside, load_api
from webhook_receiver.inbox import InboxWriter
from webhook_receiver.protocol import GuardedProtocol

LOG = logging.getLogger("webhook_receiver")

SHUTDOWN_SECONDS = 5


def main(arguments: list[str] | None = None) -> int:
    """Serve the receiver and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m webhook_receiver")
    parser.add_argument("--api", action="store_true", help="serve the customers API beside it")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    # No line shows them, and to find them out takes a third of what a line costs.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # uvicorn raises the signal it stopped for once more when it is done: leave by the same door then, tidily.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        settings = load_settings()
        return _serve(settings, with_api=options.api)
    except SystemExit as left:  # a signal, or uvicorn with a code of its own where it cannot bind
        return 1 if left.code else 0
    except RegularsError as error:
        LOG.error("%s", error.sentence())  # noqa: TRY400 - a sentence for people, no traceback
        return 1


def _serve(settings: Settings, *, with_api: bool) -> int:
    inbox = InboxWriter(open_inbox(settings))
    with ExitStack() as open_stores:
        open_stores.callback(inbox.close)
        try:
            inbox.start()
        except InboxUnavailable as error:  # served all the same: 503 until the disk is back
            LOG.error("%s", error.sentence())  # noqa: TRY400 - as above
        app: ASGIApp = create_app(settings, inbox)
        if with_api:
            app = both = Beside(app, lambda: load_api(settings))
            open_stores.callback(both.close)
        server = Server(server_config(app, settings.host, settings.http_port))
        server.run()
        return 0 if server.started else 1


def server_config(app: ASGIApp, host: str, port: int) -> Config:
    """Return how the receiver's server serves `app` at `host` and `port`."""
    return Config(
        app,
        host=host,
        port=port,
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # its lines hold addresses with their query; the application writes its own
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
