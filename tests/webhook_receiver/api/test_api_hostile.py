"""What nobody should send: each a clear 4xx, nothing written, and nothing of it in the log."""

import json
import logging
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.webhook_receiver.api.serving import Api

NOTES = "/api/customers/woo:3/notes"
JSON = {"Content-Type": "application/json"}
MEBIBYTE = 1024 * 1024


def post(api: Api, body: bytes, **headers: str) -> requests.Response:
    """Post bytes as a note; afterwards there must be none."""
    answer = api.ask("POST", NOTES, data=body, headers={**JSON, **headers})
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert api.json(NOTES)["notes"] == []
    return answer


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'text': 'x'}",
        b'{"text": "x"} {}',
        b'{"text": "x", "text": "y"}',
        b'{"a": {"b": 1, "b": 2}, "text": "x"}',
        b'{"text": NaN}',
        b'{"text": Infinity}',
        b'{"text": -Infinity}',
        b'{"text": 1e999}',
        b'{"text": "\xff"}',
        b'\xef\xbb\xbf{"text": "x"}',
        '{"text": "x"}'.encode("utf-16"),
        b"[" * 40 + b"]" * 40,
        b"[" * 100_000,
        b'{"a":' * 50 + b"1" + b"}" * 50,
        b'{"text": ' + b"9" * 5000 + b"}",
        b"\x00",
        b'{"text": "a\nb"}',
    ],
)
def test_what_is_no_strict_json_is_400(body: bytes, shared_api: Api) -> None:
    """Two readers would understand it differently, or it takes more than its size to read."""
    assert post(shared_api, body).status_code == 400


@pytest.mark.parametrize("text", ['"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"'])
@pytest.mark.parametrize("shape", ['{{"text": {0}}}', '{{"text": "x", {0}: 1}}', "[[{0}]]"])
def test_what_is_no_text_is_422_wherever_it_stands(shape: str, text: str, shared_api: Api) -> None:
    """As a value, as a name, and deep inside; some stores would cut such text short, some would fail."""
    assert post(shared_api, shape.format(text).encode()).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"text": {"$ne": None}},
        {"text": {"$gt": ""}},
        {"text": {"$where": "sleep(1000)"}},
        {"$set": {"text": "x"}},
        {"text": "x", "$where": "1"},
        {"text": "x", "customer_key": "woo:1"},
        {"text": "x", "__proto__": {}},
        {"text": ["x"]},
        {"text": True},
        {"text": 18446744073709551616},
    ],
)
def test_operator_objects_and_unknown_fields_are_422(body: Any, shared_api: Api) -> None:
    """Fields take text; what looks like a query must never reach a store as one."""
    answer = post(shared_api, json.dumps(body).encode())
    assert answer.status_code == 422
    assert answer.json()["fields"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Type": "application/json; charset=latin-1"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Type": "application/jsonp"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
    ],
)
def test_only_plain_json_is_taken(headers: dict[str, str], status: int, shared_api: Api) -> None:
    """A form of another site can send the other types without being asked."""
    assert post(shared_api, b'{"text": "x"}', **headers).status_code == status


def test_a_note_of_a_megabyte_is_refused_by_its_length(shared_api: Api) -> None:
    """Below the limit of bodies by the note's own; above it before it is read, declared or not."""
    assert post(shared_api, json.dumps({"text": "x" * (MEBIBYTE - 100)}).encode()).status_code == 422
    assert post(shared_api, json.dumps({"text": "x" * MEBIBYTE}).encode()).status_code == 413
    answer = requests.post(shared_api.url + NOTES, data=iter([b" " * 700_000] * 2), headers=JSON, timeout=30)
    assert answer.status_code == 413


def test_a_large_note_in_any_script_is_kept_to_the_letter(shared_api: Api) -> None:
    """What is allowed must come back as it was, combining marks and all."""
    text = ("Zoë \U0001f984 שלום " + "e\u0301" * 20 + "\u202e<script>alert(1)</script>\n$x$ **b**\t\r\n") * 50
    where = "/api/customers/woo:30/notes"
    made = shared_api.ask("POST", where, json={"text": text})
    assert made.status_code == 201
    assert shared_api.json(where)["notes"][0]["text"] == text.strip()


