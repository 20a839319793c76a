"""The figures on the terminal and as JSON: whole, exact, and the same however wide the window is."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from regulars.errors import NothingPublished
from regulars.summary import show, summarise
from tests.regulars.directory.builders import a_buyer, a_person, also_in, publish_people

SEGMENT = {"shop": "demo", "segment_id": "vip", "rule": "m = 5"}
BIG = a_buyer(1, net="16404718.708", refunded="1026832.47") | {"orders_count": 36_969}


def published(folder: Path, people: Sequence[dict[str, Any]], **more: Any) -> Path:
    """Publish people and return the folder."""
    publish_people(folder, people, **more)
    return folder


def printed(folder: Path, width: int, *, terminal: bool = False) -> str:
    """Return what is printed at a width."""
    console = Console(file=io.StringIO(), width=width, soft_wrap=True, force_terminal=terminal, color_system=None)
    show(summarise(folder), console)
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [20, 80, 200])
def test_no_figure_loses_a_digit(tmp_path: Path, width: int, terminal: bool) -> None:
    """A total cut to the window's width is a wrong total."""
    text = printed(published(tmp_path, [BIG]), width, terminal=terminal)

    (accounts,) = [line.split() for line in text.splitlines() if line.startswith("accounts")]
    assert accounts == ["accounts", "EUR", "1", "36,969", "17,431,551.178", "1,026,832.47", "16,404,718.708"]


def test_a_segment_whose_rule_cannot_be_read_is_named_among_the_others(tmp_path: Path) -> None:
    """A field may go with a new version; the sync that meets the old rule must still end with its figures."""
    broken = SEGMENT | {"name": "Old rule", "people": None}
    text = printed(
        published(tmp_path, [BIG], segments=[broken, SEGMENT | {"name": "VIP", "segment_id": "v", "people": 0}]), 80
    )

    shown = [line.split("  ")[0] + "|" + line.split("  ")[-1].strip() for line in text.splitlines()]
    assert {"Old rule|rule cannot be read", "VIP|0"} <= set(shown)


def test_a_large_shop_fits_80_columns(tmp_path: Path) -> None:
    """The width of a terminal that nobody made wider."""
    lines = printed(published(tmp_path, [BIG]), 80).splitlines()

    assert max(len(line) for line in lines if "version" not in line) <= 80


def test_people_are_counted_once_a_currency_and_guests_apart(tmp_path: Path) -> None:
    """Money of two currencies is never added, and who has no order is not a customer yet."""
    both = a_buyer(1, orders=2, net="10.50")
    guest = a_buyer(2, orders=1, net="4.00", customer_key="guest:ab", woocommerce_id=None)
    summary = summarise(
        published(tmp_path, [both, guest, a_person(3)], more_currencies=[also_in(both, "USD", "7.25")])
    ).as_json()

    def figures(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        return [(row["currency"], row["customers"], row["orders"], row["net"]) for row in rows]

    assert figures(summary["accounts"]) == [("EUR", 1, 2, "10.500000"), ("USD", 1, 1, "7.250000")]
    assert figures(summary["everyone"]) == [("EUR", 2, 3, "14.500000"), ("USD", 1, 1, "7.250000")]
    assert sum(summary["rfm_groups"].values()) == 2


def test_json_holds_money_as_text(tmp_path: Path) -> None:
    """A reader that takes numbers would make floats of them, and cents would be lost on large sums."""
    (row,) = summarise(published(tmp_path, [BIG])).as_json()["accounts"]

    assert (row["gross"], row["refunded"], row["net"]) == ("17431551.178000", "1026832.470000", "16404718.708000")


def test_the_day_is_told_in_the_shops_time(tmp_path: Path) -> None:
    """Midnight in Berlin is 23:00 UTC: nobody should have to work out which day was meant."""
    live = printed(published(tmp_path / "live", [BIG]), 80)
    past = printed(published(tmp_path / "past", [BIG], about={"live": False}), 80)

    assert "as of 2026-11-12 00:00 Europe/Berlin · version" in live
    assert "as of 2026-11-12 00:00 Europe/Berlin (a past day, reconstructed) · version" in past


def test_names_are_printed_as_they_are(tmp_path: Path) -> None:
    """People name segments and shops; brackets are no colours, and wide letters take two columns."""
    segments = [
        {**SEGMENT, "name": "[red]hot[/red]", "people": 3},
        {**SEGMENT, "segment_id": "jp", "name": "常連のお客様", "people": 12},
    ]
    text = printed(published(tmp_path, [BIG], segments=segments, about={"shop_name": "Tea [bold] & Co"}), 80)

    assert "Tea [bold] & Co · as of" in text
    assert "[red]hot[/red]       3" in text
    assert "常連のお客様        12" in text


def test_nothing_published_says_what_to_do(tmp_path: Path) -> None:
    """The first thing a newcomer may try."""
    with pytest.raises(NothingPublished, match="run `regulars sync`"):
        summarise(tmp_path)
