"""What every store guarantees of fingerprints of shops and of the states of our webhooks in them."""

from datetime import timedelta

import pytest

from regulars.errors import RecordInvalid
from tests.regulars.records.builders import HOSTILE_TEXTS, NOON, a_fingerprint, a_webhook


def test_a_shop_that_was_never_seen_has_no_fingerprint(records):
    """The first look accepts what there is; there must be a difference between that and a change."""
    records.set_fingerprint("t", a_fingerprint())
    assert records.fingerprint("s") is None


def test_the_shop_accepted_last_is_the_one_that_counts(records, open_again):
    """Another process compares with it before each sync."""
    records.set_fingerprint("s", a_fingerprint())
    moved = a_fingerprint(currency=None, timezone="UTC", seen_at=NOON + timedelta(microseconds=7))
    records.set_fingerprint("s", moved)
    assert open_again().fingerprint("s") == moved


def test_webhooks_are_listed_by_topic(records, open_again):
    """Screens and `regulars webhooks status` show them; ids of a shop may be large."""
    absent = a_webhook("order.deleted", "absent", webhook_id=None)
    big, other = a_webhook("customer.updated", "disabled", webhook_id=2**40), a_webhook()
    records.set_webhooks("s", [other, absent, big])
    records.set_webhooks("t", [a_webhook("order.created")])
    assert open_again().webhooks("s") == [big, absent, other]


def test_what_was_seen_before_is_replaced(records, open_again):
    """A webhook that was removed in the shop must not look alive for ever."""
    records.set_webhooks("s", [a_webhook("order.created"), a_webhook()])
    paused = a_webhook(status="paused")
    records.set_webhooks("s", [a_webhook(), paused])
    assert open_again().webhooks("s") == [paused]
    records.set_webhooks("s", [])
    assert records.webhooks("s") == []


@pytest.mark.parametrize("shop", ["nobody", *HOSTILE_TEXTS[:5], '{"$ne": null}'])
def test_a_shop_of_another_name_is_another_shop(records, shop):
    """Names of shops come in addresses that anybody can type."""
    records.set_webhooks("s", [a_webhook()])
    records.set_fingerprint("s", a_fingerprint())
    assert (records.webhooks(shop), records.fingerprint(shop)) == ([], None)


@pytest.mark.parametrize(
    "wrong", [{"topic": ""}, {"topic": "a\0"}, {"webhook_id": 0}, {"webhook_id": 2**63}, {"status": "gone"}]
)
def test_what_is_no_webhook_is_refused(records, wrong):
    """What one store would keep and the other refuse must be refused by both, and change nothing."""
    records.set_webhooks("s", [a_webhook()])
    with pytest.raises(RecordInvalid):
        records.set_webhooks("s", [a_webhook().model_copy(update=wrong)])
    assert records.webhooks("s") == [a_webhook()]


@pytest.mark.parametrize("wrong", [{"home": ""}, {"timezone": "a\0"}, {"seen_at": NOON.replace(tzinfo=None)}])
def test_what_is_no_fingerprint_is_refused(records, wrong):
    """A shop that was accepted as nothing would be asked about again at every sync."""
    with pytest.raises(RecordInvalid):
        records.set_fingerprint("s", a_fingerprint().model_copy(update=wrong))
    assert records.fingerprint("s") is None
