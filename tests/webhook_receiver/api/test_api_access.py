"""Who may ask: callers on this machine and holders of a token; pages of other sites may not write."""

import asyncio
import socket
from pathlib import Path

import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from tests.webhook_receiver.api.serving import Api, serving, settings_of
from webhook_receiver.api.access import Access, _is_loopback, _name_of

LIST = "/api/customers"
NOTES = "/api/customers/woo:1/notes"


def token(api: Api, name: str = "CRM") -> tuple[int, dict[str, str]]:
    """Make a token; return its id and the header that shows it."""
    made, secret = api.house.records.add_token(name)
    return made.id, {"Authorization": f"Bearer {secret}"}


FORWARDED = (
    {"X-Forwarded-For": "203.0.113.7"},
    {"x-forwarded-host": "api.example.com"},
    {"X-Forwarded-Anything": ""},
    {"Forwarded": "for=203.0.113.7"},
    {"Via": "1.1 proxy"},
    {"X-Real-IP": "127.0.0.1"},
    {"CF-Connecting-IP": "203.0.113.7"},
    {"Host": "api.example.com"},
    {"Host": "127.0.0.1.example.com"},
    {"Host": "localhost@example.com"},
    {"Host": "["},
)


@pytest.mark.parametrize("headers", FORWARDED)
@pytest.mark.parametrize("path", [LIST, "/docs", "/openapi.json", "/metrics", "/api/segments", "/nowhere"])
def test_what_comes_through_a_proxy_or_under_a_foreign_name_needs_a_token(
    headers: dict[str, str], path: str, reading_api: Api
) -> None:
    """A tunnel for webhooks must not open the rest, and a browser led here by a foreign name must not read."""
    answer = reading_api.get(path, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (401, "/docs#unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Regulars"'


def test_a_token_opens_from_anywhere_and_names_the_author(api: Api) -> None:
    """On either store; what is written carries the token's name."""
    _, shown = token(api)
    far = {**shown, "X-Forwarded-For": "203.0.113.7", "Host": "api.example.com"}
    assert api.get(LIST, headers=far).status_code == 200
    assert api.ask("POST", NOTES, json={"text": "hello"}, headers=far).json()["author"] == "CRM"
    assert api.ask("POST", NOTES, json={"text": "hello"}).json()["author"] == "analyst"


def test_a_revoked_token_is_refused_at_once(api: Api) -> None:
    """Whoever lost it must be able to shut the door."""
    number, shown = token(api)
    api.house.records.revoke_token(number)
    answer = api.get(LIST, headers={**shown, "Via": "1.1 x"})
    assert (answer.status_code, "revoked" in answer.json()["detail"]) == (401, True)


@pytest.mark.parametrize(
    "shown",
    [
        "Bearer rgl_wrong",
        "Bearer ",
        "Bearer",
        "Basic YTpi",
        "rgl_x",
        "Bearer \u00e9",
        "Bearer " + "x" * 5000,
        "bearer a b",
    ],
)
def test_a_wrong_token_is_refused_also_from_this_machine(shown: str, reading_api: Api) -> None:
    """Who shows one means to be its holder: writing under another name would be a surprise."""
    assert reading_api.get(LIST, headers={"Authorization": shown.encode("latin-1")}).status_code == 401


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST:1"])
def test_a_caller_on_this_machine_needs_nothing(host: str, reading_api: Api) -> None:
    """The curl of the README."""
    assert reading_api.get(LIST, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8501", "http://localhost"])
@pytest.mark.parametrize("with_token", [False, True])
def test_a_page_of_another_site_may_not_write(origin: str, with_token: bool, api: Api) -> None:
    """A browser sends such requests for any page that is open beside."""
    headers = {"Origin": origin, **(token(api)[1] if with_token else {})}
    for method, path, body in (("POST", NOTES, {"text": "x"}), ("DELETE", "/api/customers/woo:1", None)):
        answer = api.ask(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (403, "/docs#foreign-origin")
    assert api.json(NOTES)["notes"] == []
    assert api.json("/api/customers/woo:1")["hidden"] is None


def test_a_page_from_here_may_write(files_api: Api) -> None:
    """The same origin is no foreign one."""
    assert files_api.ask("POST", NOTES, json={"text": "x"}, headers={"Origin": files_api.url}).status_code == 201


def test_no_answer_invites_other_sites_to_read(reading_api: Api) -> None:
    """Without CORS headers a browser keeps the answer from the page that asked."""
    answer = reading_api.get(LIST, headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert reading_api.ask("OPTIONS", LIST, headers={"Origin": "https://evil.example"}).status_code == 405


def test_a_second_token_spoils_the_first(files_api: Api) -> None:
    """A proxy could read the one and we the other."""
    _, shown = token(files_api)
    host, port = files_api.url.removeprefix("http://").split(":")
    lines = f"Host: 127.0.0.1\r\nAuthorization: {shown['Authorization']}\r\nAuthorization: Bearer b\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"GET {LIST} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
        assert connection.recv(64).split()[1] == b"401"


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", ["host: 127.0.0.1"], 200),
        ("GET", ["host: 127.0.0.1", "host: x"], 401),
        ("GET", [], 401),
        ("POST", ["host: 127.0.0.1", "origin: http://127.0.0.1"], 200),
        ("POST", ["host: 127.0.0.1", "origin: http://127.0.0.1", "origin: http://x"], 403),
    ],
)
def test_a_header_that_stands_twice_or_not_at_all_is_trusted_by_nobody(
    method: str, headers: list[str], status: int, reading_api: Api
) -> None:
    """Some servers turn such requests away before we see them; what lets people in must not rely on that."""
    answered = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response()(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        answered.append(message.get("status"))

    pairs = [tuple(part.encode() for part in line.split(": ")) for line in headers]
    scope = {"type": "http", "method": method, "path": LIST, "headers": pairs, "client": ("127.0.0.1", 1)}
    asyncio.run(Access(app, reading_api.house)(scope, receive, send))
    assert answered[0] == status


@pytest.mark.parametrize(
    ("peer", "local"),
    [
        (("127.0.0.1", 1), True),
        (("127.9.9.9", 1), True),
        (("::1", 1), True),
        (("::ffff:127.0.0.1", 1), True),
        (("192.168.1.5", 1), False),
        (("::ffff:203.0.113.7", 1), False),
        (("testclient", 1), False),
        (None, False),
    ],
)
def test_only_the_loopback_address_is_this_machine(peer: tuple[str, int] | None, local: bool) -> None:
    """An address of the house's network is somebody else."""
    assert _is_loopback(peer) is local


def test_names_in_host_headers_are_read_without_their_port() -> None:
    """Nonsense has no name."""
    assert [_name_of(host) for host in ("Localhost:80", "[::1]", "a@b", "[", "")] == ["localhost", "::1", "b", "", ""]


def test_where_tokens_cannot_be_looked_up_the_answer_is_503(data: Path) -> None:
    """Not 401: the token may be right."""
    (data / "records.db").mkdir()
    with serving(settings_of(data)) as api:
        answer = api.get(LIST, headers={"Authorization": "Bearer rgl_x"})
        assert (answer.status_code, answer.json()["type"]) == (503, "/docs#unavailable")
        assert api.get(LIST).status_code == 503
        (data / "records.db").rmdir()
        assert api.get(LIST).status_code == 200
