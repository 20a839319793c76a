"""Whether a shop is still the one that was accepted: its address, its currency, its time zone.

A copy of another shop under the same name would overwrite orders, since ids repeat; another time zone moves every day;
another currency starts new sums. So a sync that sees a change stops, and somebody decides: `regulars doctor --accept`.
"""

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from regulars.errors import ShopChanged, ShopError
from regulars.models import Fingerprint, ShopConfig
from regulars.records.system_ports import ShopStates
from regulars.shop.index import ShopIndex
from regulars.shop.port import ShopReader
from regulars.shop.software import refuse_too_old, software_of

CURRENCY: Final = "data/currencies/current"
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
CURRENCY_PATIENCE: Final = 5.0


def known_shop(
    states: ShopStates,
    shop: ShopConfig,
    client: ShopReader,
    index: ShopIndex,
    *,
    copied_from: str | None,
    at: datetime,
    quick: bool = False,
) -> None:
    """Let a sync go on if `shop` is the one that was accepted; the first time, accept it.

    `index` is what the shop says of itself now, `copied_from` the address that the warehouse was filled from, None for a
    new one: it stands for what was accepted before fingerprints were kept. Costs one request; the first time two, as the
    version is asked for too; a `quick` look costs none, and sees no change of currency.
    Raises ShopChanged, ShopTooOld, or RecordsUnavailable.
    """
    before = states.fingerprint(shop.name)
    if quick and before is not None:
        refuse_changed(shop, before, fingerprint_of(shop, index, None, at=at))
        return
    now = seen(client, shop, index, at=at)
    if before is None:
        if copied_from is not None:
            refuse_changed(shop, now.model_copy(update={"home": home_of(copied_from)}), _as_configured(shop, now))
        refuse_too_old(shop, software_of(client))
        states.set_fingerprint(shop.name, now)
        return
    refuse_changed(shop, before, now)
    if before.currency is None and now.currency is not None:
        states.set_fingerprint(shop.name, before.model_copy(update={"currency": now.currency}))


def seen(client: ShopReader, shop: ShopConfig, index: ShopIndex, *, at: datetime) -> Fingerprint:
    """Return what the shop is now; asks it for its currency. `at` is UTC."""
    return fingerprint_of(shop, index, currency_of(client), at=at)


def fingerprint_of(shop: ShopConfig, index: ShopIndex, currency: str | None, *, at: datetime) -> Fingerprint:
    """Return what the shop is by its own words; a shop that names no home has the one we call. `at` is UTC."""
    home = home_of(index.home or index.url or shop.url)
    return Fingerprint(home=home, currency=currency, timezone=index.timezone, seen_at=at)


def currency_of(client: ShopReader) -> str | None:
    """Return the ISO 4217 code of the shop's currency, None where it does not tell (older shops, lesser keys)."""
    try:
        code = client.get(CURRENCY, patience=CURRENCY_PATIENCE).items[0].get("code")
    except ShopError:
        return None
    return code if isinstance(code, str) and code else None


def changes(before: Fingerprint, now: Fingerprint, *, zone_is_set: bool = False) -> list[str]:
    """Return what changed, a phrase each; empty where it is the same shop.

    A shop that moves to HTTPS is the same, and so is one whose currency is not known on one side. An accepted address on
    the loopback is a demo or a tunnel, whose port may change from start to start. With `zone_is_set` the zone is ours to
    say, not the shop's, so that a change of it needs nobody's consent.

    >>> from datetime import UTC, datetime
    >>> old = Fingerprint(home="a.example", currency="EUR", timezone="UTC", seen_at=datetime(2026, 1, 1, tzinfo=UTC))
    >>> changes(old, old.model_copy(update={"home": "b.example"}))
    ['its address from a.example to b.example']
    """
    found = []
    if before.home != now.home and not _on_loopback(before.home):
        found.append(f"its address from {before.home} to {now.home}")
    if before.currency and now.currency and before.currency != now.currency:
        found.append(
            f"its currency from {before.currency} to {now.currency} (sums of the two stay apart, each in its own currency)"
        )
    if before.timezone != now.timezone and not zone_is_set:
        found.append(f"its time zone from {before.timezone} to {now.timezone} (every order's day is worked out anew)")
    return found


def refuse_changed(shop: ShopConfig, before: Fingerprint, now: Fingerprint) -> None:
    """Raise ShopChanged, naming what changed and the command that accepts it, where it is not the same shop."""
    found = changes(before, now, zone_is_set=shop.timezone is not None)
    if found:
        raise ShopChanged(
            f"The shop {shop.name!r} is not as it was when it was accepted: it changed {', '.join(found)}. Nothing was "
            f"read. If that is right, run `{accepting(shop.name)}`; if this is another shop, give it a name of its own "
            "(REGULARS_SHOP, or a table in shops.toml) or another data folder (REGULARS_DATA)."
        )


def accepting(shop: str) -> str:
    """Return the command that accepts the shop as it is now."""
    return f"regulars doctor --accept --shop {shop}"


def home_of(url: str) -> str:
    """Return an address without scheme and trailing slash, its host in small letters.

    >>> home_of("https://Shop.Example.com/Outlet/")
    'shop.example.com/Outlet'
    """
    parts = urlsplit(url if "//" in url else f"//{url}")
    return f"{parts.netloc.lower()}{parts.path}".rstrip("/")


def _as_configured(shop: ShopConfig, now: Fingerprint) -> Fingerprint:
    """Return `now` with the configured address: the one to compare with an address that was configured, too."""
    return now.model_copy(update={"home": home_of(shop.url)})


def _on_loopback(home: str) -> bool:
    return urlsplit(f"//{home}").hostname in LOOPBACK
