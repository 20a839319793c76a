"""The doctor: what stands between Regulars and a shop, in the order in which it must be put right.

Each finding is one sentence on what is, and one on what to do. Nothing is changed in the shop: that the key may write is
learnt from a customer without an e-mail address, which WooCommerce never accepts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from regulars.errors import RegularsError, SettingsError, ShopError, ShopNotFound, ShopRefused, ShopRequestInvalid
from regulars.models import ShopConfig
from regulars.shop.client import ShopClient
from regulars.shop.index import ShopIndex

OAUTH_WINDOW_SECONDS: Final = 15 * 60
NOTABLE_SKEW_SECONDS: Final = 60
FLAT_REFUNDS_SINCE: Final = (9, 0)
TIMEOUT: Final = (10.0, 30.0)


@dataclass(frozen=True)
class Finding:
    """One check. `ok` is None where it could not be told; `advice` is empty where there is nothing to do."""

    check: str
    ok: bool | None
    message: str
    advice: str = ""


def diagnose(shop: ShopConfig) -> list[Finding]:
    """Return what is found at `shop`; after a finding that stops everything nothing more is asked."""
    try:
        client = ShopClient(shop, patience=0.0, timeout=TIMEOUT)
    except SettingsError as error:
        return [Finding("address", ok=False, message=error.message)]
    with client:
        return list(_findings(client, shop))


def _findings(client: ShopClient, shop: ShopConfig) -> Iterator[Finding]:
    try:
        index = client.index()
    except SettingsError as error:
        yield Finding("time zone", ok=False, message=error.message)
        return
    except ShopNotFound as error:
        yield _not_there(client, error)
        return
    except ShopError as error:
        yield Finding(
            "address", ok=False, message=error.message, advice="Check WOOCOMMERCE_URL, and that the shop is up."
        )
        return
    yield Finding("address", ok=True, message=f"A shop answers at {shop.url}.")
    yield Finding("permalinks", ok=True, message="Pretty permalinks are on.")
    yield _clock(index, signed=shop.url.startswith("http://"))
    yield Finding("time zone", ok=True, message=f"The shop's days are days in {index.timezone}.")
    yield from _rights(client)


def _not_there(client: ShopClient, error: ShopNotFound) -> Finding:
    if client.speaks_plainly():
        return Finding(
            "permalinks",
            ok=False,
            message="The shop has plain permalinks, under which WooCommerce accepts no key.",
            advice="In WordPress choose anything but Plain under Settings > Permalinks.",
        )
    return Finding("address", ok=False, message=error.message, advice="Check WOOCOMMERCE_URL.")


def _clock(index: ShopIndex, *, signed: bool) -> Finding:
    skew = index.clock_skew_seconds
    size, way = abs(skew), "ahead of" if skew > 0 else "behind"
    if size < NOTABLE_SKEW_SECONDS:
        return Finding("clock", ok=True, message="The shop's clock and ours agree.")
    said = f"The shop's clock is {size / 60:.0f} minutes {way} ours."
    if signed and size >= OAUTH_WINDOW_SECONDS:
        return Finding(
            "clock", ok=False, message=said, advice="Over http signatures count for 15 minutes: set the clocks by NTP."
        )
    return Finding("clock", ok=None, message=said, advice="Set both by NTP.")


def _rights(client: ShopClient) -> Iterator[Finding]:
    refusals = {name: _refusal(client, name) for name in ("customers", "orders")}
    errors = [error for error in refusals.values() if error is not None]
    if len(errors) == len(refusals) and all(_is_key(error) for error in errors):
        yield Finding("key", ok=False, message=errors[0].message)
        return
    yield Finding("key", ok=True, message="The shop accepts the key.")
    for name, error in refusals.items():
        if error is None:
            yield Finding(name, ok=True, message=f"The key may read {name}.")
        else:
            advice = "Make the key for an administrator or shop manager, with permission Read or Read/Write."
            yield Finding(name, ok=False, message=f"Reading {name} failed. {error.message}", advice=advice)
    yield _version(client)
    yield _writing(client)


def _is_key(error: RegularsError) -> bool:
    """Return whether a refusal is of the key itself; 403 means a valid key of a user without the right."""
    return isinstance(error, ShopRefused) and error.status == 401


def _refusal(client: ShopClient, path: str) -> ShopError | None:
    role = {"role": "all"} if path == "customers" else {}
    try:
        client.page(path, {"per_page": 1, **role})
    except ShopError as error:
        return error
    return None


def _version(client: ShopClient) -> Finding:
    try:
        status: Any = client.get("system_status").items[0]
        version = str(status["environment"]["version"])
        number = tuple(int(part) for part in version.split(".")[:2])
    except (ShopError, KeyError, TypeError, ValueError):
        return Finding("version", ok=None, message="WooCommerce answers wc/v3; the key may not ask for its version.")
    if number < FLAT_REFUNDS_SINCE:
        return Finding(
            "version",
            ok=True,
            message=f"WooCommerce {version}: it has no list of all refunds, so the first sync asks order by order.",
        )
    return Finding("version", ok=True, message=f"WooCommerce {version}.")


def _writing(client: ShopClient) -> Finding:
    try:
        client.post("customers", {})
    except ShopRequestInvalid:
        return Finding("writing", ok=True, message="The key may write; reading is all that is needed.")
    except ShopRefused:
        return Finding("writing", ok=True, message="The key may only read, which is all that is needed.")
    except ShopError:
        pass
    return Finding("writing", ok=None, message="Whether the key may write could not be told.")
