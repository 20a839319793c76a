"""The limiter's measurement: every way reads from a host of its own, and the best fixed one is the peer."""

import pytest

from benchmarks import limiter
from benchmarks.ground import Ground


def test_each_host_is_read_in_every_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure beside a peer that read nothing would look splendid."""
    monkeypatch.setattr(limiter, "SECONDS", 0.6)
    monkeypatch.setattr(limiter, "WORK", 0.02)
    monkeypatch.setattr(limiter, "HOSTS", (limiter.Host("2 cores", 2),))

    (told,) = limiter.cases(Ground(people=1, orders=1, repeats=1))

    assert told.what == "a page from 2 cores"
    assert told.peer in {f"{level} at once" for level in limiter.FIXED}
    assert 10.0 <= told.theirs < 600.0
    assert 10.0 <= told.ours < 600.0


@pytest.mark.deep
def test_the_limiter_comes_close_to_the_best_fixed_number() -> None:
    """Within a fifth of it on every kind of host, though nobody told it how many cores there are."""
    for told in limiter.cases(Ground(people=1, orders=1, repeats=1)):
        assert told.theirs / told.ours >= 0.8, told
