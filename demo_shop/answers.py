"""Requests as the routes see them, and answers with the headers of a real shop."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from demo_shop import errors, faults
from demo_shop.model import ApiKey
from demo_shop.params import Raw, parse_query

NO_CACHE = [
    ("Expires", "Wed, 11 Jan 1984 05:00:00 GMT"),
    ("Cache-Control", "no-cache, must-revalidate, max-age=0, no-store, private"),
]


@dataclass(slots=True)
class Incoming:
    """One request. ``path`` is as sent; ``key`` is filled in by authentication."""

    method: str
    scheme: str
    host: str
    path: str
    query: str = ""
    authorization: str = ""
    body: bytes = b""
    key: ApiKey | None = None
    raw: Raw = field(init=False)

    def __post_init__(self) -> None:
        """Parse the query string."""
        self.raw = parse_query(self.query)

    @property
    def base(self) -> str:
        """The shop's address as the client wrote it, without a slash at the end."""
        return f"{self.scheme}://{self.host}"

    def json(self) -> dict[str, Any]:
        """Return the JSON object that was sent. Raises :class:`errors.ApiError` (400) when it is not JSON."""
        if not self.body:
            return {}
        try:
            sent = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise errors.invalid_json() from None
        return sent if isinstance(sent, dict) else {}


@dataclass(slots=True)
class Answer:
    """One answer: status, headers, and the bytes of its body."""

    status: int
    body: bytes
    headers: list[tuple[str, str]]


def api_headers(request: Incoming, *, link: str = "") -> list[tuple[str, str]]:
    """Return the headers of every REST answer; a paging link replaces the link to the API's index."""
    return [
        ("Content-Type", "application/json; charset=UTF-8"),
        ("X-Robots-Tag", "noindex"),
        ("Link", link or f'<{request.base}/wp-json/>; rel="https://api.w.org/"'),
        ("X-Content-Type-Options", "nosniff"),
        ("Access-Control-Expose-Headers", "X-WP-Total, X-WP-TotalPages, Link"),
        (
            "Access-Control-Allow-Headers",
            "Authorization, X-WP-Nonce, Content-Disposition, Content-MD5, Content-Type",
        ),
    ]


def ok(
    request: Incoming,
    body: Any,
    *,
    allow: str = "",
    status: int = 200,
    link: str = "",
    extra: list[tuple[str, str]] | None = None,
) -> Answer:
    """Return a JSON answer to an authenticated request."""
    headers = api_headers(request, link=link) + (extra or [])
    if allow:
        headers.append(("Allow", allow))
    return Answer(status, orjson.dumps(body), headers + NO_CACHE)


def failed(request: Incoming, error: errors.ApiError, allow: str = "") -> Answer:
    """Return an error's answer: what WordPress adds depends on how far the request got."""
    headers = api_headers(request)
    if not error.authenticated:
        headers.append(("Vary", "Origin"))
    else:
        if error.routed and allow:
            headers.append(("Allow", allow))
        headers += NO_CACHE
    return Answer(error.status, orjson.dumps(error.body()), headers)


def page_not_found(request: Incoming) -> Answer:
    """Return the theme's 404 page, as for any address that is not the API's."""
    text = (
        '<!DOCTYPE html>\n<html lang="en-US">\n<head>\n<meta charset="UTF-8" />\n'
        '<title>Page not found</title>\n</head>\n<body class="error404 wp-embed-responsive">\n'
        "<h1>Page not found</h1>\n<p>The page you are looking for doesn&#8217;t exist, or it has been moved.</p>\n"
        "</body>\n</html>\n"
    )
    return Answer(404, text.encode(), [("Content-Type", "text/html; charset=UTF-8"), *api_headers(request)[2:3]])


def home_page(request: Incoming, name: str) -> Answer:
    """Return a small front page, so that a browser shows which shop this is."""
    text = (
        f'<!DOCTYPE html>\n<html lang="en-US"><head><title>{name}</title></head><body><h1>{name}</h1></body></html>\n'
    )
    return Answer(200, text.encode(), [("Content-Type", "text/html; charset=UTF-8"), *api_headers(request)[2:3]])


def legacy_api() -> Answer:
    """Return what the long removed ``/wc-api/`` answers."""
    body = {
        "errors": {
            "code": "woocommerce_api_disabled",
            "message": "The WooCommerce API is disabled on this site",
        }
    }
    return Answer(404, orjson.dumps(body), [("Content-Type", "application/json; charset=UTF-8")])


def fatal() -> Answer:
    """Return what WordPress answers when a plugin fails: JSON whose message is HTML."""
    return Answer(500, faults.FATAL, [("Content-Type", "application/json; charset=UTF-8"), *NO_CACHE])
