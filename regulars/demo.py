"""The demo: a shop of made-up people, or of a file of real orders, served over HTTP and connected like any other."""

import os
import re
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from rich.console import Console

from regulars.errors import ShopError
from regulars.models import ShopConfig
from regulars.processes import Children, refuse_taken_ports, wait_for_http
from regulars.settings import Settings, load_settings
from regulars.shop.webhooks import delivery_base, install_webhooks
from regulars.sync import sync
from regulars.up import Deployment, deployment_of, our_ports, owned, serve, watch

# The demo shop's keys guard made-up people on the loopback address; they are fixed so that commands can be repeated.
KEY = "ck_demo000000000000000000000000000000000001"
SECRET = "cs_demo000000000000000000000000000000000002"  # noqa: S105
NO_SHOPS_FILE = "no-shops.toml"
START_SECONDS = 180.0


@dataclass(frozen=True)
class Demo:
    """What the demo shop sells from: a file of orders, or `people` made up from a seed."""

    orders: Path | None = None
    as_of: date | None = None
    people: int = 2_000
    once: bool = False

    @property
    def shop_name(self) -> str:
        """The shop's name in paths: each file has its own, so that data folders do not mix two histories."""
        if self.orders is None:
            return "demo"
        return f"demo-{re.sub(r'[^a-z0-9]+', '-', self.orders.stem.lower()).strip('-')}"[:40]

    def server_options(self, settings: Settings) -> list[str]:
        """Return the arguments of `python -m demo_shop`."""
        where = ["--host", "127.0.0.1", "--port", str(settings.demo_port)]
        return [*where, *(["--orders", str(self.orders)] if self.orders else ["--people", str(self.people)])]


def demo_variables(demo: Demo) -> dict[str, str]:
    """Return the variables that connect our processes with the demo shop, and the shop with its keys."""
    base = load_settings()
    secret = secrets.token_urlsafe(24)
    variables = {
        "WOOCOMMERCE_URL": f"http://127.0.0.1:{base.demo_port}",
        "WOOCOMMERCE_CONSUMER_KEY": KEY,
        "WOOCOMMERCE_CONSUMER_SECRET": SECRET,
        "WOOCOMMERCE_WEBHOOK_SECRET": secret,
        "WOOCOMMERCE_REQUESTS_PER_MINUTE": "0",
        "REGULARS_PUBLIC_URL": f"http://127.0.0.1:{base.http_port}",
        "REGULARS_SHOP": demo.shop_name,
        "REGULARS_SHOPS_FILE": NO_SHOPS_FILE,
        "DEMO_SHOP_CONSUMER_KEY": KEY,
        "DEMO_SHOP_CONSUMER_SECRET": SECRET,
    }
    if demo.as_of:
        variables["REGULARS_AS_OF"] = demo.as_of.isoformat()
    return variables


def demo_deployment(demo: Demo, variables: Mapping[str, str], console: Console) -> Deployment:
    """Return the deployment of the demo shop: our settings, with the demo shop's address and keys."""
    settings = load_settings(**{name: value for name, value in variables.items() if not name.startswith("DEMO_")})
    # Made-up people are made anew at each start, orders placed in between are forgotten: so read everything again.
    return replace(deployment_of(settings, console, variables), sync_options=() if demo.orders else ("--full",))


def run_demo(demo: Demo, console: Console) -> Path:
    """Serve the demo until somebody asks for the end; with `once`, sync, publish and stop.

    Returns the folder of what is published. Raises what `up` does.
    """
    variables = demo_variables(demo)
    deployment = demo_deployment(demo, variables, console)
    settings = deployment.settings
    with owned(deployment.paths.root):
        ports = {} if demo.once else our_ports(settings)
        refuse_taken_ports("127.0.0.1", {"REGULARS_DEMO_PORT": settings.demo_port, **ports})
        with Children(deployment.paths.logs, deployment.environment) as children:
            start_shop(demo, deployment, children)
            if demo.once:
                sync_once(deployment)
            else:
                written = write_variables(deployment, variables)
                serve(deployment, children, lambda: connect_webhooks(deployment))
                say_how_to_watch(deployment, written)
                watch(children)
    return deployment.paths.published(demo.shop_name)


def start_shop(demo: Demo, deployment: Deployment, children: Children) -> None:
    """Start the demo shop, wait until it answers, and repeat what it says of itself."""
    console, url = deployment.console, deployment.settings.shop().url
    what = f"orders of {demo.orders.name}" if demo.orders else f"{demo.people:,} made-up people"
    child = children.start("demo-shop", ["-m", "demo_shop", *demo.server_options(deployment.settings)])
    started = child.log_start
    with console.status(f"Demo shop: reading {what}"):
        wait_for_http(child, f"{url}/wp-json/", START_SECONDS)
    with child.log.open(errors="replace") as log:
        log.seek(started)
        for line in log:
            console.print(line.rstrip(), markup=False, highlight=False)


def sync_once(deployment: Deployment) -> None:
    """Sync and publish the demo shop."""
    shop = deployment.settings.shop().name
    sync(shop, deployment.paths.progress(shop), deployment.environment, deployment.console, deployment.sync_options)


def connect_webhooks(deployment: Deployment) -> None:
    """Make the demo shop deliver every topic to our receiver; say so where it refuses."""
    settings = deployment.settings
    shop: ShopConfig = settings.shop()
    try:
        install_webhooks(shop, delivery_base(shop.name, settings.public_url))
    except ShopError as error:
        deployment.console.print(f"Webhooks are not connected: {error.sentence()}", style="yellow", markup=False)


def write_variables(deployment: Deployment, variables: Mapping[str, str]) -> Path:
    """Write what a shell must know so that other commands meet this shop, for its owner's eyes; return the file."""
    path = deployment.paths.root / "demo.env"
    ports = {name: str(port) for name, port in our_ports(deployment.settings).items()}
    demo_port = str(deployment.settings.demo_port)
    known = {**variables, **ports, "REGULARS_DEMO_PORT": demo_port, "REGULARS_DATA": str(deployment.paths.root)}
    path.unlink(missing_ok=True)
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in known.items())
    return path


def say_how_to_watch(deployment: Deployment, variables: Path) -> None:
    """Say how to make something happen in the demo shop, and how to ask for it with the other commands."""
    console = deployment.console
    console.print(f"Shop      {deployment.settings.shop().url}", highlight=False)
    console.print("\nWatch a change travel: in another terminal, run", highlight=False)
    console.print("  .venv/bin/regulars demo-order        places an order in the demo shop", highlight=False)
    console.print("  .venv/bin/regulars demo-edit         edits a customer there", highlight=False)
    console.print(
        "and see the app follow within a minute. The other commands (doctor, reconcile, ...) meet this shop after"
    )
    console.print(f"  . {shlex.quote(str(variables))}", highlight=False, markup=False)
    console.print("Ctrl-C ends everything.", highlight=False)
