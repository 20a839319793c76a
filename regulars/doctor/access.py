"""Whether the shop can be reached, is a shop, and lets us in."""

from typing import Final

from regulars.doctor.findings import Visit
from regulars.errors import (
    RegularsError,
    SettingsError,
    ShopError,
    ShopNotFound,
    ShopRefused,
    ShopRequestInvalid,
    ShopUnreachable,
)
from regulars.shop.client import ShopClient
from regulars.shop.index import ShopIndex

OAUTH_WINDOW_SECONDS: Final = 15 * 60
NOTABLE_SKEW_SECONDS: Final = 60
CHECK: Final = "Check WOOCOMMERCE_URL, and that the shop is up."
USER: Final = "Make the key for an administrator or shop manager, with permission Read or Read/Write."


def check_access(visit: Visit, client: ShopClient) -> ShopIndex | None:
    """Return what the shop says of itself, None after a finding that makes further questions pointless."""
    visit.now("asking whether a shop answers")
    index = _index(visit, client)
    if index is None:
        return None
    visit.well("address", f"A shop answers at {visit.shop.url}.")
    visit.well("permalinks", "Pretty permalinks are on.")
    _check_clock(visit, index)
    visit.well("time zone", f"The shop's days are days in {index.timezone}.")
    visit.now("asking what the key may do")
    return index if _check_key(visit, client) else None


def _index(visit: Visit, client: ShopClient) -> ShopIndex | None:
    try:
        return client.index()
    except SettingsError as error:
        visit.ill("time zone", error.message)
    except ShopNotFound as error:
        if client.speaks_plainly():
            visit.ill(
                "permalinks",
                "The shop has plain permalinks, under which WooCommerce accepts no key.",
                "In WordPress choose anything but Plain under Settings > Permalinks.",
            )
        else:
            visit.ill("address", error.message, "Check WOOCOMMERCE_URL.")
    except ShopUnreachable as error:  # one that no retry helps is about trust, and says itself what to do
        visit.ill("address", error.message, CHECK if error.retry else "")
    except ShopError as error:
        visit.ill("address", error.message, CHECK)
    return None


def _check_clock(visit: Visit, index: ShopIndex) -> None:
    skew = index.clock_skew_seconds
    size, way = abs(skew), "ahead of" if skew > 0 else "behind"
    if size < NOTABLE_SKEW_SECONDS:
        visit.well("clock", "The shop's clock and ours agree.")
        return
    said = f"The shop's clock is {size / 60:.0f} minutes {way} ours."
    if visit.shop.url.startswith("http://") and size >= OAUTH_WINDOW_SECONDS:
        visit.ill("clock", said, "Over http signatures count for 15 minutes: set the clocks by NTP.")
    else:
        visit.unsure("clock", said, "Set both by NTP.")


def _check_key(visit: Visit, client: ShopClient) -> bool:
    """Find what the key may do; return whether it is a key of this shop at all."""
    refusals = {name: _refusal(client, name) for name in ("customers", "orders")}
    errors = [error for error in refusals.values() if error is not None]
    if len(errors) == len(refusals) and all(_is_key(error) for error in errors):
        _find_why_refused(visit, errors[0])
        return False
    visit.well("key", "The shop accepts the key.")
    _check_place_of_key(visit)
    for name, error in refusals.items():
        if error is None:
            visit.well(name, f"The key may read {name}.")
        else:
            visit.ill(name, f"Reading {name} failed. {error.message}", USER)
    _check_writing(visit, client)
    return True


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


def _find_why_refused(visit: Visit, error: ShopError) -> None:
    """A host that strips the Authorization header makes every key look wrong: the address tells."""
    secure = visit.shop.url.startswith("https://")
    if secure and not visit.shop.keys_in_query and _accepted(visit, keys_in_query=True):
        visit.ill(
            "key",
            "The key is right, but the shop's host strips the Authorization header, in which it is sent.",
            "Have the host pass that header on to PHP (Apache: `CGIPassAuth On`). Where that cannot be, set "
            "WOOCOMMERCE_KEYS_IN_QUERY=true, or keys_in_query = true in shops.toml: the key is then sent in the address, "
            "which the host writes into its logs.",
        )
        return
    visit.ill("key", error.message)


def _check_place_of_key(visit: Visit) -> None:
    """The key stands in the address where somebody said so; say when it need not."""
    if visit.shop.keys_in_query and _accepted(visit, keys_in_query=False):
        visit.unsure(
            "key in address",
            "The key is sent in the address, which the host writes into its logs; the shop takes it from the header too.",
            "Remove WOOCOMMERCE_KEYS_IN_QUERY, or keys_in_query in shops.toml.",
        )


def _accepted(visit: Visit, *, keys_in_query: bool) -> bool:
    with visit.client(keys_in_query=keys_in_query) as other:
        return _refusal(other, "orders") is None


def _check_writing(visit: Visit, client: ShopClient) -> None:
    try:
        client.post("customers", {})
    except ShopRequestInvalid:
        visit.well("writing", "The key may write: customers can be edited from here.")
        return
    except ShopRefused:
        visit.well(
            "writing",
            "The key may only read, which is all that a sync needs.",
            "To edit customers from here and to set up webhooks by command, give it Read/Write (WooCommerce > Settings > "
            "Advanced > REST API).",
        )
        return
    except ShopError:
        pass
    visit.unsure("writing", "Whether the key may write could not be told.")
