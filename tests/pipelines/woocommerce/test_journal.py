"""The journal of what was read: whole batches come back, in order, and nothing else."""

import os
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.woocommerce import journal as module
from pipelines.woocommerce.journal import Journal
from pipelines.woocommerce.progress import Applied, Batch, Mark, Sweep, slices
from pipelines.woocommerce.rows import Row, Tombstone

NOW = datetime(2026, 11, 22, 8, 0, 0, 123_456, tzinfo=UTC)
BEFORE = Mark(change_seq=7, orders=NOW)


def a_batch(number: int) -> Batch:
    """Return a batch with something of everything."""
    mark = BEFORE.model_copy(update={"sweep": Sweep(started_at=NOW, page=number, last_id=100 * number)})
    rows = [
        Row(number, None, "trash", NOW, None, NOW + timedelta(seconds=number), "pull", '{"id":1,"n":"Ása \\"x\\""}'),
        Row(2**63 - 1, 5, None, None, NOW, NOW, "fetch", "{}"),
    ]
    gone = [Tombstone(f"order:{number}", "order", number, NOW)]
    return Batch(mark, {"orders": rows, "refunds": []}, gone, [Applied(number, NOW, "body")], flush=number % 2 == 0)


def written(path: Path, count: int = 3) -> list[Batch]:
    """Write so many batches and return them."""
    journal, batches = Journal(path), [a_batch(number) for number in range(1, count + 1)]
    for batch in batches:
        journal.append(batch, BEFORE)
    return batches


def test_what_was_written_comes_back_the_same(tmp_path: Path) -> None:
    """Instants to the microsecond, since the youngest observation wins; marks, since the walk goes on from them."""
    batches = written(tmp_path / "dlt" / "shop.journal")

    assert list(Journal(tmp_path / "dlt" / "shop.journal").recover(BEFORE)) == batches


@pytest.mark.parametrize("mark", [Mark(), BEFORE.model_copy(update={"change_seq": 8}), a_batch(1).mark])
def test_what_does_not_follow_the_warehouse_is_not_given_out(tmp_path: Path, mark: Mark) -> None:
    """It was committed already, or belongs to a warehouse that somebody replaced by an older one."""
    written(tmp_path / "shop.journal")

    assert list(Journal(tmp_path / "shop.journal").recover(mark)) == []


def test_what_another_version_wrote_is_not_given_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update in the middle of a first import must cost some pages at most."""
    written(tmp_path / "shop.journal")
    monkeypatch.setattr(module, "FORM", [2])

    assert list(Journal(tmp_path / "shop.journal").recover(BEFORE)) == []


@given(cut=st.integers(0, 4_000), junk=st.binary(max_size=40))
def test_a_torn_tail_hides_nothing_before_it(tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes) -> None:
    """Power failed in the middle of a write, and the disk has zeros or worse where the end should be."""
    path = tmp_path_factory.mktemp("torn") / "shop.journal"
    ends, whole = [], []
    for number in range(1, 4):
        whole = written(path, number)
        ends.append(path.stat().st_size)
    cut = min(cut, ends[-1])
    path.write_bytes(path.read_bytes()[:cut] + junk)

    found = list(Journal(path).recover(BEFORE))

    assert found == whole[: len(found)]
    assert len(found) >= sum(end <= cut for end in ends)


@given(at=st.integers(0, 10_000), byte=st.integers(1, 255))
def test_a_byte_that_rotted_ends_it(tmp_path_factory: pytest.TempPathFactory, at: int, byte: int) -> None:
    """Half a body must not be loaded as an order."""
    path = tmp_path_factory.mktemp("rotten") / "shop.journal"
    whole = written(path)
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= byte
    path.write_bytes(content)

    found = list(Journal(path).recover(BEFORE))

    assert found == whole[: len(found)]
    assert len(found) < len(whole)


def test_a_new_journal_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    """It holds what one slice holds, not a history."""
    path = tmp_path / "shop.journal"
    written(path)
    journal = Journal(path)
    journal.append(a_batch(9), Mark())

    assert list(Journal(path).recover(Mark())) == [a_batch(9)]
    journal.clear()
    assert path.stat().st_size == 0
    assert list(Journal(path).recover(Mark())) == []


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """It holds customers' names."""
    mask = os.umask(0)
    try:
        written(tmp_path / "dlt" / "shop.journal")
    finally:
        os.umask(mask)

    assert stat.S_IMODE((tmp_path / "dlt" / "shop.journal").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "dlt").stat().st_mode) == 0o700


def test_instants_of_another_zone_come_back_as_the_same_instant(tmp_path: Path) -> None:
    """Clocks given from outside may have any zone."""
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    Journal(tmp_path / "j").append(Batch(BEFORE, gone=[Tombstone("order:1", "order", 1, there)]), BEFORE)

    (found,) = Journal(tmp_path / "j").recover(BEFORE)

    assert found.gone[0].observed_at == NOW


def test_each_batch_is_kept_before_the_next_is_read_until_its_slice_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever the process dies, what it had read is in the warehouse or in the journal."""
    monkeypatch.setattr("pipelines.woocommerce.progress.SLICE_PAGES", 2)
    path = tmp_path / "shop.journal"
    batches = [a_batch(number) for number in (1, 3, 5)]
    kept: list[list[Batch]] = []

    def reading() -> object:
        for batch in batches:
            yield batch
            kept.append([*Journal(path).recover(BEFORE), *Journal(path).recover(batches[1].mark)])

    committing = [list(part) for part in slices(reading(), Journal(path), BEFORE)]

    assert committing == [batches[:2], batches[2:]]
    assert kept == [batches[:1], [], batches[2:]]
    assert path.stat().st_size == 0


def test_what_is_recovered_is_kept_until_it_is_committed(tmp_path: Path) -> None:
    """A run that recovers may be killed as well."""
    path = tmp_path / "shop.journal"
    whole = written(path, 1)
    journal = Journal(path)
    parts = slices(journal.recover(BEFORE), journal, BEFORE)

    assert next(parts) == whole
    assert list(Journal(path).recover(BEFORE)) == whole
    assert list(parts) == []
    assert path.stat().st_size == 0
