"""The customers API as one application, and how it stands beside the light receiver."""

from typing import Any, Final

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from regulars.settings import Settings
from webhook_receiver.api import customers, docs, history, metrics, notes, problems, segments, shops, sync
from webhook_receiver.api.access import Access
from webhook_receiver.api.house import House
from webhook_receiver.api.strict import StrictBodies
from webhook_receiver.api.watch import Watch

VERSION: Final = "1"
DESCRIPTION: Final = """\
Customers of WooCommerce shops: list, read, create, edit, notes, tags, segments, syncs.

Callers on this machine need nothing; everybody else, and whatever comes through a proxy, sends
`Authorization: Bearer <token>` (`regulars token add NAME` makes one). Errors are `application/problem+json`.
Edits of notes and segments name the version they were made from: send the `ETag` of your last answer as `If-Match`.
Creating and editing a customer happens in the shop first; deleting hides a customer here alone.
"""
RECEIVERS: Final = ("/api/customers/webhooks", "/healthz")


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
    for router in (sync.router, notes.router, history.router, customers.router, segments.router, shops.router):
        app.include_router(router)
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


class Beside:
    """Serves deliveries and health from the receiver, everything else from the API."""

    def __init__(self, receiver: ASGIApp, api: ASGIApp) -> None:
        self._receiver, self._api = receiver, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to the one that it is for."""
        path = scope.get("path", "")
        ours = any(path == prefix or path.startswith(f"{prefix}/") for prefix in RECEIVERS)
        await (self._receiver if ours else self._api)(scope, receive, send)


def beside(receiver: ASGIApp, settings: Settings) -> tuple[ASGIApp, House]:
    """Return the receiver with the API beside it, and the stores behind the API, for the caller to close."""
    house = House(settings)
    return Beside(receiver, create_api(house)), house
