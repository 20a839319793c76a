"""What a publish adds to the observed history: the version before, and the marts that are to be published now."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from regulars.directory.layout import current_version, read_manifest, scan_table, versions
from regulars.errors import DataFolderError, NewerSchema
from transforms.observed import observe
from transforms.observed_reasons import Look
from transforms.quality_segments import observed_against_members
from transforms.schemas import PUBLISHED

log = logging.getLogger("regulars")
OF_SEGMENTS = ("segment_events", "segment_counts")


class Observed(NamedTuple):
    """The tables of `schemas.OBSERVED`, and the ids of the segments whose history begins anew in them."""

    tables: Mapping[str, pl.LazyFrame]
    anew: Sequence[str]


def observed_tables(
    folder: Path, marts: Mapping[str, pl.LazyFrame], about: Mapping[str, Any], *, shop: str, at: datetime, run_id: str
) -> Observed:
    """Return what the version that is about to be published in `folder` says of observed history.

    `marts` are its tables; `about` has `as_of` (ISO text) and `timezone`. The version before is only read, and only by
    the one who publishes next: the warehouse's lock is held. Where it is damaged, history goes on from the newest one
    that can be read, and begins anew without any: a damaged file must not stop every later publish. So does the history
    of a segment whose joins and leaves do not come to its members, for its people are right. Raises NewerSchema.
    """
    now = Look(marts, datetime.fromisoformat(about["as_of"]), about["timezone"])
    stamps: dict[str, Any] = {"shop": shop, "at": at, "run_id": run_id}
    for version in _newest_first(folder):
        try:
            before = _look(folder / version)
            return _adding_up(before, now, stamps)
        except NewerSchema:
            raise
        except (DataFolderError, pl.exceptions.PolarsError, OSError) as error:
            log.warning(
                "The published version %s cannot be read (%s): history skips it.", version, type(error).__name__
            )
    return Observed(observe(None, now, **stamps), ())


def _adding_up(before: Look, now: Look, stamps: Mapping[str, Any]) -> Observed:
    tables = observe(before, now, **stamps)
    told = {"segments": now.tables["segments"], "segment_events": tables["segment_events"]}
    anew = observed_against_members(told).collect()["segment_id"].sort().to_list()
    if not anew:
        return Observed(tables, ())
    log.warning("The history of %d segments did not add up to their people; it begins anew: %s.", len(anew), anew)
    others = {name: before.tables[name].filter(~pl.col("segment_id").is_in(anew)) for name in OF_SEGMENTS}
    return Observed(observe(before._replace(tables={**before.tables, **others}), now, **stamps), anew)


def _newest_first(folder: Path) -> Iterator[str]:
    """Yield the current version, and after it the others, the newest first."""
    try:
        current = current_version(folder)
    except DataFolderError:
        log.warning("%s names no version: history goes on from the newest one there is.", folder / "CURRENT")
        current = None
    if current is not None:
        yield current
    yield from (version for version in reversed(versions(folder)) if version != current)


def _look(version_folder: Path) -> Look:
    manifest = read_manifest(version_folder)
    return Look({name: scan_table(version_folder, name) for name in PUBLISHED}, manifest.as_of, manifest.timezone)
