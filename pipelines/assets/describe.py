"""What every asset tells of a materialisation, under the same names everywhere."""

from datetime import datetime
from typing import Any

SCHEMA = "schema 1"
OWNERS = ["team:regulars"]


def facts_of(
    *, rows: int, as_of: datetime | str, seconds: float, version: str = SCHEMA, changed: int | None = None
) -> dict[str, Any]:
    """Return the metadata of a materialisation.

    `rows` are in the table now, `changed` of them were written by this run (None: all are written anew each time).
    `as_of` is the instant that the data are true for, `version` names the schema or the published version, `seconds`
    is the wall time of the step that wrote the table.
    """
    facts: dict[str, Any] = {
        "dagster/row_count": rows,
        "rows": rows,
        "as_of": as_of if isinstance(as_of, str) else as_of.isoformat(),
        "version": version,
        "seconds": round(seconds, 2),
    }
    return facts if changed is None else {**facts, "changed": changed}
