"""``python -m demo_shop``: serve a demo shop until Ctrl-C."""

import argparse
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import uvicorn

from demo_shop import environment
from demo_shop.changes import Shop
from demo_shop.faults import Load
from demo_shop.generate import generate
from demo_shop.life import keep_busy
from demo_shop.retail import load_retail
from demo_shop.server import address_of, configure, create_app, listen
from demo_shop.webhooks import HOOKS, Webhooks


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo_shop",
        description="A WooCommerce stand-in. Keys come from DEMO_SHOP_CONSUMER_KEY and DEMO_SHOP_CONSUMER_SECRET, "
        "the secret of webhooks from DEMO_SHOP_WEBHOOK_SECRET.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one; the line printed at start names it")
    parser.add_argument("--people", type=int, default=2000, help="how many people to invent")
    parser.add_argument("--seed", type=int, default=1, help="the same seed invents the same people")
    parser.add_argument("--today", type=date.fromisoformat, help="the day the invented history ends; today by default")
    parser.add_argument(
        "--orders", type=Path, metavar="FILE", help="serve the orders of an Online Retail II file instead"
    )
    parser.add_argument("--certfile", help="serve over HTTPS with this certificate")
    parser.add_argument("--keyfile", help="the certificate's private key")
    parser.add_argument("--webhook-url", help="send all customer and order webhooks to this address")
    parser.add_argument("--storage", choices=("hpos", "legacy"), default="hpos", help="how the shop keeps its orders")
    parser.add_argument("--busy", type=float, default=0, metavar="N", help="let N random changes a minute happen")
    parser.add_argument("--latency", type=float, default=0, metavar="SECONDS", help="let every answer take so long")
    parser.add_argument(
        "--cores", type=int, default=0, help="with --work: answer at most so many requests at once, the others wait"
    )
    parser.add_argument("--work", type=float, default=0, metavar="SECONDS", help="what one answer costs one core")
    parser.add_argument("--runners", type=int, default=1, help="deliver webhooks from so many queues side by side")
    return parser.parse_args(argv)


def _open(arguments: argparse.Namespace) -> Shop:
    keys = (environment.api_key(),)
    if arguments.orders:
        return load_retail(arguments.orders, keys=keys)
    today = arguments.today or datetime.now().astimezone().date()
    return generate(arguments.people, arguments.seed, today, keys=keys)


def _describe(shop: Shop, url: str) -> str:
    counts = (
        f"{len(shop.customers):,} customers, {len(shop.orders):,} orders, {len(shop.refunds):,} refunds, "
        f"{sum(not product.parent_id for product in shop.products.values()):,} products"
    )
    left_out = "; ".join(f"{count:,} {what}" for what, count in shop.left_out.items() if count)
    return f"Demo shop at {url}: {counts}." + (f" Left out: {left_out}." if left_out else "")


def main(argv: Sequence[str] | None = None) -> int:
    """Open the shop, print one line once it answers, serve until interrupted.

    Returns 1 with one sentence when the file cannot be read or the address is taken.
    """
    arguments = _arguments(argv)
    try:
        sock = listen(arguments.host, arguments.port)
    except OSError as problem:
        print(f"Cannot listen on {arguments.host}:{arguments.port}: {problem.strerror}.", file=sys.stderr)
        return 1
    try:
        shop = _open(arguments)
    except (OSError, ValueError) as problem:
        sock.close()
        print(f"Cannot read the orders: {problem}", file=sys.stderr)
        return 1
    shop.home = address_of(sock, secure=arguments.certfile is not None)
    shop.change_settings(storage=arguments.storage)
    shop.faults.load = Load(arguments.latency, arguments.cores, arguments.work)
    webhooks = Webhooks(shop, secret=environment.webhook_secret(), runners=arguments.runners)
    for topic in HOOKS if arguments.webhook_url else ():
        webhooks.create(topic, arguments.webhook_url)
    config = configure(create_app(shop, webhooks), certfile=arguments.certfile, keyfile=arguments.keyfile)
    # The socket takes connections from here on; the first answers follow within a moment.
    sock.listen()
    print(_describe(shop, shop.home), flush=True)
    stop = keep_busy(shop, arguments.busy, arguments.seed) if arguments.busy > 0 else None
    try:
        uvicorn.Server(config).run(sockets=[sock])
    except KeyboardInterrupt:
        return 0
    finally:
        if stop:
            stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
