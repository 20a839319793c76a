"""The API over each store, and a shop to write to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import KEY, SECRET, foreign_shop
from tests.webhook_receiver.api.serving import Api, publish, serving, settings_of


@pytest.fixture(params=["files", "mongo"])
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    """Serve the published people, records and change rows on either store."""
    more = {"mongodb_uri": request.getfixturevalue("mongo_uri")} if request.param == "mongo" else {}
    publish(tmp_path / "data")
    with serving(settings_of(tmp_path / "data", **more)) as served:
        yield served


@pytest.fixture
def files_api(tmp_path: Path) -> Iterator[Api]:
    """Serve the published people over files alone: for what no store decides."""
    publish(tmp_path / "data")
    with serving(settings_of(tmp_path / "data")) as served:
        yield served


@pytest.fixture(scope="session")
def shop_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a shop of made-up people from a process of its own."""
    with foreign_shop(tmp_path_factory.mktemp("shop"), "--people", "30", "--seed", "5") as url:
        yield url


@pytest.fixture
def shop_api(shop_url: str, tmp_path: Path) -> Iterator[Api]:
    """Serve the API with that shop behind it."""
    publish(tmp_path / "data")
    keys = {"woocommerce_url": shop_url, "consumer_key": KEY, "consumer_secret": SECRET}
    with serving(settings_of(tmp_path / "data", **keys)) as served:
        yield served