@pytest.mark.parametrize(
    "path",
    [
        "/api/customers?page=0",
        "/api/customers?page=-1",
        "/api/customers?page=18446744073709551616",
        "/api/customers?page=1e3",
        "/api/customers?limit=0",
        "/api/customers?limit=99999999999999999999",
        "/api/customers?sort=password",
        "/api/customers?sort=$where",
        "/api/customers?rfm=nobody",
        "/api/customers?search[$ne]=1",
        "/api/customers?$where=1",
        "/api/customers?search=%00",
        f"/api/customers?search={'x' * 201}",
        f"/api/customers?rule={'x' * 2001}",
        "/api/customers?rule=read_csv('/etc/passwd') = 1",
        "/api/customers?rule=orders_count = 1 union select 1",
        "/api/customers?hidden=perhaps",
        "/api/customers?shop=../../etc",
        "/api/customers/woo:1?fields=password",
        "/api/customers/woo:1/notes/0",
        "/api/customers/woo:1/notes/-1",
        "/api/customers/woo:1/notes/18446744073709551616",
        "/api/customers/woo:1/notes/1e3",
        "/api/customers/woo:1/notes/true",
        f"/api/customers/{'x' * 201}",
        "/api/customers/woo:1%00",
        "/api/customers/sync?shop=x%00y",
        "/api/shops?x=1",
        "/metrics?x=1",
        "/docs?x=1",
        "/api/segments?x=1",
    ],
)
def test_parameters_that_cannot_be_are_422(path: str, shared_api: Api) -> None:
    """Unknown ones too: a typing mistake that is ignored reads as an answer."""
    answer = shared_api.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")


def test_an_unreadable_address_is_an_answer_too(shared_api: Api) -> None:
    """Bytes that are no UTF-8, dots, doubled slashes."""
    for path in (
        "/api/customers/%ff%fe",
        "/api/customers/..%2f..%2fetc",
        "//api/customers",
        "/api/customers/",
        "/api/customers/%F0%9F%A6%84",
    ):
        assert shared_api.get(path).status_code in (404, 422)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WRITES = (
    ("POST", "/api/customers"),
    ("POST", "/api/customers/woo:5/notes"),
    ("PUT", "/api/customers/woo:5/notes/1"),
    ("PUT", "/api/customers/woo:5/tags"),
    ("POST", "/api/segments"),
    ("PUT", "/api/segments/vip"),
    ("POST", "/api/segments/count"),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(WRITES), VALUES | st.fixed_dictionaries({"rule": VALUES, "name": VALUES}), st.text(max_size=8))
def test_no_body_is_a_fault_of_ours(reading_api: Api, write: tuple[str, str], body: Any, if_match: str) -> None:
    """Whatever JSON comes: an answer below 500, in the form that the document names."""
    headers = {"If-Match": if_match.encode("utf-8", "replace").strip().replace(b"\n", b"").replace(b"\r", b"")}
    answer = reading_api.ask(write[0], write[1], data=json.dumps(body), headers={**JSON, **headers})
    assert 400 <= answer.status_code < 500
    assert answer.headers["Content-Type"] in ("application/problem+json", "application/json")


def test_the_log_has_neither_queries_nor_bodies_nor_keys(files_api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Names and e-mail addresses stand in all of them."""
    with caplog.at_level(logging.INFO):
        files_api.get("/api/customers", params={"search": "mueller@example.com"})
        files_api.ask("POST", "/api/customers/woo:1/notes", json={"text": "private matter"})
        files_api.get("/api/customers/guest:0f3a9c2b11d04e77")
        files_api.get("/api/customers", headers={"Authorization": "Bearer rgl_secret"})
        files_api.get("/nowhere/mueller@example.com")
    # uvicorn's own lines are switched off; only here, where pytest listens to every logger, they are made.
    said = "\n".join(record.getMessage() for record in caplog.records if record.name != "uvicorn.access")
    assert "api GET /api/customers 200 ms=" in said
    assert "api POST /api/customers/{key}/notes 201 ms=" in said
    for private in ("mueller", "private", "0f3a9c", "rgl_"):
        assert private not in said


def test_an_unforeseen_fault_is_a_500_with_a_reference_and_no_detail(
    files_api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message of an unknown error may hold anything: it goes neither out nor into the log."""
    monkeypatch.setattr(files_api.house, "shops", lambda: {}["mueller@example.com"])
    answer = files_api.get("/api/shops")
    assert (answer.status_code, answer.json()["type"]) == (500, "/docs#unforeseen")
    reference = answer.json()["detail"].rstrip(".").split()[-1]
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert reference in said
    assert "KeyError at" in said
    assert "mueller" not in said + answer.text
