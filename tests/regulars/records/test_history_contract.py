"""What every store guarantees of the history of syncs and checks, and of API tokens."""

from datetime import timedelta

import pytest

from regulars.errors import RecordInvalid, RecordNotFound
from tests.regulars.records.builders import NOON, a_check, a_drift, a_sync


def test_syncs_are_listed_with_the_last_to_end_first(records, open_again):
    """The health screen shows how the latest went, whatever order they were recorded in."""
    late = a_sync("b", finished_at=NOON + timedelta(minutes=1), status="failure", message="The shop is down.")
    early, same = a_sync("c"), a_sync("a", seconds=0.123456789)
    for run in (late, early, same, a_sync("other", shop="t")):
        records.add_sync(run)
    assert open_again().syncs("s") == [late, same, early]
    assert records.syncs("s", limit=1) == [late]
    assert records.syncs("s", limit=0) == []


def test_one_run_has_one_entry(records):
    """A run that is told of twice, by itself and by its sensor, happened once."""
    records.add_sync(a_sync("a", status="failure", message="It ended."))
    records.add_sync(a_sync("a"))
    assert records.syncs("s") == [a_sync("a")]


def test_the_history_of_syncs_is_bounded(records):
    """A sync each quarter of an hour makes 35,000 a year; the newest 500 of each shop are enough."""
    records.add_sync(a_sync("other", shop="t"))
    for number in range(503):
        records.add_sync(a_sync(f"run {number}", finished_at=NOON + timedelta(seconds=number)))
    kept = records.syncs("s", limit=1_000)
    assert [kept[0].run_id, kept[-1].run_id, len(kept)] == ["run 502", "run 3", 500]
    assert len(records.syncs("t")) == 1


@pytest.mark.parametrize("drift", [None, (), (a_drift("trash", 2**40, 1), a_drift("body", of="customer"))])
def test_what_a_reconcile_found_is_kept(records, open_again, drift):
    """That nothing differed and that nobody looked are two answers, and only one of them is a proof."""
    run = a_sync(kind="reconcile", drift=drift)
    records.add_sync(run)
    assert open_again().syncs("s") == [run]


@pytest.mark.deep
def test_the_last_comparison_outlives_the_history(records, open_again):
    """Deliveries make hundreds of syncs a day, a reconcile is one a night: its number must not fall out."""
    assert records.last_compared("s") is None
    old = a_sync("old", kind="reconcile", drift=(a_drift(),), finished_at=NOON - timedelta(days=2))
    last = a_sync("last", kind="reconcile", drift=(), finished_at=NOON - timedelta(days=1))
    for run in (old, last, a_sync("other", shop="t", drift=(a_drift(),), finished_at=NOON)):
        records.add_sync(run)
    for number in range(501):
        records.add_sync(a_sync(f"run {number}", kind="changes", finished_at=NOON + timedelta(seconds=number)))
    assert open_again().last_compared("s") == last
    kept = [run.run_id for run in records.syncs("s", limit=1_000)]
    assert (len(kept), kept[-2:]) == (501, ["run 1", "last"])


def test_times_keep_their_microseconds(records):
    """Two stores must not tell two times of one sync."""
    run = a_sync(started_at=NOON + timedelta(microseconds=123_457))
    records.add_sync(run)
    assert records.syncs("s") == [run]


@pytest.mark.parametrize(
    "wrong",
    [
        {"started_at": NOON.replace(tzinfo=None)},
        {"seconds": float("nan")},
        {"orders": 2**63},
        {"customers": -1},
        {"message": "a\0"},
        {"run_id": ""},
        {"kind": "sweep"},
        {"drift": (a_drift(before=-1),)},
        {"drift": (a_drift(after=2**63),)},
        {"drift": (a_drift(), a_drift(before=9))},
    ],
)
def test_what_is_no_sync_is_refused(records, wrong):
    """Numbers that one store would keep and the other refuse must be refused by both."""
    with pytest.raises(RecordInvalid):
        records.add_sync(a_sync().model_copy(update=wrong))
    assert records.syncs("s") == []


def test_a_suite_shows_its_last_run_alone(records, open_again):
    """A check that was dropped must not stay green for ever."""
    records.set_checks("s", "orders", [a_check("old"), a_check("kept")])
    records.set_checks("s", "customers", [a_check("b", "customers"), a_check("a", "customers", run_id="r")])
    records.set_checks("t", "orders", [a_check("other shop")])
    records.set_checks("s", "orders", [a_check("kept"), a_check("kept", passed=False)])
    assert open_again().checks("s") == [
        a_check("a", "customers", run_id="r"),
        a_check("b", "customers"),
        a_check("kept", passed=False),
    ]
    records.set_checks("s", "customers", [])
    assert [check.suite for check in records.checks("s")] == ["orders"]


def test_results_of_another_suite_are_refused(records):
    """They would never be replaced."""
    records.set_checks("s", "orders", [a_check()])
    with pytest.raises(RecordInvalid, match="suite"):
        records.set_checks("s", "orders", [a_check("x", "customers")])
    assert records.checks("s") == [a_check()]


def test_a_token_is_found_by_its_secret_until_revoked(records, open_again):
    """The API asks for each call; a revoked token must end at once, in every process."""
    token, secret = records.add_token(" cron ")
    assert (token.name, token.revoked_at, records.token_of(secret)) == ("cron", None, token)
    again = open_again()
    revoked = again.revoke_token(token.id)
    assert revoked.revoked_at is not None
    assert records.token_of(secret) is None
    assert again.revoke_token(token.id) == revoked
    assert records.tokens() == [revoked]


def test_secrets_are_long_and_each_its_own(records):
    """Whoever guesses a secret reads every customer."""
    made = [records.add_token("cron") for _ in range(3)]
    secrets = {secret for _, secret in made}
    assert len(secrets) == 3
    assert all(secret.startswith("rgl_") and len(secret) == 4 + 43 for secret in secrets)
    assert [token.id for token in records.tokens()] == sorted(token.id for token, _ in made)


@pytest.mark.parametrize("secret", ["", "rgl_", "x" * 10_000, "\0", "\ud800", '{"$ne": null}'])
def test_what_is_no_secret_finds_nothing(records, secret):
    """Secrets come from headers that anybody can send."""
    records.add_token("cron")
    assert records.token_of(secret) is None


@pytest.mark.parametrize("number", [0, -1, 99, 2**63, 2**64])
def test_a_token_that_never_was_cannot_be_revoked(records, number):
    """A typing error must not look as if a token had ended."""
    with pytest.raises(RecordNotFound):
        records.revoke_token(number)


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\0"])
def test_a_token_needs_a_name(records, name):
    """The name is how people know whom they would lock out."""
    with pytest.raises(RecordInvalid, match="name"):
        records.add_token(name)
    assert records.tokens() == []
