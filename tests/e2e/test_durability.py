"""From the shop's delivery to the warehouse, with the receiver and the applier killed again and again.

The shop's events are delivered by several senders at once, each until it is answered 200; some are sent once more. In the
end every change row stands once in the ledger of what was applied, and raw is what the shop says.
"""

import hashlib
import queue
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from demo_shop.deliveries import escaped, payload
from demo_shop.webhooks import Webhook, Webhooks
from regulars.inbox import TOPICS
from regulars.models import ChangeRow
from regulars.shop.webhook_secrets import RECEIVER_PATH, derived_secret
from tests.pipelines.woocommerce.synced_shop import KEY, Synced, synced_shop
from tests.webhook_receiver.receiver_process import ONE_SHOP, SECRET, Receiver
from webhook_receiver.signature import sign

APPLY = """
import sys, time
from datetime import timedelta
from pathlib import Path
from pydantic import SecretStr
from pipelines.woocommerce.sync import sync_shop
from regulars.inbox import open_inbox
from regulars.models import ShopConfig
from regulars.settings import Settings
from regulars.shop.client import ShopClient
url, key, secret, data, warehouse, dlt = sys.argv[1:]
shop = ShopConfig(name="shop", url=url, consumer_key=SecretStr(key), consumer_secret=SecretStr(secret))
with ShopClient(shop) as client, open_inbox(Settings(data_dir=Path(data), _env_file=None)) as inbox:
    last = 0
    while True:
        changes = inbox.pending("shop", last, limit=150)
        if changes:
            print(len(changes), flush=True)
            last = sync_shop(client, warehouse=Path(warehouse), pipelines_dir=Path(dlt), shop="shop", changes=changes,
                             pull=False, overlap=timedelta(minutes=10), report=lambda *_: None).last_change_seq
        else:
            time.sleep(0.05)
"""
SENDERS = 6
REPEATED = 0.12


@dataclass
class Sent:
    """One delivery, and how often it is still to be sent: every event, and some of them once more."""

    topic: str
    body: bytes
    headers: dict[str, str]


@dataclass
class Shop:
    """The shop's side: what happened waits for a sender; `taken` has topic, id and body of each answer 200."""

    synced: Synced
    hooks: Webhooks
    by_topic: dict[str, Webhook]
    luck: random.Random
    waiting: "queue.SimpleQueue[tuple[str, int] | Sent | None]" = field(default_factory=queue.SimpleQueue)
    answered: int = 0
    taken: set[tuple[str, bytes]] = field(default_factory=set)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def act(self) -> None:
        """Let something happen in the shop."""
        shop, luck = self.synced.shop, self.luck
        orders = [number for number, order in shop.orders.items() if order.status not in ("trash", "checkout-draft")]
        match luck.choices(("edit", "customer", "trash", "order"), (80, 12, 4, 4))[0]:
            case "edit":
                shop.edit_order(luck.choice(orders), status=luck.choice(("processing", "completed", "on-hold")))
            case "customer":
                shop.edit_customer(luck.choice(list(shop.customers)), first_name=f"Name{luck.randrange(10**6)}")
            case "trash":
                shop.trash_order(luck.choice(orders))
            case _:
                shop.place_order(0)

    def made(self, topic: str, number: int) -> Sent:
        """Return the delivery of an event: the record as it is when it is sent, signed for its endpoint."""
        hook = self.by_topic[topic]
        body = escaped(payload(self.synced.shop, hook, number))
        second = hashlib.md5(f"{hook.id}{int(time.time())}".encode(), usedforsecurity=False).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-ID": str(hook.id),
            "X-WC-Webhook-Delivery-ID": second,
            "X-WC-Webhook-Signature": sign(derived_secret(SECRET, "shop", topic), body).decode(),
        }
        return Sent(topic, body, headers)

    def send(self) -> None:
        """Deliver what waits, each until it is answered 200; run by several threads."""
        with requests.Session() as session:
            while (item := self.waiting.get()) is not None:
                again = isinstance(item, Sent)
                sent = item if isinstance(item, Sent) else self.made(*item)
                while not self._taken(session, sent):
                    time.sleep(0.05)
                with self.lock:
                    self.answered += 1
                    self.taken.add((sent.topic, sent.body))
                    if not again and self.luck.random() < REPEATED:
                        self.waiting.put(sent)

    def _taken(self, session: requests.Session, sent: Sent) -> bool:
        try:
            answer = session.post(
                f"{self.url}{RECEIVER_PATH}/shop/{sent.topic}", data=sent.body, headers=sent.headers, timeout=20
            )
        except requests.RequestException:
            return False
        assert answer.status_code in (200, 503), answer.text
        return answer.status_code == 200


