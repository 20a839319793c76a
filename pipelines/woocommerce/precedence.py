"""What wins over what: the one place that says it.

Terms: a *read* is an answer of the shop's REST API, which cannot be older than its question; what is *told* is the body
of a webhook, which is the record as it was when the shop got round to sending it: late, out of order, twice. *Held* is
the row in the warehouse, *observed* when its read was asked for or its delivery was received.

The rule, in two sentences. A read supersedes everything observed before that read started. A webhook's body applies
only where its modification date is strictly newer than that of the row held, and in every doubt (no date, the same one,
one in the shop's future, received before the row held was observed, a record once deleted) the record is read by its id.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from pipelines.woocommerce.known import KnownRow

# What tells one way to the shop from another, and not one state of a record from another: a webhook's body may come
# over another scheme than the answer to a read.
LINKS: Final = frozenset({"_links", "payment_url"})


def believed(
    held: KnownRow | None,
    *,
    entombed: bool,
    modified: datetime | None,
    received_at: datetime,
    shop_now: datetime,
) -> bool:
    """Return whether a webhook's body applies as it is; where not, the shop is asked.

    `modified` is the body's `date_modified_gmt`, None where it has none. `entombed`: the shop once said that the record
    is gone. `shop_now` is the shop's own clock, beyond which no date is believed.
    """
    if entombed or modified is None or modified > shop_now:
        return False
    if held is None:
        return True
    return held.modified_at is not None and modified > held.modified_at and received_at > held.observed_at


def supersedes(observed_at: datetime, held: datetime | None, now: datetime) -> bool:
    """Return whether a row observed at `observed_at` may replace one that was observed at `held` (None: none is held).

    A row "observed" after `now` was written while our clock was wrong; it must not withstand what is read today.
    """
    return held is None or observed_at >= held or held > now


def same_record(one: dict[str, object], other: dict[str, object], apart_from: Iterable[str] = LINKS) -> bool:
    """Return whether two bodies of one record say the same, links left aside."""
    left = set(apart_from)
    return {k: v for k, v in one.items() if k not in left} == {k: v for k, v in other.items() if k not in left}
