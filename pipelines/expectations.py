"""Great Expectations over the two tables where a shop's oddities show first: raw orders, and the marts' customers.

These suites tell people what is unusual in a shop's data; what must never be published is refused elsewhere, by the
cheap invariants in `transforms/quality.py`. An expectation is either *critical*, and then the suite fails with it, or
a *warning*: it is reported, and the suite may still succeed (shops have custom statuses and hand-typed countries).

Great Expectations takes ten seconds to import, so that happens inside the functions. Results hold counts alone: no
value of any row leaves this module, since rows are about people.
"""

import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transforms.rfm import RFM_GROUPS

if TYPE_CHECKING:
    import pandas as pd

RAW_ORDER_COLUMNS = (
    "id",
    "status",
    "date_created_gmt",
    "date_modified_gmt",
    "observed_at",
    "body_length",
    "currency",
    "total",
)
CUSTOMER_COLUMNS = (
    "shop",
    "customer_key",
    "woocommerce_id",
    "country",
    "currency",
    "orders_count",
    "gross",
    "refunded",
    "net",
    "first_order_at",
    "last_order_at",
    "recency_days",
    "r",
    "f",
    "m",
    "rfm_group",
    "as_of",
)
# WooCommerce's own, with the one WordPress gives a draft; plugins add more.
STATUSES = (
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
    "auto-draft",
    "trash",
)
# No shop's orders are older than shops on the web, however it imported them.
EARLIEST = "1994-01-01"
CUSTOMER_KEY = r"^(?:woo:[1-9]\d*|guest:\S+|guest-order:[1-9]\d*)$"
CURRENCY = r"^[A-Z]{3}$"
COUNTRY = r"^[A-Z]{2}$"
MONEY_TEXT = r"^-?\d{1,12}(?:\.\d{1,6})?$"

CRITICAL, WARNING = "critical", "warning"


@dataclass(frozen=True)
class SuiteResult:
    """What a suite found.

    `success`: every critical expectation holds. `expectations`: one row each, with `expectation` (Great Expectations'
    name), `column` (two are joined by " and "), `severity`, `success`, `unexpected_count` (rows), `unexpected_percent`
    (0..100, of the rows that have a value; None for no rows) and `meaning`, a sentence for people. `seconds` is how
    long it took, the import included.
    """

    success: bool
    expectations: list[dict[str, object]]
    seconds: float


@dataclass(frozen=True)
class _Expectation:
    """One expectation as data. `kind` is Great Expectations' class; it holds where `mostly` of the rows are right."""

    meaning: str
    kind: str
    arguments: dict[str, Any]
    severity: str = CRITICAL
    mostly: float = 1.0


def validate_raw_orders(frame: "pd.DataFrame") -> SuiteResult:
    """Check orders as the shop sent them.

    `frame` has a row an order and at least `RAW_ORDER_COLUMNS`: times with a zone, `body_length` in characters,
    `currency` and `total` as texts out of the body. Raises ValueError naming columns that are missing.
    """
    started = time.perf_counter()
    times = ("date_created_gmt", "date_modified_gmt", "observed_at")
    return _validate("raw orders", _prepared(frame, RAW_ORDER_COLUMNS, times), list(_raw_orders()), started)


def validate_marts_customers(frame: "pd.DataFrame") -> SuiteResult:
    """Check the people as they are about to be shown.

    `frame` has a row a person and at least `CUSTOMER_COLUMNS`: money as `decimal.Decimal`, times with a zone, absent
    values null. Raises ValueError naming columns that are missing.
    """
    started = time.perf_counter()
    prepared = _prepared(frame, CUSTOMER_COLUMNS, ("first_order_at", "last_order_at", "as_of"))
    both = prepared["gross"].notna() & prepared["refunded"].notna()
    prepared["gross_less_refunded"] = (prepared["gross"][both] - prepared["refunded"][both]).astype("object")
    prepared["scored_if_counted"] = prepared["r"].notna() == (prepared["orders_count"] > 0)
    prepared["country"] = prepared["country"].replace("", None)
    return _validate("marts customers", prepared, list(_marts_customers()), started)


def _raw_orders() -> Iterator[_Expectation]:
    yield _each("id", "Every order has an id", "ExpectColumnValuesToNotBeNull")
    yield _each("id", "No order stands there twice", "ExpectColumnValuesToBeUnique")
    yield _each("id", "Ids are positive numbers", "ExpectColumnValuesToBeBetween", min_value=1)
    yield _each("body_length", "No order's body is empty", "ExpectColumnValuesToNotBeNull")
    yield _each("body_length", "Bodies hold at least an object", "ExpectColumnValuesToBeBetween", min_value=3)
    yield _each("status", "Every order has a status", "ExpectColumnValuesToNotBeNull")
    yield _mostly(
        "status", "Statuses are WooCommerce's own", "ExpectColumnValuesToBeInSet", 0.98, value_set=list(STATUSES)
    )
    yield _each("date_created_gmt", "Every order has a creation date", "ExpectColumnValuesToNotBeNull")
    yield _each(
        "date_created_gmt",
        "Orders were created after 1993",
        "ExpectColumnValuesToBeBetween",
        min_value=EARLIEST,
    )
    yield _mostly("date_modified_gmt", "Orders have a modification date", "ExpectColumnValuesToNotBeNull", 0.99)
    # Imports and clocks that were wrong leave times in the future: known, and worth a look.
    yield _pair("observed_at", "date_created_gmt", "Orders were created before we saw them", mostly=0.99)
    yield _pair("observed_at", "date_modified_gmt", "Orders were changed before we saw them", mostly=0.99)
    yield _each("currency", "Every order has a currency", "ExpectColumnValuesToNotBeNull")
    yield _each("currency", "Currencies are three capitals", "ExpectColumnValuesToMatchRegex", regex=CURRENCY)
    yield _each("total", "Every order has a total", "ExpectColumnValuesToNotBeNull")
    yield _each("total", "Totals can be read as exact money", "ExpectColumnValuesToMatchRegex", regex=MONEY_TEXT)


