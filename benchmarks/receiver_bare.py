"""A server that answers each request 200 and does nothing: `python -m benchmarks.receiver_bare PORT`.

The same server, protocol and settings as the receiver's, so that the difference is what the receiver does: read the
body, verify, commit to disk.
"""

import sys

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn import Server

from regulars.shop.webhook_secrets import RECEIVER_PATH
from webhook_receiver.__main__ import server_config


async def answer(_request: Request) -> Response:
    """Answer 200."""
    return Response(b'{"status":"processed"}', media_type="application/json")


def main(port: int) -> None:
    """Serve until SIGTERM."""
    app = Starlette(routes=[Route(f"{RECEIVER_PATH}/{{shop}}/{{topic}}", answer, methods=["POST"])])
    Server(server_config(app, "127.0.0.1", port)).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
