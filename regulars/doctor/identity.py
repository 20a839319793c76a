"""What the shop runs on, and whether it is still the one that was accepted."""

from datetime import UTC, datetime

from regulars.doctor.findings import Visit
from regulars.errors import RegularsError
from regulars.models import Fingerprint
from regulars.paths import DataPaths
from regulars.records import open_records
from regulars.settings import Settings
from regulars.shop.client import ShopClient
from regulars.shop.fingerprint import accepting, changes, seen
from regulars.shop.index import ShopIndex
from regulars.shop.software import FLAT_REFUNDS_SINCE, OLDEST_SAID, Software, software_of


def check_software(visit: Visit, client: ShopClient) -> Software:
    """Find versions and storage; return them."""
    visit.now("asking what it runs on")
    software = software_of(client)
    _check_version(visit, software)
    if software.new_storage:
        visit.well("storage", "Orders lie in tables of their own (HPOS).")
    elif software.new_storage is False:
        visit.well(
            "storage",
            "Orders lie among WordPress posts (the legacy storage). Deleting a customer or changing only meta data moves no "
            "date there, so the pulls cannot see it; the nightly reconcile and the rolling re-read do.",
            "WooCommerce > Settings > Advanced > Features switches to High-Performance Order Storage.",
        )
    else:
        visit.unsure(
            "storage",
            "The shop did not say how it stores orders: nothing depends on it, as the nightly reconcile sees what the legacy "
            "storage hides.",
        )
    return software


def _check_version(visit: Visit, software: Software) -> None:
    if software.number is None:
        visit.unsure(
            "version",
            "WooCommerce answers wc/v3; the key may not ask for its version.",
            f"Make sure that it is {OLDEST_SAID} or newer.",
        )
        return
    wordpress = f" on WordPress {software.wordpress}" if software.wordpress else ""
    said = f"WooCommerce {software.woocommerce}{wordpress}"
    if software.too_old:
        advice = f"Update WooCommerce: {OLDEST_SAID} is the oldest that can be asked for what changed. No sync is made."
        visit.ill("version", f"{said} is too old.", advice)
    elif software.number < FLAT_REFUNDS_SINCE:
        visit.well("version", f"{said}. It has no list of all refunds, so they are asked for order by order.")
    else:
        visit.well("version", f"{said}.")


def check_identity(visit: Visit, client: ShopClient, index: ShopIndex) -> None:
    """Find whether the shop is the one that was accepted."""
    visit.now("comparing it with the shop that was accepted")
    try:
        before = accepted(visit.settings, visit.shop.name)
    except RegularsError as error:
        visit.unsure("same shop", f"What was accepted cannot be read. {error.message}")
        return
    now = seen(client, visit.shop, index, at=datetime.now(UTC))
    if before is None:
        visit.well("same shop", f"Not synced yet: the first sync accepts {in_words(now)}.")
        return
    found = changes(before, now, zone_is_set=visit.shop.timezone is not None)
    if not found:
        visit.well("same shop", f"It is the shop that was accepted: {in_words(now)}.")
        return
    visit.ill(
        "same shop",
        f"The shop changed {', '.join(found)}. No sync is made until somebody decides.",
        f"If that is right, run `{accepting(visit.shop.name)}`. If it is another shop, give it a name of its own.",
    )


def accepted(settings: Settings, shop: str) -> Fingerprint | None:
    """Return what was accepted, None where nothing was. Makes no store. Raises RecordsUnavailable, SettingsError."""
    if settings.mongodb_uri is None and not DataPaths(settings.data_dir).records.exists():
        return None
    with open_records(settings) as records:
        return records.fingerprint(shop)


def accept(settings: Settings, shop: str) -> tuple[Fingerprint, list[str]]:
    """Accept the shop as it is now; return that, and what changed by it. Raises ShopError, RecordsUnavailable."""
    config = settings.shop(shop)
    with ShopClient(config) as client:
        now = seen(client, config, client.index(), at=datetime.now(UTC))
    DataPaths(settings.data_dir).root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_records(settings) as records:
        before = records.fingerprint(shop)
        records.set_fingerprint(shop, now)
    return now, changes(before, now) if before else []


def in_words(shop: Fingerprint) -> str:
    """Return what tells the shop from another, for people."""
    return f"{shop.home}, {shop.currency or 'currency unknown'}, days in {shop.timezone}"
