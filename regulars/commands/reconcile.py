"""`regulars reconcile`: compare everything with the shop, mend what differs, say what differed."""

# ruff: noqa: PLC0415 - each command imports what it needs, so that --help answers at once

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from regulars.commands.answers import Json, Shop, open_console, print_json, say
from regulars.drift import OBJECTS, WAYS, differing
from regulars.errors import RecordNotFound
from regulars.stopping import stoppable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.models import Drift, SyncRun
    from regulars.settings import Settings

Believe = Annotated[
    bool, typer.Option("--believe", help="Take the shop's word, though a large part of its records is gone.")
]


def reconcile(shop: Shop = None, believe: Believe = False, json: Json = False) -> None:
    """Compare everything with the shop, mend what differs, and print how many records differed.

    Exit code 1 where records differ still, or where the shop suddenly lacks so much that it was not believed.
    """
    with stoppable():
        from regulars.settings import load_settings
        from regulars.sync import sync
        from regulars.up import deployment_of

        settings = load_settings()
        name, began = settings.shop(shop).name, datetime.now(UTC)
        deployment = deployment_of(settings, open_console(json))
        options = ["--reconcile", *(["--believe"] if believe else [])]
        sync(name, deployment.paths.progress(name), deployment.environment, deployment.console, options)
        run = _told(settings, name, began)
    drift = run.drift or ()
    before, after = differing(drift)
    if json:
        kinds = [one.model_dump(mode="json") for one in drift]
        found = {"before": before, "after": after, "kinds": kinds}
        print_json({"shop": name, **found, "seconds": run.seconds, "message": run.message})
    else:
        _show(drift, before, after, doubted=bool(run.message))
    if after or run.message:
        raise typer.Exit(1)


def _told(settings: "Settings", shop: str, began: datetime) -> "SyncRun":
    """Return the reconcile that has just ended, from the history."""
    from regulars.records import open_records

    with open_records(settings) as records:
        for run in records.syncs(shop):
            if run.kind == "reconcile" and run.finished_at >= began:
                return run
    raise RecordNotFound(
        "Everything was compared, but the records could not take down what was found; Dagster shows it under the assets "
        "raw/orders and raw/customers."
    )


def _show(drift: "Sequence[Drift]", before: int, after: int, *, doubted: bool) -> None:
    if drift:
        table = Table("", "differed in", "before", "after", box=None, pad_edge=False)
        for one in drift:
            table.add_row(OBJECTS[one.object], WAYS[one.kind], f"{one.before:,}", f"{one.after:,}")
        open_console().print(table)
    say(_sentence(before, after, doubted=doubted))


def _sentence(before: int, after: int, *, doubted: bool = False) -> str:
    """Return the result in words.

    >>> _sentence(0, 0), _sentence(1, 0)
    ('0 records differ from the shop.', '0 records differ from the shop; 1 did, and was mended.')
    >>> _sentence(3, 1)
    '1 record still differs from the shop; before, 3 did. The log of the run names what the shop cannot show.'
    """
    if not after:
        mended = f"; {before:,} did, and {'was' if before == 1 else 'were'} mended" if before else ""
        return f"0 records differ from the shop{mended}."
    left = "1 record still differs" if after == 1 else f"{after:,} records still differ"
    why = "" if doubted else " The log of the run names what the shop cannot show."
    return f"{left} from the shop; before, {before:,} did.{why}"
