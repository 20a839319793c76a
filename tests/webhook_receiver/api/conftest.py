"""The API over each store, and a shop to write to."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import KEY, SECRET, foreign_shop
from tests.mongod import Mongod
from tests.webhook_receiver.api.serving import Api, publish, serving, settings_of


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with the published people, to copy: publishing waits for the disk."""
    data = tmp_path_factory.mktemp("published") / "data"
    publish(data)
    return data


@pytest.fixture
def data(published: Path, tmp_path: Path) -> Path:
    """Return a data folder of one's own with the published people."""
    return Path(shutil.copytree(published, tmp_path / "data"))


@pytest.fixture(params=["files", "mongo"])
def api(request: pytest.FixtureRequest, data: Path) -> Iterator[Api]:
    """Serve the published people, records and change rows on either store."""
    more = {"mongodb_uri": request.getfixturevalue("mongo_uri")} if request.param == "mongo" else {}
    with serving(settings_of(data, **more)) as served:
        yield served


@pytest.fixture
def files_api(data: Path) -> Iterator[Api]:
    """Serve the published people over files alone: for what no store decides."""
    with serving(settings_of(data)) as served:
        yield served


@pytest.fixture(scope="module", params=["files", "mongo"])
def shared_api(
    request: pytest.FixtureRequest, published: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """Serve either store to all tests of a module that change nothing, or only what is their own."""
    more = {}
    if request.param == "mongo":
        server: Mongod = request.getfixturevalue("mongod")
        more = {"mongodb_uri": server.uri(f"shared_{secrets.token_hex(6)}")}
    data = Path(shutil.copytree(published, tmp_path_factory.mktemp("shared") / "data"))
    with serving(settings_of(data, **more)) as served:
        yield served


@pytest.fixture(scope="session")
def reading_api(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Serve the published people to all tests that only read."""
    data = Path(shutil.copytree(published, tmp_path_factory.mktemp("reading") / "data"))
    with serving(settings_of(data)) as served:
        yield served


@pytest.fixture(scope="session")
def shop_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a shop of made-up people from a process of its own."""
    with foreign_shop(tmp_path_factory.mktemp("shop"), "--people", "120", "--seed", "5") as url:
        yield url


@pytest.fixture
def shop_api(shop_url: str, data: Path) -> Iterator[Api]:
    """Serve the API with that shop behind it."""
    keys = {"woocommerce_url": shop_url, "consumer_key": KEY, "consumer_secret": SECRET}
    with serving(settings_of(data, **keys)) as served:
        yield served
