"""From which version observed history goes on: the current one, and what happens where that is damaged."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.observing import Observed, observed_tables
from regulars.directory.layout import scan_table
from regulars.errors import NewerSchema
from tests.regulars.directory.builders import AS_OF, BERLIN, SHOP, a_buyer, publish_people
from transforms.schemas import PUBLISHED


def publish_joins(folder: Path, joined: int) -> str:
    """Publish a version with two people in VIP, of whom so many were seen to join."""
    about = {"shop": SHOP, "segment_id": "vip", "as_of": AS_OF, "run_id": "r", "at": AS_OF - timedelta(days=1)}
    kinds = ["joined"] * joined + ["first"] * (2 - joined)
    return publish_people(
        folder,
        [a_buyer(1), a_buyer(2)],
        segments=[{"shop": SHOP, "segment_id": "vip", "name": "VIP", "rule": "m = 5", "people": 2}],
        segment_members=[{"shop": SHOP, "segment_id": "vip", "customer_key": f"woo:{n}"} for n in (1, 2)],
        segment_events=[about | {"customer_key": f"woo:{n}", "kind": kind} for n, kind in enumerate(kinds, 1)],
        segment_counts=[about | {"rule": "m = 5", "people": 2, "joined": joined, "left": 0}],
    )


def observed_after(folder: Path, version: str) -> Observed:
    """Return the history that the next version would have, whose marts are those of `version`."""
    marts = {name: scan_table(folder / version, name).collect().lazy() for name in PUBLISHED}
    about = {"as_of": AS_OF.isoformat(), "timezone": BERLIN}
    return observed_tables(folder, marts, about, shop=SHOP, at=AS_OF, run_id="next")


def kinds_after(folder: Path, version: str) -> list[str]:
    """Return the kinds of all events in `observed_after`."""
    kinds: list[str] = observed_after(folder, version).tables["segment_events"].collect()["kind"].to_list()
    return kinds


def no_current(folder: Path, version: str) -> None:
    """Write nonsense into CURRENT."""
    (folder / "CURRENT").write_text("nonsense\n")


def no_manifest(folder: Path, version: str) -> None:
    """Take the manifest away."""
    (folder / version / "manifest.json").unlink()


def no_parquet(folder: Path, version: str) -> None:
    """Write nonsense into a table of the history."""
    (folder / version / "segment_counts.parquet").write_bytes(b"nonsense")


def no_table(folder: Path, version: str) -> None:
    """Take a table of the history away."""
    (folder / version / "segment_events.parquet").unlink()


@pytest.mark.parametrize(("damage", "left"), [(no_current, 2), (no_manifest, 1), (no_parquet, 1), (no_table, 1)])
def test_history_goes_on_from_the_newest_version_that_can_be_read(
    tmp_path: Path, damage: Callable[[Path, str], None], left: int
) -> None:
    """“Sync again” is what readers say to a damaged version: the publish must not stop at it too."""
    older, newer = publish_joins(tmp_path, 1), publish_joins(tmp_path, 2)
    assert kinds_after(tmp_path, older).count("joined") == 2

    damage(tmp_path, newer)

    assert kinds_after(tmp_path, older).count("joined") == left


def test_history_begins_anew_where_no_version_can_be_read(tmp_path: Path) -> None:
    """Nobody is said to have joined that day."""
    source = publish_joins(tmp_path / "elsewhere", 1)
    marts = {name: scan_table(tmp_path / "elsewhere" / source, name) for name in PUBLISHED}
    about = {"as_of": AS_OF.isoformat(), "timezone": BERLIN}

    made = observed_tables(tmp_path / "new", marts, about, shop=SHOP, at=AS_OF, run_id="next")

    assert made.tables["segment_events"].collect()["kind"].to_list() == ["first", "first"]


def test_a_history_that_does_not_add_up_begins_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The people are right, so they are published; a past that contradicts them would be wrong for ever."""
    version = publish_joins(tmp_path, 2)
    file = tmp_path / version / "segment_events.parquet"
    told = pl.read_parquet(file)
    pl.concat([told.head(1), told]).write_parquet(file)

    made = observed_after(tmp_path, version)

    assert made.anew == ["vip"]
    assert "begins anew" in caplog.text
    assert made.tables["segment_events"].collect().select("customer_key", "kind", "run_id").rows() == [
        ("woo:1", "first", "next"),
        ("woo:2", "first", "next"),
    ]
    assert made.tables["segment_counts"].collect().select("people", "joined", "left").rows() == [(2, 0, 0)]


def test_a_newer_version_is_not_published_over(tmp_path: Path) -> None:
    """An older Regulars would end a history that it cannot read."""
    version = publish_joins(tmp_path, 1)
    file = tmp_path / version / "manifest.json"
    file.write_text(file.read_text().replace('"schema_version": 2', '"schema_version": 3'))

    with pytest.raises(NewerSchema, match="update Regulars"):
        observed_after(tmp_path, version)
