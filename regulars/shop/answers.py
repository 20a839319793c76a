"""What the shop answered: the JSON in it, or the error it means.

Shops put things before the JSON (a byte order mark, a PHP warning as HTML) and answer with pages for people where a
machine asked. `json_of` finds the document; `error_of` is the one place where a status becomes an error. Messages name
the path asked, never its query, a key or a body.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from regulars.errors import (
    ShopAnswerUnreadable,
    ShopBusy,
    ShopError,
    ShopNotFound,
    ShopRecordGone,
    ShopRefused,
    ShopRequestInvalid,
    ShopUnreachable,
)
from regulars.shop.refusals import complaints

LARGEST_BYTES: Final = 64 * 1024 * 1024
LARGEST_PREFIX: Final = 200_000
_START = re.compile(rb"[\[{]")
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_GONE = re.compile(r"woocommerce_rest_(\w+_)?invalid_(\w+_)?id")  # …_shop_order_invalid_id, …_invalid_order_refund_id
_WORD = re.compile(r"[a-z0-9_-]{1,80}", re.IGNORECASE)


def json_of(body: bytes, *, path: str, content_type: str) -> Any:
    """Return the JSON document in `body`, skipping a byte order mark and HTML before it.

    Raises ShopAnswerUnreadable, saying what came instead, where there is none.
    """
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    found = _parse(text)
    if found is None and not text.startswith((b"[", b"{")):
        found = _parse_after_noise(text)
    if found is None:
        raise ShopAnswerUnreadable(
            f"The shop's answer to {path} is not JSON but {_what(body, content_type)}. "
            "A plugin or a cache in front of the shop may have put it there."
        )
    return found[0]


def _parse(text: bytes) -> tuple[Any] | None:
    try:
        return (orjson.loads(text),)
    except orjson.JSONDecodeError:
        pass
    try:  # PHP may write lone surrogates, which are no Unicode text: they become "?"
        return (orjson.loads(json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace")),)
    except (ValueError, RecursionError):
        return None


def _parse_after_noise(text: bytes) -> tuple[Any] | None:
    """A document starts a line or follows a tag; anything else is a piece of a broken one."""
    for start in _START.finditer(text, 0, LARGEST_PREFIX):
        before = text[: start.start()].rstrip(b"\xef\xbb\xbf \t")
        if before.endswith((b">", b"\n", b"\r")) and (found := _parse(text[start.start() :])) is not None:
            return found
    return None


def _what(body: bytes, content_type: str) -> str:
    if not body.strip():
        return "empty"
    kind = content_type.partition(";")[0].strip()[:60] or "of no named type"
    title = _TITLE.search(body[:LARGEST_PREFIX])
    named = f' titled "{" ".join(title.group(1).decode("utf-8", "replace").split())}"' if title else ""
    return f"{kind}{named}"


def error_of(
    status: int, headers: Mapping[str, str], body: bytes, *, path: str, now: datetime, writing: bool = False
) -> ShopError | None:
    """Return what an answer of `status` means, or None where it is a success. `body` may be cut short.

    `writing`: it answers a request to change something, which needs another permission.
    """
    if 200 <= status < 300:
        return None
    told = _error_object(body)
    code = _code(told)
    said = f"{status}{f' {code}' if code else ''}"
    error: ShopError
    if 300 <= status < 400:
        error = ShopNotFound(_redirected(headers.get("Location", ""), path))
    elif status in (401, 403):
        error = ShopRefused(_refused_writing(said, path) if writing else _refused(said, code, path), status, code)
    elif status == 404:
        error = _not_found(said, code, path)
    elif status == 429 or status >= 500:
        error = _busy(said, headers, path, now, status)
    elif status == 400:
        sentence, fields = complaints(told)
        error = ShopRequestInvalid(
            f"The shop does not accept what was sent to {path} ({said}).", said=sentence, fields=fields
        )
    else:
        what = _what(body, headers.get("Content-Type", ""))
        error = ShopAnswerUnreadable(f"The shop answered {path} with {said}, {what}; that was not expected.")
    return error


def _error_object(body: bytes) -> Any:
    """Return the JSON that the shop describes an error with, None where there is none."""
    start = body.find(b"{")
    found = _parse(body[start:]) if 0 <= start < LARGEST_PREFIX else None
    return found[0] if found else None


def _code(told: Any) -> str:
    """Return WooCommerce's word for the error, such as woocommerce_rest_cannot_view; empty where there is none."""
    code = told.get("code") if isinstance(told, dict) else None
    return code if isinstance(code, str) and _WORD.fullmatch(code) else ""


def _refused(said: str, code: str, path: str) -> str:
    if code == "woocommerce_rest_authentication_error":
        advice = (
            "The key, its secret or its permission (it needs at least Read) is wrong; over http the clock of this "
            "machine must also be right within 15 minutes."
        )
    else:
        advice = (
            "Check WOOCOMMERCE_CONSUMER_KEY and WOOCOMMERCE_CONSUMER_SECRET, that the key may read, and that its user "
            "is an administrator or shop manager; some hosts drop the Authorization header (`regulars doctor` tells) or block "
            "REST clients."
        )
    return f"The shop refused {path} ({said}). {advice}"


def _refused_writing(said: str, path: str) -> str:
    return (
        f"The shop refused to change anything at {path} ({said}). The key needs the permission Read/Write (WooCommerce > "
        "Settings > Advanced > REST API), and its user must be an administrator or shop manager."
    )


def _not_found(said: str, code: str, path: str) -> ShopNotFound:
    if _GONE.fullmatch(code):
        return ShopRecordGone(f"The shop has no such record: {path} ({said}).")
    return ShopNotFound(
        f"No WooCommerce REST API answers at {path} ({said}). Check that WOOCOMMERCE_URL is the shop's home address, that "
        "WooCommerce is active, and that pretty permalinks are on (Settings > Permalinks, anything but Plain)."
    )


def _busy(said: str, headers: Mapping[str, str], path: str, now: datetime, status: int) -> ShopBusy:
    after = retry_after(headers.get("Retry-After"), now)
    if after is None:
        return ShopBusy(f"The shop cannot answer {path} now ({said}).", status=status)
    message = f"The shop cannot answer {path} now ({said}); it wants us back in {after:.0f} s."
    return ShopBusy(message, after, status)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` header asks for (a number or an HTTP date), or None if it says nothing."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    at = http_date(value)
    return None if at is None else max(0.0, (at - now).total_seconds())


def http_date(value: str | None) -> datetime | None:
    """Return the instant in an HTTP date header, or None where it is absent or no date."""
    try:
        at = parsedate_to_datetime(value or "")
    except (ValueError, TypeError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _redirected(location: str, path: str) -> str:
    try:
        parts = urlsplit(location)
        home = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.partition('/wp-json')[0]}".rstrip("/")
    except ValueError:
        parts, home = urlsplit(""), ""
    if parts.scheme in ("http", "https") and parts.netloc and len(home) < 200 and home.isprintable():
        return f"The shop sends {path} on to another address. Set WOOCOMMERCE_URL to {home} if that is your shop."
    return f"The shop sends {path} on to another place. Set WOOCOMMERCE_URL to the shop's final home address."


def unreachable(reason: str, host: str, *, sent: bool = False) -> ShopUnreachable:
    """Return the error for an answer that never came."""
    away = ShopUnreachable(f"The shop at {host} cannot be reached: {reason}.")
    away.sent = sent
    return away
