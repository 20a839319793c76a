"""What the contract suite writes into the records again and again."""

from datetime import UTC, datetime

from regulars.models import CheckResult, Drift, Fingerprint, SyncRun, WebhookState

WOMAN_ON_LAPTOP = "👩🏽‍💻"
HOSTILE_TEXTS = [
    "<script>alert(1)</script> [x](javascript:alert(1)) $\\LaTeX$ {{ template }}",
    "'; DROP TABLE notes; --",
    '{"$ne": null}',
    "\u202eright to left override\u202c",
    WOMAN_ON_LAPTOP,
    "e" + "\u0301" * 5_000,
    "Zoë\r\nsecond line\ttab \x1b[31mred",
    "שלום עולם",
    "x" * 10_000,
]
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def a_segment(records, name="Big spenders", rule="total_spent >= 200"):
    """Return a new segment of the shop `s`."""
    return records.create_segment("s", name, rule, "ana")


def a_sync(run_id="run-1", **changed):
    """Return a sync that went well."""
    values = {
        "shop": "s",
        "run_id": run_id,
        "kind": "pull",
        "status": "success",
        "started_at": NOON,
        "finished_at": NOON,
        "customers": 50,
        "orders": 7,
        "seconds": 1.25,
    }
    return SyncRun(**{**values, **changed})


def a_check(name="net adds up", suite="orders", **changed):
    """Return the result of a check that passed."""
    return CheckResult(**{"suite": suite, "name": name, "passed": True, "detail": "0 of 9", "at": NOON, **changed})


def a_drift(kind="missing", before=3, after=0, of="order"):
    """Return drift that a reconcile mended."""
    return Drift(object=of, kind=kind, before=before, after=after)


def a_fingerprint(**changed):
    """Return what a shop in Berlin is."""
    values = {"home": "shop.example.com", "currency": "EUR", "timezone": "Europe/Berlin", "seen_at": NOON}
    return Fingerprint(**{**values, **changed})


def a_webhook(topic="order.updated", status="active", **changed):
    """Return a webhook as the shop showed it."""
    return WebhookState(**{"topic": topic, "status": status, "webhook_id": 12, "checked_at": NOON, **changed})


def everything(records):
    """Write something of each kind; return the secret of the token."""
    records.ensure_shop("s", [])
    edited = records.add_note("s", "woo:1", WOMAN_ON_LAPTOP, "ana")
    records.edit_note(edited.id, "two\nlines", "ben", 1)
    records.delete_note(records.add_note("s", "woo:1", "gone", "ana").id, 1)
    records.set_tags("s", "woo:1", ["VIP", "b2b"], "ana")
    records.undo_tag_change("s", records.tag_people("s", ["woo:1", "woo:2"], "undone", "ana").id, "ben")
    records.tag_people("s", ["woo:1", "woo:2"], "bulk", "ana")
    records.untag_people("s", ["woo:1"], "b2b", "ben")
    a_segment(records)
    records.edit_segment("s", "big-spenders", name="Big", rule="r = 5", author="ben", expected_version=1)
    records.delete_segment("s", a_segment(records, "Deleted").id)
    records.add_aliases("s", {"guest:a": "woo:1"})
    records.merge_people("s", "guest:b", "woo:1", "ana")
    records.undo_identity_decision("s", records.separate("s", "guest:c", "ana", of="woo:1").id, "ben")
    records.guest_key()
    records.hide("s", "woo:3", "ana")
    records.add_event("s", "woo:1", "edited", "ana", "email, phone")
    records.add_sync(a_sync())
    records.add_sync(a_sync("run-2", shop="t", status="failure", message="The shop is down.", seconds=0.1))
    records.add_sync(a_sync("run-3", kind="reconcile", drift=(a_drift(), a_drift("body", 2, 1, "customer"))))
    records.set_fingerprint("s", a_fingerprint())
    records.set_webhooks("s", [a_webhook(), a_webhook("order.deleted", "absent", webhook_id=None)])
    records.set_checks("s", "orders", [a_check(), a_check("few nulls", passed=False, run_id="run-1")])
    records.revoke_token(records.add_token("old")[0].id)
    return records.add_token("cron")[1]