@contextmanager
def selling(folder: Path, seed: int) -> Iterator[Shop]:
    """Serve a shop that was synced once, whose events from now on wait to be delivered."""
    with synced_shop(folder, people=40, seed=seed) as synced:
        synced.sync()
        hooks = Webhooks(synced.shop)
        by_topic = {topic: hooks.create(topic, "http://127.0.0.1:9/") for topic in TOPICS}
        synced.shop.listeners.remove(hooks.on_event)  # nobody else delivers
        shop = Shop(synced, hooks, by_topic, random.Random(seed))
        synced.shop.listeners.append(lambda topic, number: shop.waiting.put((topic, number)))
        yield shop


def start_applier(shop: Shop, data: Path) -> subprocess.Popen[str]:
    """Start a process that merges change rows as they come."""
    synced = shop.synced
    places = [str(data), str(synced.warehouse), str(synced.pipelines_dir)]
    keys = [synced.client._shop.url, KEY.consumer_key, KEY.consumer_secret]
    return subprocess.Popen(
        [sys.executable, "-c", APPLY, *keys, *places],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def kill_appliers(shop: Shop, data: Path, kills: int, ended: threading.Event) -> int:
    """Kill the applier -9 so often, each at a random moment of its work; return how many died so."""
    for _ in range(kills):
        applier = start_applier(shop, data)
        assert applier.stdout
        try:
            for _ in range(shop.luck.randrange(1, 3)):
                assert applier.stdout.readline(), "the applier ended by itself"
            ended.wait(shop.luck.random())
            assert applier.poll() is None, "the applier ended by itself"
        finally:
            applier.kill()
            applier.wait(20)
            applier.stdout.close()
    return kills


def all_rows(receiver: Receiver) -> list[ChangeRow]:
    """Return every change row."""
    found: list[ChangeRow] = []
    while more := receiver.inbox.pending("shop", found[-1].seq if found else 0):
        found += more
    return found


def check(shop: Shop, receiver: Receiver) -> None:
    """Apply what is left, then hold ledger and raw to what was acknowledged and to the shop."""
    rows = all_rows(receiver)
    assert shop.taken == {(row.topic, row.body) for row in rows}, "what was answered 200 is stored, and nothing else"
    shop.synced.sync(rows, pull=False)
    ledger = shop.synced.rows("SELECT seq, count(*) FROM raw.applied_changes GROUP BY seq ORDER BY seq")
    assert ledger == [(row.seq, 1) for row in rows]
    held, truth = shop.synced.held(), shop.synced.truth()
    for table in ("refunds", "products"):
        del held[table], truth[table]
    told = {table: {n: body for n, body in held[table].items() if n in truth[table]} for table in truth}
    for table in truth:
        assert held[table].keys() == truth[table].keys(), table
        for number, body in told[table].items():
            assert body == truth[table][number], (table, number)


def deliver(shop: Shop, senders: list[threading.Thread], goal: int) -> None:
    """Let things happen in the shop until so many deliveries were answered 200."""
    deadline = time.monotonic() + 30 + goal / 5
    while shop.answered < goal:
        assert time.monotonic() < deadline, f"{shop.answered} of {goal} were answered in time"
        assert all(sender.is_alive() for sender in senders), "a sender ended"
        if shop.waiting.qsize() < 2 * SENDERS:
            shop.act()
        else:
            time.sleep(0.002)


def survives(folder: Path, *, deliveries: int, receiver_kills: int, applier_kills: int, seed: int = 1) -> None:
    """Deliver so many, kill so often, and check."""
    data, ended = folder / "data", threading.Event()
    receivers: list[Receiver] = []

    def start_receiver(shop: Shop) -> None:
        receivers.append(Receiver(data, folder / "receiver.log", ONE_SHOP))
        receivers[-1].wait_until_up()
        shop.url = receivers[-1].url

    with selling(folder, seed) as shop:
        senders = [threading.Thread(target=shop.send, daemon=True) for _ in range(SENDERS)]
        killed: list[int] = []
        killer = threading.Thread(target=lambda: killed.append(kill_appliers(shop, data, applier_kills, ended)))
        try:
            start_receiver(shop)
            for thread in (*senders, killer):
                thread.start()
            for part in range(1, receiver_kills + 1):
                deliver(shop, senders, deliveries * part // (receiver_kills + 1))
                receivers[-1].kill()
                start_receiver(shop)
            deliver(shop, senders, deliveries)
            while killer.is_alive():  # the last appliers need something to die of
                deliver(shop, senders, shop.answered + 1)
            for _ in senders:
                shop.waiting.put(None)
            for thread in senders:
                thread.join(60)
            assert killed == [applier_kills]
            check(shop, receivers[-1])
            assert receivers[-1].stop() == 0
        finally:
            ended.set()
            for receiver in receivers:
                if receiver.process.poll() is None:
                    receiver.kill()


def test_one_kill_of_each_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """A shop never repeats what was answered 200, and what is merged twice or not at all nobody would notice."""
    survives(tmp_path, deliveries=100, receiver_kills=1, applier_kills=1)


@pytest.mark.deep
def test_thousands_of_deliveries_survive_thirty_kills(tmp_path: Path) -> None:
    """The same for what happens once in twenty kills."""
    survives(tmp_path, deliveries=10_000, receiver_kills=20, applier_kills=10, seed=2)
