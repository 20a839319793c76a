"""`regulars replay`: read dead letters again, or queue what was received once more."""

# ruff: noqa: PLC0415 - each command imports what it needs, so that --help answers at once

from typing import Annotated

import typer

from regulars.commands.answers import Json, Shop, print_json, say

Dead = Annotated[bool, typer.Option("--dead", help="Read the deliveries again that could not be understood.")]


def replay(dead: Dead = False, shop: Shop = None, json: Json = False) -> None:
    """Queue the last delivery about each order and customer again, of the 30 days that are kept. Nothing has to stop.

    For a warehouse that was lost or set back: the next sync asks the shop for each of them. With --dead, deliveries that
    could not be understood are read with the rules of this version instead.
    """
    from regulars.inbox import open_inbox
    from regulars.settings import load_settings

    settings = load_settings()
    name = settings.shop(shop).name
    with open_inbox(settings) as inbox:
        if not dead:
            _say_queued(name, inbox.queue_again(name), json)
            return
        read = inbox.read_again(name)
    if json:
        print_json({"shop": name, "understood": read.understood, "left": read.left})
        return
    if not read.understood and not read.left:
        say("No dead letter is kept, so there is nothing to read again.")
        return
    say(f"{read.understood:,} of {read.understood + sum(read.left.values()):,} dead letters are understood now.")
    for reason, count in sorted(read.left.items()):
        say(f"  {count:>7,} stay: {reason}")
    if read.left:
        say(
            "Which object they were about cannot be told safely. `regulars reconcile` compares everything with the shop."
        )


def _say_queued(name: str, count: int, json: bool) -> None:
    if json:
        print_json({"shop": name, "queued": count})
    elif not count:
        say(
            "No delivery is kept, so there is nothing to queue again. `regulars reconcile` compares everything with the shop."
        )
    else:
        say(
            f"Queued again: the last delivery about each of {count:,} orders and customers. The next sync asks for them."
        )
