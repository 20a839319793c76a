"""What a publish adds to the observed history: the version before, and the marts that are to be published now."""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from regulars.directory.layout import current_version, read_manifest, scan_table, versions
from regulars.errors import DataFolderError, NewerSchema
from transforms.observed import observe
from transforms.observed_reasons import Look
from transforms.schemas import PUBLISHED

log = logging.getLogger("regulars")


def observed_tables(
    folder: Path, marts: Mapping[str, pl.LazyFrame], about: Mapping[str, Any], *, shop: str, at: datetime, run_id: str
) -> dict[str, pl.LazyFrame]:
    """Return the tables of `schemas.OBSERVED` for the version that is about to be published in `folder`.

    `marts` are its tables; `about` has `as_of` (ISO text) and `timezone`. The version before is only read, and only by
    the one who publishes next: the warehouse's lock is held. Where it is damaged, history goes on from the newest one
    that can be read, and begins anew without any: a damaged file must not stop every later publish. Raises NewerSchema.
    """
    now = Look(marts, datetime.fromisoformat(about["as_of"]), about["timezone"])
    for version in _newest_first(folder):
        try:
            before = _look(folder / version)
            return observe(before, now, shop=shop, at=at, run_id=run_id)
        except NewerSchema:
            raise
        except (DataFolderError, pl.exceptions.PolarsError, OSError) as error:
            log.warning(
                "The published version %s cannot be read (%s): history skips it.", version, type(error).__name__
            )
    return observe(None, now, shop=shop, at=at, run_id=run_id)


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
