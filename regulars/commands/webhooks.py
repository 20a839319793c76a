"""`regulars webhooks …`: the shop's webhooks that tell us of changes, over the shop's API."""

# ruff: noqa: PLC0415 - each command imports what it needs, so that --help answers at once

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regulars.commands.answers import Json, Shop, print_json, say

if TYPE_CHECKING:
    from datetime import datetime

    from regulars.models import ShopConfig
    from regulars.settings import Settings
    from regulars.shop.webhooks import WebhookClient, Webhooks

app = typer.Typer(help="The shop's webhooks that tell us of changes.", no_args_is_help=True)

Url = Annotated[
    str | None,
    typer.Option("--url", help="The address under which the shop reaches us; REGULARS_PUBLIC_URL where not given."),
]
MEANINGS = {
    "active": "active",
    "paused": "paused: nothing is delivered, and what happens meanwhile is never told",
    "disabled": "disabled by the shop after deliveries that failed: what happens meanwhile is never told",
    "absent": "absent: the shop tells nothing of this",
}


@dataclass(frozen=True)
class _At:
    """One shop, and `url` under which it reaches us, None where nobody said."""

    settings: "Settings"
    shop: "ShopConfig"
    url: str | None
    client: "WebhookClient"

    @property
    def base(self) -> str:
        """The address, without its topic, that the shop is to deliver to. Raises SettingsError where nobody said."""
        from regulars.shop.webhooks import delivery_base

        return delivery_base(self.shop.name, self.url)

    def look(self) -> "Webhooks":
        """Return our webhooks as they are now; those of any address of ours where nobody said which is right."""
        from regulars.shop.webhooks import look

        return look(self.client, self.shop.name, self.base if self.url else None)


@app.command()
def install(shop: Shop = None, url: Url = None, json: Json = False) -> None:
    """Create the webhooks that are absent, each with a secret of its own. Needs a key with Read/Write."""
    from regulars.shop.webhooks import install as create

    with _at(shop, url) as at:
        created = create(at.client, at.shop, at.base)
        now = at.look()
        _remember(at, now)
    if json:
        print_json({**_told(at, now), "created": created})
        return
    say(f"Created: {', '.join(created)}." if created else "All webhooks were there already.")
    _say_states(at, now)


@app.command()
def status(shop: Shop = None, url: Url = None, json: Json = False) -> None:
    """Say how each of our webhooks stands in the shop. Exit code 1 where one is not active."""
    with _at(shop, url) as at:
        now = at.look()
    arrived = _last_arrival(at)
    if json:
        print_json({**_told(at, now), "last_delivery_at": arrived.isoformat() if arrived else None})
    else:
        _say_states(at, now)
        say(f"Last delivery taken: {arrived:%Y-%m-%d %H:%M} UTC." if arrived else "No delivery was taken in 30 days.")
    if any(state.status != "active" for state in now.states):
        raise typer.Exit(1)


@app.command()
def repair(shop: Shop = None, url: Url = None, json: Json = False) -> None:
    """Make each webhook one that is active, delivers here and has the present secret. Needs a key with Read/Write."""
    from regulars.shop.webhooks import repair as mend

    with _at(shop, url) as at:
        done = mend(at.client, at.shop, at.base)
        now = at.look()
        _remember(at, now)
    if json:
        print_json({**_told(at, now), **asdict(done)})
        return
    for word, which in (
        ("Created", done.created),
        ("Moved here from another address", done.moved),
        ("Given the present secret and made active", done.mended),
        ("Deleted as doubles, by id", done.removed),
    ):
        if which:
            say(f"{word}: {', '.join(map(str, which))}.")
    if done.silent:
        say(f"Nothing was told of {', '.join(done.silent)} until now: what happened meanwhile is not here yet.")
        say(f"  regulars sync --shop {at.shop.name}        brings the orders that changed, within minutes")
        say(f"  regulars reconcile --shop {at.shop.name}   finds everything, deletions too; it also runs each night")
    _say_states(at, now)


@contextmanager
def _at(name: str | None, url: str | None) -> Iterator[_At]:
    from regulars.settings import load_settings
    from regulars.shop.webhooks import WebhookClient

    settings = load_settings()
    shop = settings.shop(name)
    with closing(WebhookClient(shop)) as client:
        yield _At(settings, shop, url or settings.public_url, client)


def _last_arrival(at: _At) -> "datetime | None":
    """Return when the last delivery of the shop that is to be merged was taken, None where none is kept or known."""
    from regulars.errors import RegularsError
    from regulars.inbox import open_inbox

    try:
        with open_inbox(at.settings) as inbox:
            rows = inbox.pending(at.shop.name, inbox.last_seq(at.shop.name) - 1, limit=1)
    except RegularsError:
        return None
    return rows[0].received_at if rows else None


def _remember(at: _At, now: "Webhooks") -> None:
    """Let the screens know at once; they would by themselves within minutes, so that no trouble here is one."""
    from regulars.errors import RegularsError
    from regulars.records import open_records

    try:
        with open_records(at.settings) as records:
            records.set_webhooks(at.shop.name, now.states)
    except RegularsError:
        return


def _told(at: _At, now: "Webhooks") -> dict[str, Any]:
    return {
        "shop": at.shop.name,
        "delivery_base": at.base if at.url else None,
        "webhooks": [state.model_dump(mode="json") for state in now.states],
        "doubles": [asdict(hook) for hook in now.doubles],
        "elsewhere": [asdict(hook) for hook in now.elsewhere],
    }


def _say_states(at: _At, now: "Webhooks") -> None:
    where = (
        f"that deliver to {at.base}/<topic>" if at.url else "at any address of ours (REGULARS_PUBLIC_URL is not set)"
    )
    say(f"Webhooks of {at.shop.name} {where}:")
    for state in now.states:
        number = f"id {state.webhook_id}" if state.webhook_id else ""
        say(f"  {state.topic:18} {number:8} {MEANINGS[state.status]}")
    for hook in now.doubles:
        double = "a double: `regulars webhooks repair` deletes it" if at.url else f"one more, to {hook.url}"
        say(f"  {hook.topic:18} {f'id {hook.id}':8} {hook.status}, {double}")
    if now.elsewhere:
        say("Others with our path deliver to another address (an old one of ours, or another installation's):")
    for hook in now.elsewhere:
        say(f"  {hook.topic:18} {f'id {hook.id}':8} {hook.status}, to {hook.url}")
    if any(state.status != "active" for state in now.states):
        say("`regulars webhooks repair` mends all of them.")
