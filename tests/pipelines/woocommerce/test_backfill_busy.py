"""A first import of a shop that goes on selling, several pages at once."""

import random
import threading
from pathlib import Path

import pytest

from regulars.shop.port import Params
from tests.pipelines.woocommerce.synced_shop import Synced, differences, synced_shop

ENOUGH = 40


class Busy:
    """Works in the shop after each page of orders that was read, from whatever thread read it, until it has done a lot.

    Where as many orders come as go between two pages no total tells of it; counting afterwards does, and the shop is
    read once more: that has to find a quiet shop.
    """

    def __init__(self, synced: Synced, seed: int) -> None:
        self.synced, self.luck = synced, random.Random(seed)
        self.most, self.done = 0, 0
        self._lock = threading.Lock()
        self._orders = sorted(synced.shop.orders)

    def __call__(self, path: str, params: Params, page: int) -> None:
        """Create, trash, restore and touch some orders."""
        if path != "orders" or params.get("orderby") != "id" or self.done >= ENOUGH:
            return
        shop = self.synced.shop
        with self._lock:
            self.most = max(self.most, self.synced.client.at_once)
            for _ in range(3):
                number, act = self.luck.choice(self._orders), self.luck.choice(["sell", "trash", "touch", "restore"])
                trashed = shop.orders[number].status == "trash"
                if act == "sell":
                    self._orders.append(shop.place_order(0).id)
                elif act == "trash" and not trashed:
                    shop.trash_order(number)
                elif act == "restore" and trashed:
                    shop.restore_order(number)
                elif act == "touch" and not trashed:
                    shop.edit_order(number, status=self.luck.choice(["completed", "on-hold", "cancelled"]))
                self.done += 1


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.deep) for seed in range(1, 7))])
def test_a_first_import_of_a_busy_shop_is_whole(tmp_path: Path, seed: int) -> None:
    """Orders come, go to the trash and back and change while pages are read; afterwards the copy equals the shop."""
    with synced_shop(tmp_path, people=220, seed=seed) as synced:
        synced.shop.faults.add("slow", times=25, path="/orders", seconds=0.1)
        busy = Busy(synced, seed)
        synced.client.then = busy

        synced.sync()

        assert differences(synced.held(), synced.truth()) == {}
        assert busy.done >= ENOUGH
        assert busy.most >= 2
