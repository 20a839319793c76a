"""`regulars doctor`."""

# ruff: noqa: PLC0415 - each command imports what it needs, so that --help answers at once

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from regulars.commands.answers import Json, open_console, print_json

if TYPE_CHECKING:
    from regulars.doctor.findings import Finding
    from regulars.settings import Settings

MARKS = {True: "[green]ok[/]  ", False: "[red]no[/]  ", None: "[yellow]?[/]   "}

Shop = Annotated[str | None, typer.Option("--shop", help="Which shop; all of them by default.")]
Accept = Annotated[
    bool, typer.Option("--accept", help="Accept the shop's address, currency and time zone as they are now.")
]


def doctor(shop: Shop = None, accept: Accept = False, json: Json = False) -> None:
    """Say what stands between Regulars and the shops, and what to do about it."""
    from regulars.settings import load_settings

    settings = load_settings()
    if accept:
        _accept(settings, settings.shop(shop).name, json)
        return
    findings = _diagnose(settings, shop)
    if json:
        print_json({"findings": [vars(finding) for finding in findings]})
    else:
        _show(findings, open_console())
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


def _diagnose(settings: "Settings", shop: str | None) -> "list[Finding]":
    from regulars.doctor.diagnose import diagnose

    if shop is None and not settings.broken_shops and not settings.shops:
        settings.shop()  # raises what to set
    every = sorted({*settings.broken_shops, *(settings.shops if _any_whole(settings) else ())})
    # What is being asked is for somebody who waits at a terminal; it is no part of the result.
    with Console(stderr=True).status("looking", spinner="dots") as status:
        return diagnose(settings, every if shop is None else [shop], say=status.update)


def _any_whole(settings: "Settings") -> bool:
    from regulars.errors import SettingsError

    try:
        return bool(settings.shops)
    except SettingsError:  # each of them is broken, which is what the findings say
        return False


def _accept(settings: "Settings", shop: str, json: bool) -> None:
    from regulars.doctor.identity import accept, in_words

    now, changed = accept(settings, shop)
    if json:
        print_json({"shop": shop, "accepted": now.model_dump(mode="json", exclude={"seen_at"}), "changed": changed})
        return
    console = open_console()
    console.print(f"{shop} is accepted as it is now: {in_words(now)}.", markup=False, highlight=False)
    for change in changed:
        console.print(f"It changed {change}.", markup=False, highlight=False)


def _show(findings: "list[Finding]", console: Console) -> None:
    """Print the findings, a heading for each shop."""
    before: str | None = ""
    for finding in findings:
        if finding.shop != before:
            console.print(f"\n{finding.shop or 'This machine'}", markup=False, highlight=False, style="bold")
            before = finding.shop
        console.print(MARKS[finding.ok], end="")
        console.print(f"{finding.check}: {finding.message}", markup=False, highlight=False)
        if finding.advice:
            console.print(f"      {finding.advice}", markup=False, highlight=False)
