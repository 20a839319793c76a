"""How quick the shop is, how much it has, and so how long the first sync takes and how much room it needs."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage
from statistics import median
from typing import Final

import orjson

from regulars.doctor.findings import Visit
from regulars.errors import ShopError
from regulars.shop.client import PER_PAGE, ShopClient
from regulars.shop.port import Item, Params
from regulars.shop.software import FLAT_REFUNDS_SINCE, Software

ASKED: Final[Mapping[str, Params]] = {
    "orders": {"status": "any", "orderby": "id", "order": "asc"},
    "customers": {"role": "all", "orderby": "id", "order": "asc"},
}
REPEATS: Final = 3
SLOW_SECONDS: Final = 8.0
# Two requests at once brought a real shop's pages in about 0.6 of the time; four were no quicker than two.
GAIN: Final = 1.6
# 84 MB of JSON (25,000 orders) made 55 MB of warehouse and 8 MB a published version, of which three are kept; the rest is
# for what the warehouse frees and does not give back at once, and for files while a load is under way.
COPIES: Final = 2.0
LEAST_BYTES: Final = 300_000_000


@dataclass(frozen=True)
class Listing:
    """One listing as measured: `total` records, `seconds` a page of up to 100, `size` bytes of JSON a record."""

    total: int
    seconds: float
    size: float

    @property
    def pages(self) -> int:
        """How many pages of 100 it has; at least one is asked for."""
        return max(1, -(-self.total // PER_PAGE))


def check_pace(visit: Visit, client: ShopClient, software: Software) -> None:
    """Find how quick the shop is, the length of a first sync, and the room it needs here."""
    measured: dict[str, Listing] = {}
    for name, params in ASKED.items():
        visit.now(f"timing a page of 100 {name}")
        try:
            measured[name] = _measure(client, name, params)
        except ShopError as error:
            visit.unsure("speed", f"How quick pages of {name} are could not be told. {error.message}")
            return
    _find_speed(visit, measured)
    visit.now("counting what else there is")
    others = [_others(client, name, params) for name, params in _also(software)]
    requests = sum(each.pages for each in measured.values()) + sum(-(-total // PER_PAGE) for total in others)
    asking = sum(each.pages * each.seconds for each in measured.values())
    asking += sum(-(-total // PER_PAGE) for total in others) * measured["orders"].seconds
    seconds = sync_seconds(requests, asking, at_once=visit.shop.most_at_once, per_minute=visit.shop.requests_per_minute)
    orders, people = measured["orders"].total, measured["customers"].total
    visit.well("first sync", f"{orders:,} orders and {people:,} accounts: a first sync takes {in_words(seconds)}.")
    _check_room(visit, sum(each.total * each.size for each in measured.values()))


def _measure(client: ShopClient, path: str, params: Params) -> Listing:
    """Ask three times for the same page; what the first asking wakes up is not the shop's usual pace."""
    took, items, total = [], list[Item](), 0
    for _ in range(REPEATS):
        started = time.monotonic()
        page = client.page(path, params)
        took.append(time.monotonic() - started)
        items, total = page.items, page.total
    size = sum(len(orjson.dumps(item)) for item in items) / max(1, len(items))
    return Listing(total, median(took), size)


def _find_speed(visit: Visit, measured: Mapping[str, Listing]) -> None:
    said = " and ".join(
        f"a page of {min(PER_PAGE, one.total)} {name} in {one.seconds:.2g} s" for name, one in measured.items()
    )
    if max(one.seconds for one in measured.values()) < SLOW_SECONDS:
        visit.well("speed", f"The shop answers {said}.")
        return
    visit.unsure(
        "speed",
        f"The shop is slow: {said}.",
        "Its host is loaded or small. Set WOOCOMMERCE_REQUESTS_AT_ONCE=1, and make the first sync at night.",
    )


def _also(software: Software) -> list[tuple[str, Params]]:
    flat = software.number is None or software.number >= FLAT_REFUNDS_SINCE
    return [("orders", {"status": "trash"}), ("products", {}), *([("refunds", dict[str, str | int]())] if flat else [])]


def _others(client: ShopClient, path: str, params: Params) -> int:
    try:
        return client.head_total(path, params)
    except ShopError:
        return 0


def sync_seconds(requests: int, asking: float, *, at_once: int, per_minute: int) -> float:
    """Return how long a first sync takes, in seconds: `asking` is what its requests take one after another.

    >>> sync_seconds(100, 160.0, at_once=4, per_minute=0), sync_seconds(100, 160.0, at_once=4, per_minute=25)
    (100.0, 240.0)
    """
    gained = asking / (GAIN if at_once > 1 else 1.0)
    return max(gained, requests * 60.0 / per_minute if per_minute else 0.0)


def in_words(seconds: float) -> str:
    """Return a length of time as people say it.

    >>> [in_words(seconds) for seconds in (20, 70, 1500, 5400, 40000)]
    ['less than a minute', 'about 2 minutes', 'about 25 minutes', 'about 90 minutes', 'about 11 hours']
    """
    if seconds < 60:
        return "less than a minute"
    minutes = -(-seconds // 60)
    return f"about {minutes:.0f} minutes" if minutes <= 120 else f"about {seconds / 3600:.0f} hours"


def _check_room(visit: Visit, size: float) -> None:
    need, free = max(LEAST_BYTES, size * COPIES), free_bytes(visit.settings.data_dir)
    said = f"A copy of this shop takes up to {gigabytes(need)}; {gigabytes(free)} are free."
    if free < need:
        visit.ill("disk", said, "Free some, or name a folder on a larger disk in REGULARS_DATA.")
    else:
        visit.well("disk", said)


def free_bytes(folder: Path) -> int:
    """Return how much is free where `folder` is, or will be made."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    return disk_usage(there).free


def gigabytes(size: float) -> str:
    """Return a size in GB (10^9 bytes), for people.

    >>> gigabytes(1_250_000_000), gigabytes(40e9)
    ('1.2 GB', '40 GB')
    """
    return f"{size / 1e9:.1f} GB" if size < 10e9 else f"{size / 1e9:.0f} GB"
