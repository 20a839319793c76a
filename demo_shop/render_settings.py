"""The JSON bodies of what a shop tells about itself, and of notes on orders."""

from datetime import datetime
from typing import Any

from demo_shop.dates import zone
from demo_shop.model import Note
from demo_shop.render import SYMBOLS, Body, both, links
from demo_shop.store import Records

DATASTORES = {
    "hpos": "Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore",
    "legacy": "WC_Order_Data_Store_CPT",
}
"""The class names by which ``system_status`` tells where orders are kept."""

CURRENCIES = {
    "EUR": "Euro",
    "USD": "United States (US) dollar",
    "GBP": "Pound sterling",
    "CHF": "Swiss franc",
    "JPY": "Japanese yen",
}


def index_body(shop: Records, base: str) -> Body:
    """Write the API's index, ``/wp-json/``, which needs no key: name, address, time zone and namespaces."""
    offset = datetime.fromtimestamp(shop.now(), zone(shop.profile.time_zone)).utcoffset()
    hours = offset.total_seconds() / 3600 if offset else 0.0
    return {
        "name": shop.profile.name,
        "description": "",
        "url": shop.profile.home or base,
        "home": shop.profile.home or base,
        "gmt_offset": int(hours) if hours.is_integer() else hours,
        "timezone_string": shop.profile.time_zone,
        "page_for_posts": 0,
        "page_on_front": 0,
        "show_on_front": "posts",
        "namespaces": ["oembed/1.0", "wc/v1", "wc/v2", "wc/v3", "wc/store/v1", "wp/v2"],
        "authentication": {},
        "routes": {f"/wc/v3/{name}": {"namespace": "wc/v3"} for name in ("customers", "orders", "products")},
        "_links": {"help": [{"href": "https://developer.wordpress.org/rest-api/"}]},
    }


def system_status_body(shop: Records, base: str) -> Body:
    """Write a short ``system_status``: versions, the order storage and the settings a client looks at."""
    profile = shop.profile
    home = profile.home or base
    environment: dict[str, Any] = {
        "home_url": home,
        "site_url": home,
        "version": profile.version,
        "wp_version": profile.wordpress_version,
        "wp_multisite": False,
        "php_version": "8.2.36",
        "mysql_version": "10.11.14",
        "default_timezone": "UTC",
    }
    return {
        "environment": environment,
        "database": {"wc_database_version": profile.version, "database_prefix": "wp_"},
        "active_plugins": [],
        "settings": {
            "api_enabled": False,
            "force_ssl": home.startswith("https:"),
            "currency": profile.currency,
            "currency_symbol": SYMBOLS.get(profile.currency, profile.currency),
            "number_of_decimals": profile.decimals,
            "HPOS_enabled": not shop.legacy,
            "HPOS_feature_enabled": True,
            "order_datastore": DATASTORES[profile.storage],
            "HPOS_sync_enabled": False,
        },
    }


def currency_body(shop: Records, base: str) -> Body:
    """Write the shop's currency as ``GET /data/currencies/current`` answers it; only managers may ask."""
    code = shop.profile.currency
    where = f"{base}/wp-json/wc/v3/data/currencies"
    return {
        "code": code,
        "name": CURRENCIES.get(code, code),
        "symbol": SYMBOLS.get(code, code),
        "_links": {"self": [{"href": f"{where}/{code}"}], "collection": [{"href": where}]},
    }


def note_body(shop: Records, note: Note, order_id: int, base: str) -> Body:
    """Write a note on an order as ``GET /orders/{id}/notes`` lists it."""
    path = f"orders/{order_id}/notes"
    up = [{"href": f"{base}/wp-json/wc/v3/orders/{order_id}"}]
    return {
        "id": note.id,
        "author": note.author,
        **both("date_created", note.created, shop.profile.time_zone),
        "note": note.text,
        "customer_note": False,
        "_links": {**links(base, f"{path}/{note.id}", ["GET", "DELETE"], path), "up": up},
    }