def _marts_customers() -> Iterator[_Expectation]:
    yield _each("customer_key", "Every person has a key", "ExpectColumnValuesToNotBeNull")
    yield _each("customer_key", "No person stands there twice", "ExpectColumnValuesToBeUnique")
    yield _each(
        "customer_key",
        "Keys are those of an account, a guest or a guest's order",
        "ExpectColumnValuesToMatchRegex",
        regex=CUSTOMER_KEY,
    )
    yield _each("woocommerce_id", "No account belongs to two people", "ExpectColumnValuesToBeUnique")
    yield _each("orders_count", "Every person has a number of orders", "ExpectColumnValuesToNotBeNull")
    yield _each("orders_count", "Nobody has fewer than no orders", "ExpectColumnValuesToBeBetween", min_value=0)
    yield _Expectation(
        "Net is gross less refunded, to the last digit",
        "ExpectColumnPairValuesToBeEqual",
        {"column_A": "net", "column_B": "gross_less_refunded"},
    )
    yield _each("gross", "Nobody bought for less than nothing", "ExpectColumnValuesToBeBetween", min_value=0)
    yield _each("refunded", "Nobody was refunded less than nothing", "ExpectColumnValuesToBeBetween", min_value=0)
    for score in ("r", "f", "m"):
        yield _each(score, f"{score.upper()} is 1 to 5", "ExpectColumnValuesToBeBetween", min_value=1, max_value=5)
    yield _each(
        "scored_if_counted",
        "Who has a counted order is scored, and nobody else",
        "ExpectColumnValuesToBeInSet",
        value_set=[True],
    )
    yield _each("rfm_group", "RFM groups are the eleven", "ExpectColumnValuesToBeInSet", value_set=list(RFM_GROUPS))
    yield _each("recency_days", "No last order lies in the future", "ExpectColumnValuesToBeBetween", min_value=0)
    yield _pair("last_order_at", "first_order_at", "First orders come before last ones", severity=CRITICAL)
    yield _pair("as_of", "last_order_at", "No order after the day of the figures counts", severity=CRITICAL)
    yield _each("currency", "Currencies are three capitals", "ExpectColumnValuesToMatchRegex", regex=CURRENCY)
    yield _mostly("country", "Countries are two capitals", "ExpectColumnValuesToMatchRegex", 0.99, regex=COUNTRY)


def _each(column: str, meaning: str, kind: str, **arguments: Any) -> _Expectation:
    return _Expectation(meaning, kind, {"column": column, **arguments})


def _mostly(column: str, meaning: str, kind: str, mostly: float, **arguments: Any) -> _Expectation:
    return _Expectation(meaning, kind, {"column": column, **arguments}, severity=WARNING, mostly=mostly)


def _pair(later: str, earlier: str, meaning: str, *, severity: str = WARNING, mostly: float = 1.0) -> _Expectation:
    arguments = {
        "column_A": later,
        "column_B": earlier,
        "or_equal": True,
        "ignore_row_if": "either_value_is_missing",
    }
    return _Expectation(meaning, "ExpectColumnPairValuesAToBeGreaterThanB", arguments, severity, mostly)


def _prepared(frame: "pd.DataFrame", columns: Sequence[str], times: Sequence[str]) -> "pd.DataFrame":
    """Return a copy of the needed columns alone, with all times in UTC and without a zone, so that they compare."""
    import pandas as pd

    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise ValueError(f"The frame lacks the columns {', '.join(missing)}.")
    prepared = frame[list(columns)].copy()
    for name in times:
        prepared[name] = pd.to_datetime(prepared[name], utc=True).dt.tz_localize(None)
    return prepared


def _validate(name: str, frame: "pd.DataFrame", expectations: Sequence[_Expectation], started: float) -> SuiteResult:
    """Run the suite in a context that keeps nothing, draws nothing and sends nothing."""
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
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe(name).get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(name, expectations=[_built(gx, at, one) for at, one in enumerate(expectations)])
    counts_only = {"result_format": "BASIC", "partial_unexpected_count": 0}
    found = {one.expectation_config.meta["at"]: one for one in batch.validate(suite, result_format=counts_only).results}
    rows = [_row(expectation, found[at]) for at, expectation in enumerate(expectations)]
    success = all(row["success"] for row in rows if row["severity"] == CRITICAL)
    return SuiteResult(success, rows, round(time.perf_counter() - started, 3))


def _built(gx: Any, at: int, expectation: _Expectation) -> Any:
    """Return Great Expectations' own object; `at` finds its result, as results come back in another order."""
    arguments = dict(expectation.arguments)
    for bound in ("min_value", "max_value"):
        if isinstance(arguments.get(bound), str):
            import pandas as pd

            arguments[bound] = pd.Timestamp(arguments[bound]).to_pydatetime()
    kind = getattr(gx.expectations, expectation.kind)
    return kind(**arguments, mostly=expectation.mostly, severity=expectation.severity, meta={"at": at})


def _row(expectation: _Expectation, found: Any) -> dict[str, object]:
    """Return one row of the result. Raises RuntimeError where the expectation could not be worked out at all."""
    if "unexpected_count" not in found.result:
        raise RuntimeError(f"The expectation {expectation.meaning!r} could not be evaluated: {_exception(found)}")
    names = [expectation.arguments[key] for key in ("column", "column_A", "column_B") if key in expectation.arguments]
    return {
        "expectation": found.expectation_config.type,
        "column": " and ".join(names),
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
