"""What a version says of identities, of who was in a segment when, and of the cuts of the scores: tables read as asked.

Observed history is what publishes saw (see `transforms.schemas.OBSERVED`): it is read as it was written. People who were
deleted here are left out of it, as everywhere.
"""

from collections.abc import Iterable

import polars as pl

from regulars.directory.current import CurrentVersion
from regulars.directory.overlay import Overlay
from regulars.directory.snapshot import KEY, Snapshot
from transforms.identity import FIRST_NAME, GUEST, normalise_email
from transforms.identity_shared import OWN_NAME

EVENTS_AT_ONCE = 50


class PublishedTables(CurrentVersion):
    """Readers of the current version's smaller tables."""

    def known_as(self, key: str) -> list[str]:
        """Return the key of today of whoever has or had `key`, and after it those they had before.

        Also before the first publish, and of a key that nobody has.
        """
        overlay = self._overlay()
        return keys_of(overlay.key_now(key), overlay)

    def all_keys(self, keys: Iterable[str]) -> list[str]:
        """Return these people's keys of today, which `keys` are, and those they had before, sorted."""
        overlay, chosen = self._overlay(), set(keys)
        return sorted(chosen | {alias for alias in overlay.aliases if overlay.key_now(alias) in chosen})

    def identities_of(self, key: str) -> pl.DataFrame:
        """Return what a person (also under a key of the past) is made of, most orders first; columns of `IDENTITIES`.

        Who was merged since the version was published is among them, with the key of then; so is somebody who was
        separated since, with whose they were.
        """
        overlay = self._overlay()
        keys = keys_of(overlay.key_now(key), overlay)

        def read(snapshot: Snapshot) -> pl.DataFrame:
            mine = snapshot.scan("identities").filter(pl.col(KEY).is_in(keys) | (pl.col("identity") == keys[0]))
            return mine.sort("orders", "identity", descending=[True, False]).collect()

        return self._reading(read)

    def strangers_share(self, email: str | None) -> bool:
        """Return whether guests of several names order under an e-mail, so that it alone says nobody's order.

        A guest's key is of the e-mail, and of the name too where strangers share it: then there are several of one
        e-mail, or the first of them is named so.
        """
        normal = normalise_email(email or "")

        def read(snapshot: Snapshot) -> bool:
            under = snapshot.scan("identities").filter(
                pl.col("email") == normal, pl.col("identity").str.starts_with(GUEST)
            )
            links = under.select("link").collect()["link"]
            return links.len() > 1 or links.is_in([FIRST_NAME, OWN_NAME]).any()

        return normal is not None and self._reading(read)

    def identity_reviews(self) -> pl.DataFrame:
        """Return the addresses that strangers share, most orders first; columns of `IDENTITY_REVIEWS`."""

        def read(snapshot: Snapshot) -> pl.DataFrame:
            return snapshot.scan("identity_reviews").sort("orders", "email", descending=[True, False]).collect()

        return self._reading(read)

    def segment_events(
        self, segment_id: str | None = None, *, key: str | None = None, limit: int = EVENTS_AT_ONCE, offset: int = 0
    ) -> pl.DataFrame:
        """Return who joined and left segments, the newest first, `limit` of them after `offset`.

        Columns of `SEGMENT_EVENTS`, and `customer_now`: today's key of the person. `segment_id` asks for one segment,
        `key` for one person, whatever their key was then. That somebody was there from the start (`first`) is told of a
        person alone: of a segment it would be everybody.
        """
        overlay = self._overlay()

        def read(snapshot: Snapshot) -> pl.DataFrame:
            shown = _events(snapshot, overlay, segment_id, key)
            newest_first = shown.sort("at", "segment_id", KEY, descending=[True, False, False])
            return newest_first.slice(offset, limit).collect()

        return self._reading(read)

    def segment_events_count(self, segment_id: str | None = None, *, key: str | None = None) -> int:
        """Return how many rows `segment_events` has for the same question, without a limit."""
        overlay = self._overlay()
        counted = self._reading(
            lambda snapshot: _events(snapshot, overlay, segment_id, key).select(pl.len()).collect().item()
        )
        return int(counted)

    def segment_counts_history(self, segment_id: str | None = None) -> pl.DataFrame:
        """Return how many people segments had at each publish that changed it, oldest first; columns of `SEGMENT_COUNTS`."""

        def read(snapshot: Snapshot) -> pl.DataFrame:
            counts = snapshot.scan("segment_counts")
            if segment_id is not None:
                counts = counts.filter(pl.col("segment_id") == segment_id)
            return counts.sort("segment_id", "at").collect()

        return self._reading(read)

    def rfm_cuts(self) -> pl.DataFrame:
        """Return the cuts between the scores of this version; columns of `RFM_CUTS`."""
        return self._reading(lambda snapshot: snapshot.scan("rfm_cuts").collect())

    def rfm_cuts_history(self) -> pl.DataFrame:
        """Return the cuts of earlier runs, the newest first; columns of `RFM_CUTS_HISTORY`."""

        def read(snapshot: Snapshot) -> pl.DataFrame:
            order = pl.col("score").replace_strict({"r": 0, "f": 1, "m": 2}, default=3)
            history = snapshot.scan("rfm_cuts_history")
            return history.sort(pl.col("at"), order, pl.col("currency"), descending=[True, False, False]).collect()

        return self._reading(read)


def keys_of(now: str, overlay: Overlay) -> list[str]:
    """Return a person's key of today and those they had before."""
    return [now, *(alias for alias in overlay.aliases if alias != now and overlay.key_now(alias) == now)]


def _events(snapshot: Snapshot, overlay: Overlay, segment_id: str | None, key: str | None) -> pl.LazyFrame:
    """Return who joined and left, with `customer_now`, in no order; see `PublishedTables.segment_events`."""
    events = snapshot.scan("segment_events")
    if segment_id is not None:
        events = events.filter(pl.col("segment_id") == segment_id)
    if key is None:
        events = events.filter(pl.col("kind") != "first")
    else:
        events = events.filter(pl.col(KEY).is_in(keys_of(overlay.key_now(key), overlay)))
    return _with_key_now(events, overlay).filter(~pl.col("customer_now").is_in(list(overlay.hidden)))


def _with_key_now(events: pl.LazyFrame, overlay: Overlay) -> pl.LazyFrame:
    moved = {alias: overlay.key_now(alias) for alias in overlay.aliases}
    if not moved:
        return events.with_columns(customer_now=pl.col(KEY))
    return events.with_columns(customer_now=pl.col(KEY).replace(moved))
