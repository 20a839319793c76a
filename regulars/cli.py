"""`regulars …`: the commands. They start processes and import none of them. Exit: 0 well, 1 failed, 2 bad use."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from regulars.commands import doctor, keeping, reconcile, replay, segment, tokens, webhooks
from regulars.commands.answers import Json, Shop, open_console, print_json
from regulars.errors import RegularsError, SettingsError
from regulars.stopping import Stopped, stoppable

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer management and customer intelligence for WooCommerce shops.",
)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write one as 2011-12-10.") from None


Day = Annotated[
    date | None,
    typer.Option(
        "--as-of", parser=_day, metavar="DATE", help="Compute as of 00:00 of this day in the shop's time zone."
    ),
]
Orders = Annotated[
    Path | None,
    typer.Option("--orders", exists=True, dir_okay=False, readable=True, help="Serve the orders of this Parquet file."),
]
Customer = Annotated[int | None, typer.Option("--customer", min=1, help="The customer's id; a random one by default.")]


def main() -> None:
    """Run the command; what went wrong is one sentence on standard error."""
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], prog_name="regulars", standalone_mode=False))
    except typer.TyperException as error:
        said = error.format_message().strip()
        said = f"{said.removesuffix('.')}. " if said else ""  # no word where the command's help was printed
        _fail(f"{said}`regulars --help` lists the commands, --help after one its options.", 2)
    except SettingsError as error:
        _fail(error.sentence(), 2)
    except RegularsError as error:
        _fail(error.sentence(), 1)
    except (Stopped, KeyboardInterrupt, typer.Abort):
        _fail("Stopped before it was done.", 1)


def _fail(sentence: str, code: int) -> None:
    Console(stderr=True, soft_wrap=True).print(sentence, markup=False, highlight=False)
    sys.exit(code)


@contextmanager
def _serving(console: Console) -> Iterator[None]:
    """Serve until somebody asks for the end, which is how serving ends well."""
    with stoppable():
        try:
            yield
        except Stopped:
            console.print("Stopped.")


@app.command()
def up() -> None:
    """Serve the configured shops: the app, the HTTP side, a first sync, Dagster. Ctrl-C ends all of it."""
    console = open_console()
    with _serving(console):
        from regulars.settings import load_settings
        from regulars.up import deployment_of
        from regulars.up import up as serve

        settings = load_settings()
        settings.shop(next(iter(settings.shops), None))
        serve(deployment_of(settings, console))


@app.command()
def demo(
    orders: Orders = None,
    as_of: Day = None,
    people: Annotated[int, typer.Option(min=1, max=200_000, help="How many people to make up.")] = 2_000,
    once: Annotated[bool, typer.Option("--once", help="Sync, publish, print the figures, stop.")] = False,
    json: Json = False,
) -> None:
    """The same as `up`, with a demo shop."""
    console = open_console(json)
    with stoppable() if once else _serving(console):
        from regulars.demo import Demo, run_demo

        published = run_demo(Demo(orders.absolute() if orders else None, as_of, people, once), console)
        _print_summary(published, console, json)


@app.command()
def sync(
    shop: Shop = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again, and find what was deleted.")] = False,
    as_of: Day = None,
    json: Json = False,
) -> None:
    """Copy what changed from the shop, derive and publish."""
    with stoppable():
        from regulars.settings import load_settings
        from regulars.sync import sync as run
        from regulars.up import deployment_of

        settings = load_settings()
        name = settings.shop(shop).name
        deployment = deployment_of(settings, open_console(json))
        options = [*(["--full"] if full else []), *(["--as-of", as_of.isoformat()] if as_of else [])]
        run(name, deployment.paths.progress(name), deployment.environment, deployment.console, options)
        _print_summary(deployment.paths.published(name), deployment.console, json)


@app.command("demo-order")
def demo_order(customer: Customer = None) -> None:
    """Place an order in the running demo shop, to watch it travel."""
    _act("order", customer)


@app.command("demo-edit")
def demo_edit(customer: Customer = None) -> None:
    """Edit a customer in the running demo shop, to watch it travel."""
    _act("edit-customer", customer)


def _act(what: str, customer: int | None) -> None:
    import subprocess

    from regulars.demo import KEY, SECRET
    from regulars.settings import load_settings, process_environment

    url = f"http://127.0.0.1:{load_settings().demo_port}"
    keys = {"DEMO_SHOP_CONSUMER_KEY": KEY, "DEMO_SHOP_CONSUMER_SECRET": SECRET}
    who = ["--id", str(customer)] if customer else []
    command = [sys.executable, "-m", "demo_shop.act", what, "--url", url, *who]
    raise typer.Exit(subprocess.run(command, env=process_environment(**keys), check=False).returncode)


def _print_summary(published: Path, console: Console, json: bool) -> None:
    from regulars.summary import show, summarise

    summary = summarise(published)
    if json:
        print_json(summary.as_json())
    else:
        show(summary, console)


app.command()(doctor.doctor)
app.command()(keeping.backup)
app.command()(keeping.restore)
app.command()(reconcile.reconcile)
app.command()(replay.replay)
app.command()(segment.segment)
app.add_typer(tokens.app, name="token")
app.add_typer(webhooks.app, name="webhooks")


if __name__ == "__main__":
    main()
