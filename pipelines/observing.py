"""What a publish adds to the observed history: the version before, and the marts that are to be published now."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from regulars.directory.layout import current_manifest, scan_table
from transforms.observed import observe
from transforms.observed_reasons import Look
from transforms.schemas import PUBLISHED


def observed_tables(
    folder: Path, marts: Mapping[str, pl.LazyFrame], about: Mapping[str, Any], *, shop: str, at: datetime, run_id: str
) -> dict[str, pl.LazyFrame]:
    """Return the tables of `schemas.OBSERVED` for the version that is about to be published in `folder`.

    `marts` are its tables; `about` has `as_of` (ISO text) and `timezone`. The version before is only read, and only by
    the one who publishes next: the warehouse's lock is held. Raises NewerSchema or DataFolderError where it cannot be
    read: publishing anew over it would end its history.
    """
    manifest = current_manifest(folder)
    before = None
    if manifest is not None:
        tables = {name: scan_table(folder / manifest.version, name) for name in PUBLISHED}
        before = Look(tables, manifest.as_of, manifest.timezone)
    now = Look(marts, datetime.fromisoformat(about["as_of"]), about["timezone"])
    return observe(before, now, shop=shop, at=at, run_id=run_id)
