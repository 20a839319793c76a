"""`regulars token …`: who may call the API from elsewhere."""

# ruff: noqa: PLC0415 - each command imports what it needs, so that --help answers at once

from typing import TYPE_CHECKING, Annotated, Any

import typer

from regulars.commands.answers import Json, print_json, say

if TYPE_CHECKING:
    from regulars.models import ApiToken

app = typer.Typer(help="Bearer tokens for callers of the API that are not on this machine.", no_args_is_help=True)


@app.command()
def add(name: Annotated[str, typer.Argument(help="Who or what will use it.")], json: Json = False) -> None:
    """Make a token and print its secret, this once."""
    from regulars.records import open_records
    from regulars.settings import load_settings

    with open_records(load_settings()) as records:
        token, secret = records.add_token(name)
    if json:
        print_json({**_told(token), "secret": secret})
    else:
        say(f"Token {token.id} for {token.name}. Its secret is shown this once; send it as `Authorization: Bearer …`:")
        say(secret)


@app.command("list")
def list_tokens(json: Json = False) -> None:
    """List all tokens, the revoked ones too; their secrets are kept nowhere."""
    from regulars.records import open_records
    from regulars.settings import load_settings

    with open_records(load_settings()) as records:
        tokens = records.tokens()
    if json:
        print_json({"tokens": [_told(token) for token in tokens]})
        return
    for token in tokens:
        state = f"revoked {token.revoked_at:%Y-%m-%d %H:%M} UTC" if token.revoked_at else "valid"
        say(f"{token.id:>4}  made {token.created_at:%Y-%m-%d %H:%M} UTC  {state}  {token.name}")
    if not tokens:
        say("There is no token. `regulars token add NAME` makes one.")


@app.command()
def revoke(
    token_id: Annotated[int, typer.Argument(metavar="ID", help="The number that `regulars token list` shows.")],
    json: Json = False,
) -> None:
    """Revoke a token for good: calls with it are refused from now on."""
    from regulars.records import open_records
    from regulars.settings import load_settings

    with open_records(load_settings()) as records:
        token = records.revoke_token(token_id)
    if json:
        print_json(_told(token))
    else:
        say(f"Token {token.id} for {token.name} is revoked.")


def _told(token: "ApiToken") -> dict[str, Any]:
    return token.model_dump(mode="json")
