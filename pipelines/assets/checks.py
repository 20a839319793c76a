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

MARTS_CUSTOMERS = dg.AssetKey(["marts", "customers"])
RAW_ORDERS = dg.AssetKey(["raw", "orders"])
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
        hidden = hidden_since(deployment, shop, facts["marts"]["records_token"])
        rows = check_marts(house.marts(), timezone=facts["timezone"], hidden=hidden).to_dicts()
        broken = {row["check"]: row["violations"] for row in rows if row["violations"]}
        sentences = [f"{row['meaning'].rstrip('.')} ({which_rows(row)})" for row in rows if row["violations"]]
        note_checks(deployment, context, INVARIANTS, [as_result(row) for row in rows])
        if broken:
            progress_of(context, deployment).fail(refused(tuple(sentences)).sentence())
        return dg.AssetCheckResult(
            passed=not broken,
            description="; ".join(sentences) or f"All {len(rows)} invariants hold.",
            metadata={"invariants": len(rows), "violations": broken},
        )

    return invariants


def hidden_since(deployment: Deployment, shop: str, token: int) -> frozenset[str] | None:
    """Return the people who were deleted here, by today's key; None where something was written since `token`."""
    from regulars.directory.overlay import read_overlay
    from regulars.records import open_records

    with open_records(deployment.settings) as records:
        hidden = frozenset(read_overlay(records, shop).hidden)
        return hidden if records.change_token() == token else None


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
    """Return the Great Expectations suites as checks; they take seconds to import, so they run on schedule."""

    @dg.asset_check(
        asset=RAW_ORDERS,
        name="expectations",
        partitions_def=partitions,
        description="Great Expectations on the raw orders: ids, dates, known statuses, readable totals.",
    )
    def raw_orders(
        context: dg.AssetCheckExecutionContext, deployment: Deployment, warehouse: WarehouseResource
    ) -> dg.AssetCheckResult:
        from pipelines.expectations import validate_raw_orders

        result = validate_raw_orders(warehouse.of(context.partition_key).raw_orders().to_pandas())
        note_checks(deployment, context, "raw orders", list(rows_of(result)))
        return as_check(result)

    @dg.asset_check(
        asset=MARTS_CUSTOMERS,
        name="expectations",
        partitions_def=partitions,
        description="Great Expectations on the people: keys, money, scores, countries.",
    )
    def marts_customers(
        context: dg.AssetCheckExecutionContext, deployment: Deployment, warehouse: WarehouseResource
    ) -> dg.AssetCheckResult:
        from pipelines.expectations import CUSTOMER_COLUMNS, validate_marts_customers

        customers = warehouse.of(context.partition_key).marts()["customers"]
        result = validate_marts_customers(customers.select(CUSTOMER_COLUMNS).collect().to_pandas())
        note_checks(deployment, context, "people", list(rows_of(result)))
        return as_check(result)

    return [raw_orders, marts_customers]


def rows_of(result: "SuiteResult") -> Iterator[tuple[str, bool, str]]:
    """Yield a suite's expectations as name, whether it holds, and detail: counts, no values."""
    for row in result.expectations:
        number = row["unexpected_count"] or 0
        unusual = f"{number:,} rows are otherwise" if number else "All rows are so"
        share = f" ({row['unexpected_percent']:.2g} %)" if number and row["unexpected_percent"] else ""
        yield str(row["meaning"]), bool(row["success"]), f"{unusual}{share}. Column: {row['column']}."


def as_check(result: "SuiteResult") -> dg.AssetCheckResult:
    """Return a suite's result as Dagster shows it: a row an expectation, counts only, no values of people."""
    failed = [row for row in result.expectations if not row["success"]]
    return dg.AssetCheckResult(
        passed=result.success,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(str(row["meaning"]) for row in failed)
        or f"All {len(result.expectations)} expectations hold.",
        metadata={"expectations": dg.MetadataValue.md(table_of(result.expectations)), "seconds": result.seconds},
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
