"""From a request to an answer: the API's paths, then authentication, parameter checks, rights, and the endpoint.

That order is WordPress's: a wrong signature beats everything under ``/wc/``, a bad parameter is told before missing
rights, and an unknown path is a 404 whoever asks.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from demo_shop import endpoints, errors, params
from demo_shop.answers import Answer, Incoming, failed, fatal, home_page, legacy_api, ok, page_not_found
from demo_shop.auth import Gate, Signed
from demo_shop.calls import LIST, ONE, Call, Handler
from demo_shop.changes import Shop
from demo_shop.params import Param
from demo_shop.render_settings import index_body
from demo_shop.webhook_endpoints import WebhookEndpoints
from demo_shop.webhooks import Webhooks

API = "/wp-json"


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the API, what it answers to, and how its query is checked."""

    pattern: re.Pattern[str]
    handlers: Mapping[str, Handler]
    allow: str
    query: Mapping[str, Param]
    single: bool = False


def _route(
    path: str, handlers: dict[str, Handler], allow: str, query: Mapping[str, Param], *, single: bool = False
) -> Route:
    pattern = re.compile(f"^/wc/v3/{path.replace('{id}', '([0-9]+)')}/?$", re.ASCII)
    if "PUT" in handlers:
        handlers = {**handlers, "POST": handlers["PUT"], "PATCH": handlers["PUT"]}
    return Route(pattern, handlers, allow, query, single)


def _routes(webhooks: Webhooks) -> list[Route]:
    e, hooks = endpoints, WebhookEndpoints(webhooks)
    one_order: dict[str, Handler] = {"GET": e.read_order, "PUT": e.update_order, "DELETE": e.delete_order}
    one_customer: dict[str, Handler] = {
        "GET": e.read_customer,
        "PUT": e.update_customer,
        "DELETE": e.delete_customer,
    }
    one_hook: dict[str, Handler] = {"GET": hooks.read, "PUT": hooks.update, "DELETE": hooks.delete}
    return [
        _route("orders", {"GET": e.list_orders, "POST": e.create_order}, LIST, params.ORDERS),
        _route("orders/{id}", one_order, ONE, params.SINGLE, single=True),
        _route(
            "orders/{id}/refunds",
            {"GET": e.list_order_refunds, "POST": e.create_refund},
            LIST,
            params.REFUNDS,
        ),
        _route(
            "orders/{id}/refunds/{id}",
            {"GET": e.read_refund, "DELETE": e.delete_refund},
            "GET, DELETE",
            params.SINGLE,
            single=True,
        ),
        _route("refunds", {"GET": e.list_refunds}, "GET", params.REFUNDS),
        _route("customers", {"GET": e.list_customers, "POST": e.create_customer}, LIST, params.CUSTOMERS),
        _route("customers/{id}", one_customer, ONE, params.SINGLE, single=True),
        _route("products", {"GET": e.list_products}, LIST, params.PRODUCTS),
        _route("products/{id}", {"GET": e.read_product}, ONE, params.SINGLE, single=True),
        _route("webhooks", {"GET": hooks.list, "POST": hooks.create}, LIST, params.WEBHOOKS),
        _route("webhooks/{id}", one_hook, ONE, params.SINGLE, single=True),
        _route("orders/{id}/notes", {"GET": e.list_notes, "POST": e.create_note}, LIST, params.SINGLE),
        _route("system_status", {"GET": e.read_status}, "GET", params.SINGLE),
        _route("data/currencies/current", {"GET": e.read_currency}, "GET", params.SINGLE),
    ]


class Site:
    """A shop's whole web site: :meth:`handle` answers one request after the other."""

    def __init__(self, shop: Shop, webhooks: Webhooks) -> None:
        """Set up routes and the gate."""
        self.shop = shop
        self.gate = Gate(shop.keys)
        self.routes = _routes(webhooks)

    def handle(self, request: Incoming) -> Answer:
        """Answer one request; never raises for what a client can send."""
        if request.method == "HEAD":
            request.method = "GET"
            answer = self._dispatch(request, signed_as="HEAD")
            return Answer(answer.status, b"", answer.headers)
        return self._dispatch(request, signed_as=request.method)

    def _dispatch(self, request: Incoming, *, signed_as: str) -> Answer:
        path = request.path
        if path in ("/", "/index.php"):
            return self._plain_permalink(request)
        if path.startswith("/wc-api/"):
            return legacy_api()
        if path in (API, f"{API}/"):
            return ok(request, index_body(self.shop, request.base))
        if not path.startswith(f"{API}/"):
            return page_not_found(request)
        return self._api(request, path.removeprefix(API), signed_as)

    def _plain_permalink(self, request: Incoming) -> Answer:
        """Answer ``/?rest_route=``: the shop never authenticates there, so only the index works."""
        inner = request.raw.get("rest_route")
        if not isinstance(inner, str):
            return home_page(request, self.shop.profile.name)
        if inner in ("", "/"):
            return ok(request, index_body(self.shop, request.base))
        return self._api(request, inner, request.method, authenticate=False)

    def _api(self, request: Incoming, path: str, signed_as: str, *, authenticate: bool = True) -> Answer:
        allow = ""
        try:
            if authenticate and path.startswith("/wc/"):
                self._authenticate(request, signed_as)
            for route in self.routes:
                found = route.pattern.match(path)
                if found and request.method in route.handlers and self._has(path):
                    allow = route.allow
                    call = Call(self.shop, request, {}, tuple(int(x) for x in found.groups()), allow)
                    try:
                        return self._call(route, call)
                    finally:
                        allow = call.allow
            raise errors.no_route(authenticated=request.key is not None)
        except errors.ApiError as error:
            return failed(request, error, allow)
        except errors.Fatal:
            return fatal()

    def _has(self, path: str) -> bool:
        """Whether this version of WooCommerce has that path: the list of all refunds came with 9.0."""
        return not path.startswith("/wc/v3/refunds") or int(self.shop.profile.version.partition(".")[0]) >= 9

    def _authenticate(self, request: Incoming, signed_as: str) -> None:
        signed = Signed(request.scheme, request.host, signed_as, request.path, request.query, request.authorization)
        request.key = self.gate.key_of(signed, self.shop.now())
        if request.key is None:
            return
        reading = request.method in ("GET", "OPTIONS")
        if request.key.permissions not in (("read", "read_write") if reading else ("write", "read_write")):
            kind = "read" if reading else "write"
            raise errors.authentication(f"The API key provided does not have {kind} permissions.", known=True)

    def _call(self, route: Route, call: Call) -> Answer:
        method = call.request.method
        schema = params.DELETION if method == "DELETE" else route.query if method == "GET" else {}
        call.values = params.check(call.request.raw, schema)
        if method in ("POST", "PUT", "PATCH"):
            call.request.json()
        self._check_rights(route, call.request)
        return route.handlers[method](call)

    def _check_rights(self, route: Route, request: Incoming) -> None:
        key = request.key
        if key is not None and key.role in ("administrator", "shop_manager"):
            return
        code, sentence = {
            "GET": ("view", "view this resource" if route.single else "list resources"),
            "POST": ("create", "are not allowed to create resources"),
            "DELETE": ("delete", "are not allowed to delete this resource"),
        }.get(request.method, ("edit", "are not allowed to edit this resource"))
        verb = f"you cannot {sentence}" if code == "view" else f"you {sentence}"
        raise errors.ApiError(
            401 if key is None else 403,
            f"woocommerce_rest_cannot_{code}",
            f"Sorry, {verb}.",
            authenticated=key is not None,
            routed=False,
        )
