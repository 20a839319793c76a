"""Running a suite on a frame in Great Expectations, which sees the columns it needs and keeps nothing."""

import time
import warnings
from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines.expectations.suite import CRITICAL, Expectation, Suite, SuiteResult

if TYPE_CHECKING:
    import pandas as pd


def validate(suite: Suite, frame: pl.DataFrame) -> SuiteResult:
    """Check a frame, which has a row each and at least the suite's columns.

    Money is decimal, times have a zone, absent values are null. Raises ValueError naming columns that are missing.
    """
    started = time.perf_counter()
    missing = [name for name in suite.columns if name not in frame.columns]
    if missing:
        raise ValueError(f"The frame lacks the columns {', '.join(missing)}.")
    rows = _rows(suite, _prepared(suite, frame))
    success = all(row["success"] for row in rows if row["severity"] == CRITICAL)
    return SuiteResult(success, rows, round(time.perf_counter() - started, 3))


def _prepared(suite: Suite, frame: pl.DataFrame) -> "pd.DataFrame":
    """Return the needed columns alone, with those worked out; times in UTC and without a zone, so that they compare."""
    needed = frame.select(suite.columns).with_columns(**suite.derived)
    asked = dict.fromkeys(name for expectation in suite.expectations for name in expectation.columns)
    times = [name for name in asked if isinstance(needed.schema[name], pl.Datetime)]
    utc = [pl.col(name).dt.convert_time_zone("UTC").dt.replace_time_zone(None) for name in times]
    return needed.select(list(asked)).with_columns(utc).to_pandas()


def _rows(suite: Suite, frame: "pd.DataFrame") -> list[dict[str, object]]:
    """Run the suite in a context that keeps nothing, draws nothing and sends nothing; return a row an expectation."""
    with warnings.catch_warnings():
        # On import it loads modules that Python calls deprecated: its business, not that of our logs.
        warnings.filterwarnings("ignore", "module 'sre_", DeprecationWarning)
        import great_expectations as gx
        from great_expectations.data_context.types import base

    config = base.DataContextConfig(
        store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=base.ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(project_config=config, mode="ephemeral")
    asset = context.data_sources.add_pandas(suite.name).add_dataframe_asset(suite.name)
    batch = asset.add_batch_definition_whole_dataframe(suite.name).get_batch({"dataframe": frame})
    built = [_built(gx, at, one) for at, one in enumerate(suite.expectations)]
    counts_only = {"result_format": "BASIC", "partial_unexpected_count": 0}
    validated = batch.validate(gx.ExpectationSuite(suite.name, expectations=built), result_format=counts_only)
    found = {one.expectation_config.meta["at"]: one for one in validated.results}
    return [_row(expectation, found[at]) for at, expectation in enumerate(suite.expectations)]


def _built(gx: Any, at: int, expectation: Expectation) -> Any:
    """Return Great Expectations' own object; `at` finds its result, as results come back in another order."""
    arguments = dict(expectation.arguments)
    for bound in ("min_value", "max_value"):
        if isinstance(arguments.get(bound), str):
            import pandas as pd

            arguments[bound] = pd.Timestamp(arguments[bound]).to_pydatetime()
    kind = getattr(gx.expectations, expectation.kind)
    return kind(**arguments, mostly=expectation.mostly, severity=expectation.severity, meta={"at": at})


def _row(expectation: Expectation, found: Any) -> dict[str, object]:
    """Return one row of the result. Raises RuntimeError where the expectation could not be worked out at all."""
    if "unexpected_count" not in found.result:
        raise RuntimeError(f"The expectation {expectation.meaning!r} could not be evaluated: {_exception(found)}")
    return {
        "expectation": found.expectation_config.type,
        "column": " and ".join(expectation.columns),
        "severity": expectation.severity,
        "success": bool(found.success),
        "unexpected_count": int(found.result["unexpected_count"]),
        "unexpected_percent": found.result.get("unexpected_percent"),
        "meaning": expectation.meaning,
    }


def _exception(found: Any) -> str:
    """Return the kinds of errors; their texts could hold values."""
    text = str(found.exception_info)
    return "a column is missing" if "does not exist" in text else "its column has an unexpected type"
