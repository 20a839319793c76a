"""How commands answer: JSON on standard output, sentences on a console."""

import sys
from typing import Annotated

import orjson
import typer
from rich.console import Console

Shop = Annotated[str | None, typer.Option("--shop", help="Which shop, where several are configured.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


def open_console(json: bool = False) -> Console:
    """Return where sentences go: standard error where standard output is for JSON."""
    return Console(stderr=json, soft_wrap=True)


def print_json(value: object) -> None:
    """Print the result as JSON."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


def say(sentence: str) -> None:
    """Print a sentence as it is: nothing in it is markup."""
    open_console().print(sentence, markup=False, highlight=False)
