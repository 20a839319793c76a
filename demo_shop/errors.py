"""The error answers of the REST API, with the codes and sentences of the real one (see the recordings)."""

from collections.abc import Sequence
from typing import Any


class ApiError(Exception):
    """An error the shop answers as JSON: ``code``, ``message`` and ``data`` with the HTTP status.

    ``authenticated`` tells whether the request got past authentication: WordPress sends other headers before
    that. ``routed`` tells whether the answer names the route's methods in ``Allow``.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        extra: dict[str, Any] | None = None,
        authenticated: bool = True,
        routed: bool = True,
    ) -> None:
        """Keep the parts of the answer."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.extra = extra or {}
        self.authenticated = authenticated
        self.routed = routed

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        return {"code": self.code, "message": self.message, "data": {"status": self.status, **self.extra}}


def invalid_params(found: Sequence[tuple[str, str, str, Any]]) -> ApiError:
    """Return the 400 for query parameters, each given as (name, error code, sentence, error data)."""
    return ApiError(
        400,
        "rest_invalid_param",
        f"Invalid parameter(s): {', '.join(name for name, *_ in found)}",
        extra={
            "params": {name: sentence for name, _, sentence, _ in found},
            "details": {
                name: {"code": code, "message": sentence, "data": data} for name, code, sentence, data in found
            },
        },
    )


def missing_params(names: Sequence[str]) -> ApiError:
    """Return the 400 for required fields that a request left out."""
    return ApiError(
        400,
        "rest_missing_callback_param",
        f"Missing parameter(s): {', '.join(names)}",
        extra={"params": list(names)},
    )


def invalid_json() -> ApiError:
    """Return the 400 for a body that is not JSON."""
    return ApiError(
        400,
        "rest_invalid_json",
        "Invalid JSON body passed.",
        extra={"json_error_code": 4, "json_error_message": "Syntax error"},
    )


def no_route(*, authenticated: bool) -> ApiError:
    """Return the 404 for a path or method the API does not have."""
    return ApiError(
        404,
        "rest_no_route",
        "No route was found matching the URL and request method.",
        authenticated=authenticated,
        routed=False,
    )


def authentication(sentence: str, *, known: bool = False) -> ApiError:
    """Return the 401 of a refused key or signature; ``known`` for a right key without the permission."""
    return ApiError(401, "woocommerce_rest_authentication_error", sentence, authenticated=known, routed=False)


def customer_id(status: int = 404) -> ApiError:
    """Return the error for a customer that does not exist."""
    return ApiError(status, "woocommerce_rest_invalid_id", "Invalid resource ID.")


def order_id(status: int = 404) -> ApiError:
    """Return the error for an order that does not exist (refunds are not orders)."""
    return ApiError(status, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")


class Fatal(Exception):
    """A plugin failed while the answer was written: the shop answers with its page for that, a 500."""
