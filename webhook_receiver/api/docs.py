"""`GET /docs`: the OpenAPI document as one plain page. Nothing in it comes from elsewhere, and nothing is a script."""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from webhook_receiver.api.asked import known_parameters
from webhook_receiver.api.problems import BY_STATUS, KINDS, UNCERTAIN, documented

router = APIRouter(tags=["monitoring"])
HEADERS: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
CODE: Final = re.compile(r"`([^`]+)`")
STYLE: Final = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:14px/1.4 ui-monospace,monospace}pre{overflow-x:auto;padding:.75rem;border:1px solid #8886;border-radius:6px}
h3 code{font-size:1.1rem;font-weight:600}table{border-collapse:collapse;margin:0 0 1rem;display:block;overflow-x:auto}td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0}
section{border-top:1px solid #8886;margin-top:1.5rem}h3{overflow-wrap:anywhere}
"""


@router.get(
    "/docs",
    response_class=Response,
    responses={
        **documented(401, 422, 503),
        200: {
            "description": "A page for people",
            "content": {"text/html; charset=utf-8": {"schema": {"type": "string"}}},
        },
    },
    dependencies=[known_parameters()],
)
def page(request: Request) -> Response:
    """Return this documentation as a page."""
    body = "\n".join(_page(request.app.openapi()))
    return Response(body, headers={**HEADERS, "Content-Type": "text/html; charset=utf-8"})


def _page(schema: Mapping[str, Any]) -> Iterator[str]:
    info = schema["info"]
    yield "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
    yield "<meta name='viewport' content='width=device-width, initial-scale=1'>"
    yield f"<title>{escape(info['title'])} API</title><style>{STYLE}</style></head><body><main>"
    yield f"<h1>{escape(info['title'])} API</h1>"
    for part in info["description"].strip().split("\n\n"):
        yield f"<p>{_prose(part)}</p>"
    yield "<p>For machines: <a href='/openapi.json'>openapi.json</a></p><h2>Requests</h2>"
    for path, operations in sorted(schema["paths"].items()):
        for method, operation in operations.items():
            yield from _operation(method, path, operation)
    yield "<h2>Problems</h2><table><tr><th>Status</th><th>Type</th><th>Title</th></tr>"
    kinds = {kind.name: kind for kind in (*BY_STATUS.values(), *(kind for _, kind in KINDS), UNCERTAIN)}
    for kind in sorted(kinds.values(), key=lambda kind: (kind.status, kind.name)):
        yield f"<tr id='{kind.name}'><td>{kind.status}</td><td><code>/docs#{kind.name}</code></td>"
        yield f"<td>{escape(kind.title)}</td></tr>"
    yield "</table><h2>Shapes</h2>"
    for name, shape in sorted(schema["components"]["schemas"].items()):
        yield f"<section id='{escape(name)}'><h3>{escape(name)}</h3>{_json(shape)}</section>"
    yield "</main></body></html>"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<section><h3><code>{method.upper()} {escape(path)}</code></h3>"
    yield f"<p>{_prose(operation.get('description', ''))}</p>"
    if operation.get("parameters"):
        yield "<table><tr><th>Parameter</th><th>In</th><th>What</th></tr>"
        for one in operation["parameters"]:
            about = one.get("description") or one["schema"].get("description", "")
            yield f"<tr><td><code>{escape(one['name'])}</code></td><td>{one['in']}</td><td>{_prose(about)}</td></tr>"
        yield "</table>"
    if body := operation.get("requestBody"):
        yield f"<p>Body: {_shape(body['content'])}</p>"
    yield "<table><tr><th>Answer</th><th>What</th><th>Shape</th></tr>"
    for status, answer in sorted(operation["responses"].items()):
        shape = _shape(answer.get("content", {}))
        yield f"<tr><td>{status}</td><td>{_prose(answer['description'])}</td><td>{shape}</td></tr>"
    yield "</table></section>"


def _prose(text: str) -> str:
    """Return a text as HTML; what stands in backquotes is code."""
    return CODE.sub(r"<code>\1</code>", escape(text))


def _shape(content: Mapping[str, Any]) -> str:
    """Return links to the shapes of a body, by media type."""
    names = [_name(one) for told in content.values() for one in _alternatives(told.get("schema", {}))]
    return " or ".join(f"<a href='#{escape(name)}'>{escape(name)}</a>" for name in names if name)


def _alternatives(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(schema.get("anyOf", [schema]))


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _json(shape: Mapping[str, Any]) -> str:
    return f"<pre>{escape(json.dumps(shape, indent=2, ensure_ascii=False))}</pre>"
