"""The figures that `regulars demo --orders FILE --once` prints are the file's, computed here by other means."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.e2e.running import ROOT, Place
from tests.transforms.retail_sql import Truth, compare

pytestmark = pytest.mark.e2e
RETAIL = ROOT.parent / "shared" / "data" / "online_retail_ii.parquet"
SMALL_SHOP, RETAIL_SHOP = "demo-small", "demo-online-retail-ii"
COLUMNS = ("invoice", "stock_code", "quantity", "invoice_date", "price", "customer_id")
# Two people and a guest; refunds after an order, before any, and above their order; what is no order; a repeated line.
LINES: Sequence[tuple[str, str, int, str, str, int | None]] = (
    ("500001", "A1", 2, "2011-03-01 10:00", "1.255", 1),
    ("500001", "A1", 2, "2011-03-01 10:00", "1.255", 1),
    ("500001", "B2", 1, "2011-03-01 10:05", "10.00", 1),
    ("500002", "B2", 3, "2011-03-31 23:59", "10.00", 1),
    ("C500003", "B2", -2, "2011-04-01 00:00", "10.00", 1),
    ("C500004", "B2", -5, "2011-03-02 09:00", "10.00", 2),
    ("500005", "B2", 1, "2011-03-20 09:00", "10.00", 2),
    ("500006", "C3", 1, "2011-03-21 09:00", "7.77", None),
    ("500007", "C3", -1, "2011-03-22 09:00", "7.77", 1),
    ("500008", "D4", 1, "2011-03-23 09:00", "0.00", 1),
    ("A500009", "E5", 1, "2011-03-24 09:00", "99.00", 1),
    ("500010", "C3", 1, "2011-05-01 00:00", "7.77", 3),
)


def small_file(path: Path) -> Path:
    """Write a file of a retailer's lines with the columns of the large one."""
    rows = [dict(zip(COLUMNS, line, strict=True)) for line in LINES]
    frame = pl.DataFrame(rows, schema_overrides={"customer_id": pl.Int64}).with_columns(
        pl.col("invoice_date").str.to_datetime("%Y-%m-%d %H:%M"),
        pl.col("price").cast(pl.Float64),
        row_no=pl.int_range(pl.len(), dtype=pl.Int64),
        sheet=pl.lit("Year 2010-2011"),
        description=pl.concat_str(pl.lit("Thing "), "stock_code"),
        country=pl.lit("United Kingdom"),
    )
    frame.write_parquet(path)
    return path


def test_a_small_history_gives_each_days_truth_and_is_read_once(tmp_path: Path) -> None:
    """Small enough to add up on paper: what counts, what a refund takes, and what the day leaves out.

    The second sync finds nothing changed: the pull runs every quarter of an hour and must not read the shop again.
    Its figures are of an earlier day, from the same copy, and the terminal shows every digit of them.
    """
    place, file = Place(tmp_path), small_file(tmp_path / "small.parquet")
    command = ("demo", "--orders", str(file), "--once", "--as-of")

    result = place.result(*command, "2011-05-01")

    # One: 2 x 2.51 + 10 + 30, less 20. Two: 10, less 50. The guest of 500006 is no account; 500010 is of the next day.
    accounts = {"customers": 2, "orders": 3, "gross": "55.020000", "refunded": "70.000000", "net": "-14.980000"}
    assert result["accounts"] == [{"currency": "GBP", **accounts}]
    assert [(each["customers"], each["orders"], each["gross"]) for each in result["everyone"]] == [(3, 4, "62.790000")]
    assert (result["live"], result["as_of"]) == (False, "2011-05-01T00:00:00Z")
    assert sum(result["rfm_groups"].values()) == 3

    again = place.run(*command, "2011-03-31")

    assert again.returncode == 0, again.stderr
    assert "as of 2011-03-31 00:00 UTC (a past day, reconstructed)" in again.stdout
    (printed,) = [line.split() for line in again.stdout.splitlines() if line.startswith("accounts")]
    assert printed == ["accounts", "GBP", "2", "2", "25.02", "50.00", "-24.98"]
    assert "Champions" in again.stdout
    assert "Frequent buyers" in again.stdout
    sync = place.manifest(SMALL_SHOP).model_dump()["sync"]
    assert sync["requests"] < 10
    assert not sync["full"]


def truth(as_of: datetime) -> dict[str, Any]:
    """Return the figures of accounts with a counted order before `as_of`, from the file itself."""
    lines = pl.scan_parquet(RETAIL).with_columns(
        amount=pl.col("quantity") * (pl.col("price") * 1000).round().cast(pl.Int64)
    )
    first, second = (lines.filter(pl.col("sheet") == sheet) for sheet in _sheets(lines))
    begins = second.select(pl.col("invoice_date").min()).collect().item()
    once = pl.concat([first.filter(pl.col("invoice_date") < begins), second])
    invoices = once.group_by("invoice").agg(
        pl.col("invoice_date").min(), pl.col("customer_id").first(), pl.col("amount").sum()
    )
    before = invoices.filter(pl.col("invoice_date") < as_of, pl.col("customer_id").is_not_null())
    orders = before.filter(~pl.col("invoice").str.contains("^[CA]"), pl.col("amount") > 0)
    refunds = before.filter(pl.col("invoice").str.starts_with("C")).join(orders, on="customer_id", how="semi")
    gross, refunded = (
        Decimal(each.select(pl.col("amount").sum()).collect().item() or 0) / 1000 for each in (orders, refunds)
    )
    people, count = orders.select(pl.col("customer_id").n_unique(), pl.len().alias("n")).collect().row(0)
    return {"customers": people, "orders": count, "gross": gross, "refunded": -refunded, "net": gross + refunded}


def _sheets(lines: pl.LazyFrame) -> list[str]:
    return list(lines.select(pl.col("sheet").unique().sort()).collect()["sheet"])


@pytest.mark.deep
@pytest.mark.skipif(not RETAIL.exists(), reason="../shared/data/online_retail_ii.parquet is not there")
def test_a_real_retailers_two_years(tmp_path: Path) -> None:
    """The bar of the whole road: every order of a real shop, over HTTP, and each figure exact, on three days.

    Everybody's figures, scores and segments are those that SQL makes of the file; so are the sums that are printed.
    """
    place = Place(tmp_path)
    command = ("demo", "--orders", str(RETAIL), "--once", "--as-of")

    results = {}
    for day in ("2011-12-10", "2011-06-01", "2010-12-01"):
        results[day] = place.result(*command, day, seconds=900)
        compare(Truth(RETAIL, date.fromisoformat(day)), place.tables(RETAIL_SHOP))

    (last,) = results["2011-12-10"]["accounts"]
    published = ("5878", "36969", "17431551.178000", "1026832.470000", "16404718.708000")
    assert tuple(str(last[name]) for name in ("customers", "orders", "gross", "refunded", "net")) == published
    for day, result in results.items():
        (accounts,) = result["accounts"]
        wanted = truth(datetime.fromisoformat(day))
        assert {name: Decimal(accounts[name]) for name in wanted} == wanted, json.dumps(accounts)
    assert results["2011-06-01"]["sync"]["requests"] < 10
