"""`regulars segment RULE`: how many people a rule describes, now or as of a past day, and all of them as a file."""

# ruff: noqa: PLC0415 - each command imports what it needs, so that --help answers at once

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from regulars.commands.answers import Json, Shop, open_console, print_json, say
from regulars.errors import DataFolderError, NothingPublished, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from regulars.directory.layout import Manifest
    from regulars.records.ports import Records
    from regulars.settings import Settings
    from transforms.rules import Rule

SAMPLE = 10
SUFFIXES = (".csv", ".parquet")

RuleText = Annotated[
    str, typer.Argument(metavar="RULE", help="Such as 'orders_count >= 3', or a criteria object in JSON.")
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write everybody into this .csv or .parquet file.")
]
Force = Annotated[bool, typer.Option("--force", help="Write over the file that --out names, if it is there.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="Reconstruct 00:00 of this day in the shop's time zone."),
]


@dataclass(frozen=True)
class Found:
    """Whom a rule describes. `people` is by net, the highest first, and may be the first ten alone (see `total`)."""

    rule: str
    total: int
    net: Mapping[str, Decimal]
    people: "pl.DataFrame"
    without_past: Sequence[str] = ()


def segment(
    rule: RuleText,
    *,
    as_of: AsOf = None,
    out: Out = None,
    force: Force = False,
    shop: Shop = None,
    json: Json = False,
) -> None:
    """Count the people whom RULE describes, with their net by currency; show up to ten, write all with --out."""
    from regulars.directory.not_derived import NotYetDerived
    from regulars.paths import DataPaths
    from regulars.records import open_records
    from regulars.settings import load_settings
    from transforms.rules import RuleError

    if out is not None and out.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(f"--out ends in {' or '.join(SUFFIXES)}, not {out.suffix!r}.")
    if out is not None and out.exists() and not force:
        raise typer.BadParameter(f"{out} is there already; --force writes over it.")
    settings = load_settings()
    name = _shop(settings, shop)
    folder = DataPaths(settings.data_dir).published(name)
    about = _manifest(folder)
    instant = _instant(as_of, about)
    with open_records(settings) as records:
        try:
            asked = _read(rule)
            found = (
                _today(settings, name, asked, records, everybody=out is not None)
                if instant is None
                else _then(folder, about, asked, records, instant, everybody=out is not None)
            )
        except NotYetDerived:
            raise  # nothing is wrong with the question
        except RuleError as error:
            raise typer.BadParameter(error.told) from None
    if out is not None:
        _write(found.people, out, about.timezone)
    if json:
        print_json(_as_json(found, name, about, instant, out))
    else:
        _show(found, about, instant, out)


def _shop(settings: "Settings", asked: str | None) -> str:
    """Return the shop that is meant: a configured one, or one that has published data here. Raises SettingsError."""
    from regulars.paths import DataPaths

    published = {entry.name for entry in (DataPaths(settings.data_dir).root / "published").glob("*") if entry.is_dir()}
    shops = sorted({*settings.shops, *published})
    if asked is None and len(shops) == 1:
        return shops[0]
    if asked in shops and asked is not None:
        return asked
    if asked is None and shops:
        raise SettingsError(f"Several shops are here; name one of: {', '.join(shops)} (--shop NAME).")
    return settings.shop(asked).name  # raises, with what would be right


def _manifest(folder: Path) -> "Manifest":
    from regulars.directory.layout import current_manifest

    about = current_manifest(folder)
    if about is None:
        raise NothingPublished("Nothing is published yet: `regulars sync` first.")
    return about


def _instant(as_of: str | None, about: "Manifest") -> datetime | None:
    """Return the instant that --as-of means. Raises BadParameter for what is no day, or one after the version's."""
    from transforms.days import as_of_for_day, zone

    if as_of is None:
        return None
    try:
        instant = as_of_for_day(date.fromisoformat(as_of), about.timezone)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{as_of!r} is no day; write one as 2011-12-10.") from None
    if instant > about.as_of:
        last = about.as_of.astimezone(zone(about.timezone)).date().isoformat()
        raise typer.BadParameter(f"The published data are as of {last}; --as-of takes that day or one before it.")
    return instant


def _read(text: str) -> "Rule":
    """Return the rule of a text, or of a criteria object. Raises RuleError."""
    import orjson

    from transforms.rules import RuleError, from_criteria, parse

    if not text.lstrip().startswith("{"):
        return parse(text)
    try:
        criteria = orjson.loads(text)
    except orjson.JSONDecodeError:
        right = '{"orders_count": {"min": 3}}'
        raise RuleError(f"The criteria object is not JSON; right would be one such as {right}.") from None
    return from_criteria(criteria)


def _today(settings: "Settings", shop: str, rule: "Rule", records: "Records", *, everybody: bool) -> Found:
    from regulars.directory import open_directory
    from regulars.directory.query import PeopleQuery
    from transforms.rules import STARTING_SEGMENTS, to_text

    records.ensure_shop(shop, STARTING_SEGMENTS)
    directory = open_directory(settings, shop, records)
    try:
        count = directory.count(rule)
        people = directory.everyone(PeopleQuery(rule=rule)) if everybody else count.sample
    finally:
        directory.close()
    return Found(to_text(rule), count.people, count.net, people)


def _then(
    folder: Path, about: "Manifest", rule: "Rule", records: "Records", as_of: datetime, *, everybody: bool
) -> Found:
    from regulars.directory.layout import scan_table
    from regulars.directory.overlay import read_overlay, same_address
    from regulars.directory.past import reconstruct
    from transforms.rules import STARTING_SEGMENTS, to_text, todays_values
    from transforms.schemas import MARTS

    records.ensure_shop(about.shop, STARTING_SEGMENTS)
    try:
        tables = {table: scan_table(folder / about.version, table) for table in MARTS}
        overlay = read_overlay(records, about.shop, same_address(tables["identities"]))
        most = None if everybody else SAMPLE
        then = reconstruct(tables, rule, overlay, as_of=as_of, timezone=about.timezone, most=most)
    except FileNotFoundError:
        raise DataFolderError("The published files were replaced meanwhile; ask again.") from None
    return Found(to_text(rule), then.total, then.net, then.people, todays_values(rule, overlay.segments))


def _write(people: "pl.DataFrame", out: Path, timezone: str) -> None:
    """Write everybody; the file is there whole or not at all. Raises DataFolderError."""
    from regulars import exports

    content = exports.to_csv(people, timezone=timezone) if out.suffix.lower() == ".csv" else exports.to_parquet(people)
    with _told(out):
        temporary = out.with_name(f".{out.name}.new")
        try:
            temporary.touch(mode=0o600)  # it holds names and addresses
            temporary.write_bytes(content)
            temporary.replace(out)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _told(out: Path) -> "Iterator[None]":
    try:
        yield
    except OSError as error:
        raise DataFolderError(f"{out} cannot be written: {error.strerror or type(error).__name__}.") from None


def _day(about: "Manifest", instant: datetime) -> str:
    from transforms.days import zone

    return instant.astimezone(zone(about.timezone)).date().isoformat()


def _as_json(found: Found, shop: str, about: "Manifest", instant: datetime | None, out: Path | None) -> dict[str, Any]:
    sample = [
        {"key": row["customer_key"], "name": row["name"], "net": str(row["net"]), "currency": row["currency"]}
        for row in found.people.head(SAMPLE).iter_rows(named=True)
    ]
    return {
        "shop": shop,
        "rule": found.rule,
        "as_of": _day(about, instant or about.as_of),
        "how": "current" if instant is None else "reconstructed",
        "without_past": list(found.without_past),
        "people": found.total,
        "net": {currency: str(net) for currency, net in found.net.items()},
        "sample": sample,
        "out": None if out is None else str(out),
    }


def _show(found: Found, about: "Manifest", instant: datetime | None, out: Path | None) -> None:
    money = ", ".join(f"{net:,.2f} {currency}" for currency, net in found.net.items()) or "nothing"
    people = "1 person" if found.total == 1 else f"{found.total:,} people"
    when = "now" if instant is None else f"reconstructed as of {_day(about, instant)}"
    say(f"{people}, {when}; net {money}.")
    if found.without_past:
        say(f"Today's values, since they have no past here: {', '.join(found.without_past)}.")
    if found.total:
        table = Table("name", "net", "key", box=None, pad_edge=False)
        for row in found.people.head(SAMPLE).iter_rows(named=True):
            net = "" if row["currency"] is None else f"{row['net']:,.2f} {row['currency']}"
            table.add_row(*(_plain(cell) for cell in (row["name"], net, row["customer_key"])))
        open_console().print(table)
    if out is not None:
        say(f"Everybody is in {out}.")


def _plain(text: str) -> Any:
    """Return a cell as it is: names are anybody's, and neither markup nor control characters reach the terminal."""
    from rich.text import Text

    return Text("".join(letter if letter.isprintable() else " " for letter in text))
