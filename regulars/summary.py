"""The figures of a published version in a few lines: what `--once` and `sync` print."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape

from regulars.directory.layout import Manifest, current_manifest, scan_table
from regulars.errors import NothingPublished
from transforms.rfm import RFM_GROUPS

GUEST = "guest"
UNREADABLE = "rule cannot be read"


@dataclass(frozen=True)
class Totals:
    """Counted orders of some people in one currency: money exact, in units of that currency."""

    currency: str
    customers: int
    orders: int
    gross: Decimal
    refunded: Decimal
    net: Decimal

    @property
    def figures(self) -> tuple[int | Decimal, ...]:
        """The figures in the order in which they are shown."""
        return (self.customers, self.orders, self.gross, self.refunded, self.net)


@dataclass(frozen=True)
class Summary:
    """A version's figures. `accounts` are people with an account and a counted order, `everyone` adds the guests.

    `groups` and `segments` count people, in the order in which they are shown; None stands for a segment whose rule
    can no longer be read.
    """

    manifest: Manifest
    accounts: list[Totals]
    everyone: list[Totals]
    groups: dict[str, int]
    segments: dict[str, int | None]

    def as_json(self) -> dict[str, Any]:
        """Return it with money as text, so that no reader turns it into floats."""
        manifest = self.manifest.model_dump(mode="json")
        plain = {name: [_plain(totals) for totals in getattr(self, name)] for name in ("accounts", "everyone")}
        return {**manifest, **plain, "rfm_groups": self.groups, "segments": self.segments}


def summarise(folder: Path) -> Summary:
    """Read the current version under a shop's published `folder`. Raises NothingPublished."""
    manifest = current_manifest(folder)
    if manifest is None:
        raise NothingPublished(f"Nothing is published under {folder} yet: run `regulars sync`.")
    version = folder / manifest.version
    spend = scan_table(version, "customer_currencies")
    people = scan_table(version, "customers")
    segments = scan_table(version, "segments").collect()
    counted = people.group_by("rfm_group").len().collect()
    by_group = dict(zip(counted["rfm_group"], counted["len"], strict=True))
    return Summary(
        manifest=manifest,
        accounts=_totals(spend.filter(~pl.col("customer_key").str.starts_with(GUEST))),
        everyone=_totals(spend),
        groups={group: by_group.get(group, 0) for group in RFM_GROUPS},
        segments=dict(zip(segments["name"], segments["people"], strict=True)),
    )


def show(summary: Summary, console: Console) -> None:
    """Print the summary as tables. Figures are never cut: 80 columns hold them, and what is longer runs on."""
    manifest = summary.manifest
    day = manifest.as_of.astimezone(ZoneInfo(manifest.timezone))
    when = f"as of {day:%Y-%m-%d %H:%M} {manifest.timezone}" + ("" if manifest.live else " (a past day, reconstructed)")
    console.print(
        f"\n{escape(manifest.shop_name)} · {when} · version {manifest.version}", style="bold", highlight=False
    )
    _print_table(
        console,
        ["", "currency", "people", "orders", "gross", "refunded", "net"],
        [
            (name, row.currency, *(_figure(figure) for figure in row.figures))
            for name, rows in (("accounts", summary.accounts), ("everyone", summary.everyone))
            for row in rows
        ],
        words=2,
    )
    groups = [(name, _figure(people)) for name, people in summary.groups.items()]
    segments = [(name, UNREADABLE if people is None else _figure(people)) for name, people in summary.segments.items()]
    _print_table(console, ["RFM group", "people"], groups, words=1)
    _print_table(console, ["Segment", "people"], segments, words=1)


def _print_table(console: Console, titles: Sequence[str], rows: Sequence[tuple[str, ...]], *, words: int) -> None:
    """Print a table whose first `words` columns are text, the others figures.

    Rich's own tables cut or break cells to the width of the terminal, and a figure must never lose a digit.
    """
    widths = [max(map(cell_len, column)) for column in zip(titles, *rows, strict=True)]
    console.print()
    for row in (titles, ["─" * width for width in widths], *rows):
        cells = [
            _fill(cell, width, left=index < words) for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        console.print("  ".join(cells).rstrip(), markup=False, highlight=False, soft_wrap=True)


def _fill(cell: str, width: int, *, left: bool) -> str:
    space = " " * (width - cell_len(cell))
    return cell + space if left else space + cell


def _totals(spend: pl.LazyFrame) -> list[Totals]:
    sums = spend.filter(pl.col("orders_count") > 0).group_by("currency")
    rows = sums.agg(
        pl.len().alias("customers"),
        pl.col("orders_count").sum().alias("orders"),
        pl.col("gross", "refunded", "net").sum(),
    ).sort("orders", "currency", descending=[True, False])
    return [Totals(**row) for row in rows.collect().to_dicts()]


def _plain(totals: Totals) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(totals).items()}


def _figure(value: int | Decimal) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    text = f"{value:,.6f}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"{whole}.{cents.ljust(2, '0')}"
