"""What wins over what, as a table."""

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.woocommerce.known import KnownRow
from pipelines.woocommerce.precedence import believed, same_record, supersedes

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BODY, ASK = "the body applies", "the shop is asked"


def at(minutes: float) -> datetime:
    """Return the instant so many minutes from now."""
    return NOW + timedelta(minutes=minutes)


def held(modified: float | None, observed: float = -30) -> KnownRow:
    """Return a held row, modified and observed so many minutes from now."""
    return KnownRow(None if modified is None else at(modified), at(observed), "", gone=False)


@pytest.mark.parametrize(
    ("state", "entombed", "modified", "received", "outcome"),
    [
        pytest.param(None, False, -5, -4, BODY, id="nothing is held"),
        pytest.param(held(-60), False, -5, -4, BODY, id="strictly newer than what is held"),
        pytest.param(held(-60), False, 0, 1, BODY, id="of this very second of the shop"),
        pytest.param(held(-5), False, -5, -4, ASK, id="of the same second as what is held"),
        pytest.param(held(-1), False, -5, -4, ASK, id="older than what is held"),
        pytest.param(held(-60), False, None, -4, ASK, id="without a date"),
        pytest.param(None, False, None, -4, ASK, id="without a date, and nothing is held"),
        pytest.param(held(None), False, -5, -4, ASK, id="what is held has no date"),
        pytest.param(held(-60), False, 0.1, 1, ASK, id="from the shop's future"),
        pytest.param(None, False, 0.1, 1, ASK, id="from the shop's future, and nothing is held"),
        pytest.param(held(600), False, -5, -4, ASK, id="what is held is from the future"),
        pytest.param(held(-60, observed=-3), False, -5, -4, ASK, id="received before our last read began"),
        pytest.param(held(-60, observed=-4), False, -5, -4, ASK, id="received as our last read began"),
        pytest.param(None, True, -5, -4, ASK, id="once deleted"),
        pytest.param(held(-60), True, -5, -4, ASK, id="once deleted, and held again"),
    ],
)
def test_a_webhooks_body_applies_only_where_it_is_certainly_newer(
    state: KnownRow | None, entombed: bool, modified: float | None, received: float, outcome: str
) -> None:
    """In every doubt the shop is asked: its answer cannot be older than the question."""
    told = None if modified is None else at(modified)
    applies = believed(state, entombed=entombed, modified=told, received_at=at(received), shop_now=NOW)
    assert (BODY if applies else ASK) == outcome


@pytest.mark.parametrize(
    ("observed", "before", "replaces"),
    [
        pytest.param(-5, None, True, id="nothing is held"),
        pytest.param(-5, -6, True, id="a read that began after what is held"),
        pytest.param(-5, -5, True, id="the same page twice"),
        pytest.param(-6, -5, False, id="a page read ahead, committed after a read by id"),
        pytest.param(-5, 60, True, id="what is held was written while our clock was wrong"),
    ],
)
def test_a_read_supersedes_what_was_observed_before_it_began(
    observed: float, before: float | None, replaces: bool
) -> None:
    """Pages are read ahead and committed later; the order of commits must not decide."""
    assert supersedes(at(observed), None if before is None else at(before), NOW) is replaces


def test_links_do_not_make_another_record() -> None:
    """A webhook names the shop by the scheme that its queue ran under."""
    one = {"id": 5, "_links": {"self": "http"}, "payment_url": "http"}
    assert same_record(one, {"id": 5, "_links": {"self": "https"}, "payment_url": "https"})
    assert not same_record(one, {**one, "id": 6})
