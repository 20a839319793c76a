"""The customers API as one application."""

from typing import Any, Final

from fastapi import FastAPI
from starlette.types import ASGIApp

from regulars.settings import Settings
from webhook_receiver.api import (
    customers,
    docs,
    history,
    identity,
    membership,
    metrics,
    notes,
    problems,
    rules,
    segments,
    shops,
    sync,
)
from webhook_receiver.api.access import Access
from webhook_receiver.api.house import House
from webhook_receiver.api.strict import StrictBodies
from webhook_receiver.api.watch import Watch, on_unforeseen

VERSION: Final = "1"
DESCRIPTION: Final = """\
Customers of WooCommerce shops: list, read, create, edit, notes, tags, segments, syncs.

Callers on this machine need nothing; everybody else, and whatever comes through a proxy, sends
`Authorization: Bearer <token>` (`regulars token add NAME` makes one). Errors are `application/problem+json`.
Edits of notes and segments name the version they were made from: send the `ETag` of your last answer as `If-Match`.
Creating and editing a customer happens in the shop first; deleting hides a customer here alone.
"""


def create_api(house: House) -> ASGIApp:
    """Return the API over `house`, with everything that stands around it."""
    return Watch(Access(StrictBodies(routes(house)), house))


def routes(house: House) -> FastAPI:
    """Return the routes alone: what a request reaches once it may."""
    app = FastAPI(
        title="Regulars",
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,  # the page it would serve loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.house = house
    problems.install(app)
    app.add_exception_handler(Exception, on_unforeseen)
    parts = (sync, notes, history, identity, customers, segments, membership, rules, shops)
    for part in parts:
        app.include_router(part.router)
    app.include_router(metrics.router)
    app.include_router(docs.router)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Complete the OpenAPI document by what the routes do not say themselves: problems, and the token."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = made()
            parts = schema.setdefault("components", {})
            parts.setdefault("schemas", {})["Problem"] = problems.Problem.model_json_schema()
            parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            schema["security"] = [{}, {"token": []}]
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def open_api(settings: Settings) -> tuple[ASGIApp, House]:
    """Return the API of these settings, and the stores behind it, for the caller to close."""
    house = House(settings)
    return create_api(house), house
