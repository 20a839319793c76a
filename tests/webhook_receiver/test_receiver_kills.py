"""Receivers killed under load, on each store: what was acknowledged is there, once."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.mongod import Mongod
from tests.webhook_receiver.receiver_process import Receiver, a_body
from tests.webhook_receiver.test_receiver_storage import ended_while_receiving, send_all, stored_ids

Start = Callable[..., Receiver]


@pytest.fixture(params=["sqlite", "mongo"])
def store(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return what to set for each of the stores."""
    return {"MONGODB_URI": request.getfixturevalue("mongo_uri")} if request.param == "mongo" else {}


def killed_again_and_again(start: Start, store: dict[str, str], kills: int) -> None:
    """Kill a receiver under load so often, and see after each time that nothing acknowledged is missing."""
    acknowledged: set[int] = set()
    numbers = range(1, 501)
    for round_ in range(kills):
        numbers = range(1 + 300 * round_, 501 + 300 * round_)  # some new, some that the last kill may have cut off
        receiver = start(**store)
        acknowledged |= ended_while_receiving(receiver, receiver.kill, numbers)
        assert acknowledged <= set(stored_ids(receiver.inbox))
    last = start(**store)
    send_all(last, range(1, numbers.stop), threading.Event(), numbers.stop)
    ids = stored_ids(last.inbox)
    assert sorted(ids) == list(range(1, numbers.stop)), "repeats were told apart from what is new"


def test_two_kills_lose_nothing_acknowledged(start: Start, store: dict[str, str]) -> None:
    """A shop never repeats a delivery that was answered 200: one lost here is a change lost."""
    killed_again_and_again(start, store, kills=2)


@pytest.mark.deep
def test_twenty_kills_lose_nothing_acknowledged(start: Start, store: dict[str, str]) -> None:
    """The same, for what happens once in twenty."""
    killed_again_and_again(start, store, kills=20)


def test_two_receivers_on_one_server_lose_and_double_nothing(start: Start, mongo_uri: str) -> None:
    """With a server behind them, several receivers are how one gets over an update without a gap."""
    both = [start(MONGODB_URI=mongo_uri), start(MONGODB_URI=mongo_uri)]
    with ThreadPoolExecutor(2) as pool:
        acknowledged = list(pool.map(lambda one: send_all(one, range(1, 151), threading.Event(), 150), both))
    assert acknowledged[0] | acknowledged[1] == set(range(1, 151))
    assert sorted(stored_ids(both[0].inbox)) == list(range(1, 151))


def test_a_server_that_is_away_is_503_until_it_is_back(start: Start, own_mongod: Mongod) -> None:
    """The shop gets an honest answer well before its minute is over, and nobody has to restart the receiver."""
    receiver = start(MONGODB_URI=own_mongod.uri("shop", serverSelectionTimeoutMS="1000"))
    assert receiver.deliver(a_body(1)) == (200, {"status": "processed"})
    own_mongod.kill()
    began = time.monotonic()
    assert receiver.deliver(a_body(2)) == (503, {"error": "The delivery could not be stored. Try again."})
    assert time.monotonic() - began < 15
    assert requests.get(f"{receiver.url}/healthz", timeout=20).json()["status"] == "unavailable"
    own_mongod.start()
    assert receiver.deliver(a_body(2)) == (200, {"status": "processed"})
    assert stored_ids(receiver.inbox) == [1, 2]
    assert "Is it running, and is MONGODB_URI right?" in receiver.log.read_text()


def test_it_comes_up_without_its_server_and_says_so(start: Start, own_mongod: Mongod) -> None:
    """After a power cut both start at once, in any order."""
    own_mongod.kill()
    receiver = start(MONGODB_URI=own_mongod.uri("shop", serverSelectionTimeoutMS="1000"))
    assert receiver.deliver(a_body(1))[0] == 503
    own_mongod.start()
    assert receiver.deliver(a_body(1)) == (200, {"status": "processed"})
