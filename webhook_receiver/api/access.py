"""Who may ask: callers on this machine, and whoever has a token. Pages of other sites may not write.

A caller is local where the connection comes from the loopback address, no proxy forwarded it, and the Host header names
this machine: a browser that was led to the loopback address under a foreign name (DNS rebinding) is not.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from regulars.errors import RegularsError
from webhook_receiver.api.house import House
from webhook_receiver.api.problems import UNAVAILABLE, answer, of_status

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Anything that a proxy or tunnel puts on what it passes along.
FORWARDED: Final = frozenset(
    {
        *("forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-host", "x-original-url"),
        *("cf-connecting-ip", "cf-ray", "cdn-loop", "true-client-ip", "fastly-client-ip", "x-envoy-external-address"),
    }
)
FORWARDED_PREFIX: Final = "x-forwarded"
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="Regulars"'}
WHO_ARE_YOU: Final = (
    "Callers that are not on this machine, or come through a proxy, need a token: `regulars token add NAME` makes one; "
    "send it as Authorization: Bearer rgl_…"
)


@dataclass(frozen=True)
class Refused(Exception):
    """Why a caller is turned away."""

    status: int
    detail: str


class Access:
    """Lets callers through, and notes in `scope["state"]["author"]` in whose name they write."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app = app
        self._house = house
        self._names = LOOPBACK_NAMES | {house.settings.host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or 403 to those who may not, 503 where tokens cannot be looked up now."""
        headers = Headers(scope=scope)
        try:
            author = await self._author(scope, headers)
            _check_origin(scope["method"], headers)
        except Refused as refused:
            challenge = CHALLENGE if refused.status == 401 else {}
            response = of_status(refused.status, refused.detail, scope["path"], challenge)
            await response(scope, receive, send)
            return
        except RegularsError as error:
            await answer(UNAVAILABLE, error.sentence(), scope["path"])(scope, receive, send)
            return
        scope.setdefault("state", {})["author"] = author
        await self._app(scope, receive, send)

    async def _author(self, scope: Scope, headers: Headers) -> str:
        given = headers.getlist("authorization")
        if not given:
            if self._is_local(scope, headers):
                return self._house.settings.user
            raise Refused(401, WHO_ARE_YOU)
        kind, _, secret = given[0].partition(" ")
        if len(given) != 1 or kind.lower() != "bearer" or not secret.strip().isascii():
            raise Refused(401, WHO_ARE_YOU)
        token = await run_in_threadpool(lambda: self._house.records.token_of(secret.strip()))
        if token is None:
            raise Refused(401, "This token is not valid, or was revoked.")
        return token.name

    def _is_local(self, scope: Scope, headers: Headers) -> bool:
        if any(name in FORWARDED or name.startswith(FORWARDED_PREFIX) for name in headers):
            return False
        hosts = headers.getlist("host")
        return _is_loopback(scope.get("client")) and len(hosts) == 1 and _name_of(hosts[0]) in self._names


def _is_loopback(peer: tuple[str, int] | None) -> bool:
    try:
        address = ip_address(peer[0]) if peer else None
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address is not None and (mapped or address).is_loopback


def _name_of(host: str) -> str:
    """Return the name in a Host header, without its port; empty for nonsense."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _check_origin(method: str, headers: Headers) -> None:
    """Refuse writes that a browser sends for a page of another site. Programs send no Origin."""
    origins = headers.getlist("origin")
    if method in SAFE or not origins:
        return
    same = (f"http://{headers.get('host', '')}", f"https://{headers.get('host', '')}")
    if len(origins) != 1 or origins[0].lower() not in {address.lower() for address in same}:
        raise Refused(403, "A page of another site may not write here.")
