"""Schedules over several shops: each shop gets its run, and half a shop keeps none of them from theirs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from pipelines.resources.deployment import Deployment
from regulars.settings import load_settings

DUE = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TABLE = '[shops.{0}]\nurl = "https://{0}.example.com"\nconsumer_key = "{1}"\nconsumer_secret = "A_SECRET"\n'


@pytest.fixture
def several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.Definitions]:
    """Definitions of a machine with two shops, and a third without its key."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shops.toml").write_text(
        "".join(TABLE.format(*shop) for shop in (("north", "A_KEY"), ("south", "A_KEY"), ("half", "NO_SUCH_KEY")))
    )
    for name in ("WOOCOMMERCE_URL", "DAGSTER_HOME", "MONGODB_URI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"REGULARS_DATA": str(tmp_path / "data"), "A_KEY": "ck", "A_SECRET": "cs"}.items():
        monkeypatch.setenv(name, value)
    from pipelines.definitions import build

    return build(load_settings())


@pytest.mark.parametrize("name", ["pull_changes", "reconcile"])
def test_each_shop_gets_a_run_of_its_own(several: dg.Definitions, tmp_path: Path, name: str) -> None:
    """Dagster refuses several requests without keys, and then starts none of them: no pull for any shop."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:  # before the repository, which asks it for its state
        schedule = several.get_repository_def().get_schedule_def(name)
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=DUE,
            resources={"deployment": Deployment()},
            repository_def=several.get_repository_def(),
        )
        asked = schedule.evaluate_tick(context).run_requests or []
    assert [one.partition_key for one in asked] == ["north", "south"]
    assert len({one.run_key for one in asked}) == 2
