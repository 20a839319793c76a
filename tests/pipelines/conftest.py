"""Fixtures of the pipelines' tests. One sync of a small shop is shared; whoever changes something works on a copy."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from tests.pipelines.shop_house import House, house_at

# Dagster's own use of Pydantic, and a notice on partitioned checks: nothing that our code could do otherwise.
FROM_DAGSTER = ("ignore::pydantic.warnings.PydanticDeprecatedSince20", "ignore::dagster.PreviewWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spare the tests beside this file the warnings that are about Dagster's insides."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            for text in FROM_DAGSTER:
                item.add_marker(pytest.mark.filterwarnings(text))


@pytest.fixture(scope="session")
def first_sync(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dg.ExecuteInProcessResult]]:
    """A data folder after the first sync of the small shop, and that run. Not to be changed."""
    folder = tmp_path_factory.mktemp("synced")
    with house_at(folder) as house:
        yield folder, house.run()


@pytest.fixture
def house(first_sync: tuple[Path, dg.ExecuteInProcessResult], tmp_path: Path) -> Iterator[House]:
    """A shop and its data after the first sync, for one test alone."""
    folder, _ = first_sync
    with house_at(tmp_path / "data", data_from=folder) as copy:
        yield copy


@pytest.fixture
def new_house(tmp_path: Path) -> Iterator[House]:
    """A shop that was never synced."""
    with house_at(tmp_path / "data") as house:
        yield house
