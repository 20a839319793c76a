"""Checks: the invariants that block a publish, and the Great Expectations suites that watch the data's quality."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.failures import refused
from pipelines.history import note_checks, progress_of
from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import WarehouseResource

if TYPE_CHECKING:
    from pipelines.expectations import SuiteResult
    from pipelines.warehouse import Warehouse

MARTS_CUSTOMERS = dg.AssetKey(["marts", "customers"])
RAW_CHECKED = ("orders", "customers", "refunds", "products", "deletions")
MARTS_CHECKED = (
    *("customers", "customer_currencies", "orders", "order_lines", "refunds", "products"),
    *("segments", "segment_members", "rfm_cuts", "identities", "identity_reviews", "person_tags"),
)
INVARIANTS = "invariants"


def blocking_check(partitions: dg.PartitionsDefinition[str]) -> dg.AssetChecksDefinition:
    """Return the check that stands before every publish: `transforms/quality.py` over all marts."""

    @dg.asset_check(
        asset=MARTS_CUSTOMERS,
        name=INVARIANTS,
        blocking=True,
        partitions_def=partitions,
        description=(
            "Keys unique, net = gross - refunded, people's sums equal their orders', scores only where orders count, "
            "identities belong to somebody, segments hold whom their rules name."
        ),
    )
    def invariants(
        context: dg.AssetCheckExecutionContext, deployment: Deployment, warehouse: WarehouseResource
    ) -> dg.AssetCheckResult:
        from transforms.quality import check_marts

        shop = context.partition_key
        house = warehouse.of(shop)
        facts = house.facts()
        # Not whom the records hide by now, nor by which keys: a check that knows others than the run did never ends.
        hidden = hidden_then(house)
        rows = check_marts(house.marts(), timezone=facts["timezone"], hidden=hidden).to_dicts()
        broken = {row["check"]: row["violations"] for row in rows if row["violations"]}
        sentences = [as_sentence(row) for row in rows if row["violations"]]
        refusing = tuple(as_sentence(row) for row in rows if row["refused"])
        note_checks(deployment, context, INVARIANTS, [as_result(row) for row in rows])
        if refusing:
            progress_of(context, deployment).fail(refused(refusing).sentence())
        return dg.AssetCheckResult(
            passed=not broken,
            severity=dg.AssetCheckSeverity.ERROR if refusing else dg.AssetCheckSeverity.WARN,
            description="; ".join(sentences) or f"All {len(rows)} invariants hold.",
            metadata={"invariants": len(rows), "violations": broken},
        )

    return invariants


def hidden_then(warehouse: "Warehouse") -> frozenset[str] | None:
    """Return who was deleted here when the marts were derived, by their keys of then; None where nobody knows."""
    from pipelines.derived import HIDDEN
    from pipelines.reading import exists, read_table

    with warehouse.connect() as connection:
        if not exists(connection, "basis", "hidden"):
            return None
        return frozenset(read_table(connection, "basis", "hidden", HIDDEN).collect()["customer_key"])


def as_sentence(row: dict[str, Any]) -> str:
    """Return a broken row of `check_marts` as what does not hold, and where."""
    return f"{row['meaning'].rstrip('.')} ({which_rows(row)})"


def as_result(row: dict[str, Any]) -> tuple[str, bool, str]:
    """Return a row of `check_marts` as name, whether it holds, and detail."""
    held = not row["violations"]
    return row["check"], held, row["meaning"] if held else f"{row['meaning'].rstrip('.')}: {which_rows(row)}."


def which_rows(row: dict[str, Any]) -> str:
    """Return how many rows break an invariant, and up to three of them by their ids.

    >>> which_rows({"violations": 1, "examples": ["order 727"]})
    '1 row breaks it: order 727'
    >>> which_rows({"violations": 1200, "examples": ["order 7", "order 9", "order 12"]})
    '1,200 rows break it, such as order 7, order 9, order 12'
    """
    number, ids = row["violations"], ", ".join(row["examples"])
    counted = "1 row breaks it" if number == 1 else f"{number:,} rows break it"
    if not ids:
        return counted
    return f"{counted}{':' if number <= len(row['examples']) else ', such as'} {ids}"


def expectation_checks(partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetChecksDefinition]:
    """Return the Great Expectations suites as checks, one a table; they take seconds to import, so they run on schedule.

    What stands in each suite is not looked at here: whoever loads the definitions loads no table library.
    """
    raw = (_expectation_check(partitions, "raw", table) for table in RAW_CHECKED)
    marts = (_expectation_check(partitions, "marts", table) for table in MARTS_CHECKED)
    return [*raw, *marts]


def _expectation_check(partitions: dg.PartitionsDefinition[str], schema: str, table: str) -> dg.AssetChecksDefinition:
    # Deletions come with whatever is gone; they are no asset of their own, and most are orders.
    asset, name = (
        (["raw", "orders"], "expectations_deletions") if table == "deletions" else ([schema, table], "expectations")
    )

    @dg.asset_check(
        asset=dg.AssetKey(asset),
        name=name,
        partitions_def=partitions,
        description=f"Great Expectations on the table {schema}.{table}; of a large one on evenly spread rows.",
    )
    def expectations(
        context: dg.AssetCheckExecutionContext, deployment: Deployment, warehouse: WarehouseResource
    ) -> dg.AssetCheckResult:
        from pipelines.expectations import MART_SUITES, RAW_SUITES, validate
        from pipelines.expectations.sample import mart_sample, raw_sample

        house = warehouse.of(context.partition_key)
        suite = (RAW_SUITES if schema == "raw" else MART_SUITES)[table]
        sample = raw_sample(house, table) if schema == "raw" else mart_sample(house, table, suite)
        result = validate(suite, sample.rows)
        note_checks(deployment, context, suite.name, list(rows_of(result)))
        return as_check(result, looked_at=sample.rows.height, rows=sample.of)

    return expectations


def rows_of(result: "SuiteResult") -> Iterator[tuple[str, bool, str]]:
    """Yield a suite's expectations as name, whether it holds, and detail: counts, no values."""
    for row in result.expectations:
        number = row["unexpected_count"] or 0
        unusual = f"{number:,} rows are otherwise" if number else "All rows are so"
        share = f" ({row['unexpected_percent']:.2g} %)" if number and row["unexpected_percent"] else ""
        yield str(row["meaning"]), bool(row["success"]), f"{unusual}{share}. Column: {row['column']}."


def as_check(result: "SuiteResult", *, looked_at: int, rows: int) -> dg.AssetCheckResult:
    """Return a suite's result as Dagster shows it: a row an expectation, counts only, no values of people.

    `looked_at` of the table's `rows` were checked.
    """
    failed = [row for row in result.expectations if not row["success"]]
    return dg.AssetCheckResult(
        passed=result.success,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(str(row["meaning"]) for row in failed)
        or f"All {len(result.expectations)} expectations hold.",
        metadata={
            "expectations": dg.MetadataValue.md(table_of(result.expectations)),
            "rows": rows,
            "looked_at": looked_at,
            "seconds": result.seconds,
        },
    )


def table_of(rows: list[dict[str, object]]) -> str:
    """Return the expectations as a Markdown table."""
    return "\n".join(_lines(rows))


def _lines(rows: list[dict[str, object]]) -> Iterator[str]:
    yield "| expectation | column | holds | unexpected rows |"
    yield "|---|---|---|---|"
    for row in rows:
        holds = "yes" if row["success"] else "**no**"
        yield f"| {row['meaning']} | {row['column'] or ''} | {holds} | {row['unexpected_count'] or 0} |"
