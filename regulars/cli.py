"""`regulars …`: the commands. They start processes and import none of them. Exit: 0 well, 1 failed, 2 bad use."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from regulars.errors import RegularsError, SettingsError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Customer management and customer intelligence for WooCommerce shops.",
)

Shop = Annotated[str | None, typer.Option("--shop", help="Which shop, where several are configured.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Day = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="Compute as of 00:00 of this day in the shop's time zone."),
]
Orders = Annotated[
    Path | None,
    typer.Option("--orders", exists=True, dir_okay=False, readable=True, help="Serve the orders of this Parquet file."),
]


def main() -> None:
    """Run the command; an error of ours is one sentence on standard error."""
    try:
        app()
    except SettingsError as error:
        _fail(error, 2)
    except RegularsError as error:
        _fail(error, 1)


def _fail(error: RegularsError, code: int) -> None:
    Console(stderr=True, soft_wrap=True).print(error.sentence(), markup=False, highlight=False)
    sys.exit(code)


def _console(json: bool = False) -> Console:
    return Console(stderr=json, soft_wrap=True)


@app.command()
def up() -> None:
    """Serve the configured shops: the app, the HTTP side, a first sync, Dagster. Ctrl-C ends all of it."""
    from regulars.settings import load_settings
    from regulars.up import deployment_of
    from regulars.up import up as serve

    settings = load_settings()
    settings.shop(next(iter(settings.shops), None))
    serve(deployment_of(settings, _console()))


@app.command()
def demo(
    orders: Orders = None,
    as_of: Day = None,
    people: Annotated[int, typer.Option(min=1, max=200_000, help="How many people to make up.")] = 2_000,
    once: Annotated[bool, typer.Option("--once", help="Sync, publish, print the figures, stop.")] = False,
    json: Json = False,
) -> None:
    """The same as `up`, with a demo shop."""
    from regulars.demo import Demo, run_demo
    from regulars.summary import summarise

    options = Demo(orders.absolute() if orders else None, as_of.date() if as_of else None, people, once)
    deployment = run_demo(options, _console(json))
    if once and json:
        _print_json(summarise(deployment.paths.published(options.shop_name)).as_json())


@app.command()
def sync(
    shop: Shop = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again, and find what was deleted.")] = False,
    as_of: Day = None,
    json: Json = False,
) -> None:
    """Copy what changed from the shop, derive and publish."""
    from regulars.settings import load_settings
    from regulars.summary import show, summarise
    from regulars.sync import sync as run
    from regulars.up import deployment_of

    settings = load_settings()
    name = settings.shop(shop).name
    deployment = deployment_of(settings, _console(json))
    options = [*(["--full"] if full else []), *(["--as-of", as_of.date().isoformat()] if as_of else [])]
    run(name, deployment.paths.progress(name), deployment.environment, deployment.console, options)
    summary = summarise(deployment.paths.published(name))
    if json:
        _print_json(summary.as_json())
    else:
        show(summary, deployment.console)


@app.command()
def doctor(shop: Shop = None, json: Json = False) -> None:
    """Say what stands between Regulars and the shop, and what to do about it."""
    from regulars.settings import load_settings
    from regulars.shop.doctor import diagnose

    findings = diagnose(load_settings().shop(shop))
    if json:
        _print_json({"findings": [vars(finding) for finding in findings]})
    else:
        console = _console()
        for finding in findings:
            mark = {True: "[green]ok[/]  ", False: "[red]no[/]  ", None: "[yellow]?[/]   "}[finding.ok]
            console.print(mark, end="")
            console.print(f"{finding.check}: {finding.message}", markup=False, highlight=False)
            if finding.advice:
                console.print(f"      {finding.advice}", markup=False, highlight=False)
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


@app.command("demo-order")
def demo_order() -> None:
    """Place an order in the running demo shop, to watch it travel."""
    _act("order")


@app.command("demo-edit")
def demo_edit() -> None:
    """Edit a customer in the running demo shop, to watch it travel."""
    _act("edit-customer")


def _act(what: str) -> None:
    import subprocess

    from regulars.demo import KEY, SECRET
    from regulars.settings import load_settings, process_environment

    url = f"http://127.0.0.1:{load_settings().demo_port}"
    keys = {"DEMO_SHOP_CONSUMER_KEY": KEY, "DEMO_SHOP_CONSUMER_SECRET": SECRET}
    command = [sys.executable, "-m", "demo_shop.act", what, "--url", url]
    raise typer.Exit(subprocess.run(command, env=process_environment(**keys), check=False).returncode)


def _print_json(value: object) -> None:
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


if __name__ == "__main__":
    main()
