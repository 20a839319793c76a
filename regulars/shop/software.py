"""What a shop runs on: versions and the storage of its orders, from `system_status`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from regulars.errors import ShopError, ShopTooOld
from regulars.models import ShopConfig
from regulars.shop.port import ShopReader

# Changed orders are asked for by `modified_after`, which came with 5.8.0 of 2021-10-12 (changelog of WooCommerce,
# pull request 30585), in UTC by `dates_are_gmt`, which came with 5.4.0. An older shop passes over both without a word
# and answers every pull with all its orders.
OLDEST: Final = (5, 8)
OLDEST_SAID: Final = "5.8 (October 2021)"
# One list of all refunds: before it, they are asked for order by order.
FLAT_REFUNDS_SINCE: Final = (9, 0)
PATIENCE: Final = 5.0
_NUMBERS = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True)
class Software:
    """Versions as the shop writes them; `new_storage` says whether orders have tables of their own (HPOS).

    None is what the shop did not tell.
    """

    woocommerce: str | None = None
    wordpress: str | None = None
    new_storage: bool | None = None

    @property
    def number(self) -> tuple[int, int] | None:
        """Return WooCommerce's version as two numbers."""
        found = _NUMBERS.match(self.woocommerce or "")
        return (int(found[1]), int(found[2])) if found else None

    @property
    def too_old(self) -> bool:
        """Whether it is known to be older than Regulars works with."""
        return self.number is not None and self.number < OLDEST


def software_of(client: ShopReader) -> Software:
    """Return what the shop runs on; empty where it does not tell, as with a key of a lesser user.

    `HPOS_enabled` and `order_datastore` are settings in WooCommerce's system status controller (REST v2 and v3), absent
    before WooCommerce 7.
    """
    try:
        status = client.get("system_status", patience=PATIENCE).items[0]
    except ShopError:
        return Software()
    environment, settings = _part(status, "environment"), _part(status, "settings")
    return Software(
        woocommerce=_text(environment.get("version")),
        wordpress=_text(environment.get("wp_version")),
        new_storage=_new_storage(settings),
    )


def refuse_too_old(shop: ShopConfig, software: Software) -> None:
    """Raise ShopTooOld where the shop is known to run a WooCommerce that no pull works with."""
    if software.too_old:
        raise ShopTooOld(
            f"The shop {shop.name!r} runs WooCommerce {software.woocommerce}; Regulars needs {OLDEST_SAID} or newer, since "
            "older ones cannot be asked for what changed. Update WooCommerce in the shop."
        )


def _new_storage(settings: Mapping[str, Any]) -> bool | None:
    """The store in use says it best; the switch alone stands for shops that do not name it."""
    store = settings.get("order_datastore")
    if isinstance(store, str) and store:
        return "OrdersTableDataStore" in store
    enabled = settings.get("HPOS_enabled")
    return enabled if isinstance(enabled, bool) else None


def _part(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = status.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
