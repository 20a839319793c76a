"""The truth about a real retailer's two years (Online Retail II), in DuckDB's SQL, from the file itself.

None of our code is used here: the definitions are written down a second time, in another language and in whole numbers
(money in thousandths, cuts in fifths of them), so that a mistake must be made twice to stay unseen. The file's rules
are those of `tests/transforms/retail_history.py`. People without an account are guests of one invoice each.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

FIGURES = (
    *("orders_count", "gross", "refunded", "net", "average_order", "refund_rate", "first_order_at", "last_order_at"),
    *("recency_days", "median_days_between", "days_to_second", "active_months", "r", "f", "m", "rfm_group"),
)

INVOICES = """
CREATE TEMP TABLE invoices AS
WITH sheets AS (SELECT sheet, min(invoice_date) AS begins FROM read_parquet($file) GROUP BY sheet),
     later AS (SELECT max(begins) AS begins FROM sheets),
     kept AS (
         SELECT l.* FROM read_parquet($file) l JOIN sheets s USING (sheet), later
         WHERE s.begins = later.begins OR l.invoice_date < later.begins
     )
SELECT invoice,
       max(customer_id) AS customer_id,
       min(invoice_date) AS dated,
       sum(quantity::BIGINT * round(price * 1000)::BIGINT)::BIGINT AS millis
FROM kept GROUP BY invoice
"""

FIGURED = """
CREATE TEMP TABLE figured AS
WITH orders AS (
         SELECT coalesce('woo:' || customer_id, 'invoice ' || invoice) AS person, customer_id, invoice, dated, millis
         FROM invoices
         WHERE left(invoice, 1) NOT IN ('A', 'C') AND millis > 0 AND dated < $as_of
     ),
     sold AS (
         SELECT person, any_value(customer_id) AS customer_id, count(*) AS orders_count, sum(millis)::BIGINT AS gross,
                min(dated) AS first_order_at, max(dated) AS last_order_at,
                count(DISTINCT (year(dated), month(dated))) AS active_months
         FROM orders GROUP BY person
     ),
     back AS (
         SELECT customer_id, -sum(millis)::BIGINT AS refunded
         FROM invoices WHERE left(invoice, 1) = 'C' AND customer_id IS NOT NULL AND dated < $as_of GROUP BY customer_id
     ),
     steps AS (
         SELECT person, row_number() OVER w AS nth, dated::DATE - lag(dated::DATE) OVER w AS gap
         FROM orders WINDOW w AS (PARTITION BY person ORDER BY dated, invoice)
     ),
     gaps AS (
         SELECT person, median(gap)::DOUBLE AS median_days_between, any_value(gap) FILTER (nth = 2) AS days_to_second
         FROM steps WHERE gap IS NOT NULL GROUP BY person
     )
SELECT s.*, coalesce(b.refunded, 0) AS refunded, s.gross - coalesce(b.refunded, 0) AS net,
       $as_of::DATE - s.last_order_at::DATE AS recency_days, g.median_days_between, g.days_to_second
FROM sold s LEFT JOIN back b ON b.customer_id = s.customer_id LEFT JOIN gaps g ON g.person = s.person
"""

# The k-th fifth lies at place k (n - 1) / 5, counted from 0: between two values, at so many fifths. Five times as much
# is a whole number.
CUTS = """
CREATE TEMP TABLE cuts AS
WITH measured AS (
         SELECT 'r' AS score, recency_days::BIGINT AS value FROM figured
         UNION ALL SELECT 'f', orders_count FROM figured
         UNION ALL SELECT 'm', net FROM figured
     ),
     placed AS (SELECT score, value, row_number() OVER (PARTITION BY score ORDER BY value) - 1 AS place FROM measured),
     counted AS (SELECT score, count(*) AS people FROM measured GROUP BY score),
     wanted AS (SELECT score, people, k, k * (people - 1) // 5 AS low, k * (people - 1) % 5 AS fifths
                FROM counted, generate_series(1, 4) AS fifth(k))
SELECT w.score, w.people, w.k, 5 * a.value + w.fifths * (b.value - a.value) AS five_times
FROM wanted w
JOIN placed a ON a.score = w.score AND a.place = w.low
JOIN placed b ON b.score = w.score AND b.place = least(w.low + 1, w.people - 1)
"""

SCORED = """
CREATE TEMP TABLE scored AS
WITH scores AS (
         SELECT p.*,
                5 - (SELECT count(*) FROM cuts c WHERE c.score = 'r' AND c.five_times < 5 * p.recency_days) AS r,
                1 + (SELECT count(*) FROM cuts c WHERE c.score = 'f' AND c.five_times < 5 * p.orders_count) AS f,
                1 + (SELECT count(*) FROM cuts c WHERE c.score = 'm' AND c.five_times < 5 * p.net) AS m
         FROM figured p
     )
SELECT *, CASE r * 10 + (f + m + 1) // 2
       WHEN 55 THEN 'Champions' WHEN 54 THEN 'Champions' WHEN 45 THEN 'Champions'
       WHEN 53 THEN 'Loyal' WHEN 44 THEN 'Loyal' WHEN 35 THEN 'Loyal' WHEN 34 THEN 'Loyal'
       WHEN 52 THEN 'Potential loyalists' WHEN 42 THEN 'Potential loyalists'
       WHEN 33 THEN 'Potential loyalists' WHEN 43 THEN 'Potential loyalists'
       WHEN 51 THEN 'New' WHEN 41 THEN 'Promising' WHEN 31 THEN 'Promising'
       WHEN 32 THEN 'Need attention' WHEN 23 THEN 'Need attention' WHEN 22 THEN 'Need attention'
       WHEN 21 THEN 'About to sleep' WHEN 25 THEN 'At risk' WHEN 24 THEN 'At risk' WHEN 13 THEN 'At risk'
       WHEN 15 THEN 'Can''t lose' WHEN 14 THEN 'Can''t lose' WHEN 12 THEN 'Hibernating' WHEN 11 THEN 'Lost'
       END AS rfm_group
FROM scores
"""

MEMBERS = """
SELECT segment_id, person FROM (
    SELECT 'vip' AS segment_id, person FROM scored WHERE m = 5 AND f >= 4
    UNION ALL SELECT 'frequent-buyers', person FROM scored WHERE orders_count >= 5 AND recency_days <= 365
    UNION ALL SELECT 'new', person FROM scored WHERE $as_of::DATE - first_order_at::DATE <= 30
    UNION ALL SELECT 'slipping', person FROM scored
              WHERE orders_count >= 2 AND recency_days > 90 AND recency_days <= 180
    UNION ALL SELECT 'inactive', person FROM scored WHERE recency_days > 180
) ORDER BY ALL
"""


class Truth:
    """What the file says as of 00:00 of a day, in UTC: `people` by key, `cuts` by score, `members` by segment.

    A person's row is a tuple of FIGURES. Guests are called `invoice <number>`. Cuts are exact fifths, in pounds for 'm'.
    """

    def __init__(self, file: Path, day: date) -> None:
        with duckdb.connect() as connection:
            as_of = {"as_of": f"{day} 00:00:00"}
            connection.execute(INVOICES, {"file": str(file)})
            for step in (FIGURED.replace("$as_of", "$as_of::TIMESTAMP"), CUTS, SCORED):
                connection.execute(step, as_of if "$as_of" in step else None)
            people = connection.sql("SELECT * FROM scored").pl()
            self.cuts: dict[str, list[Decimal]] = {}
            for score, five_times in connection.execute(
                "SELECT score, five_times FROM cuts ORDER BY score, k"
            ).fetchall():
                self.cuts.setdefault(score, []).append(Decimal(five_times) / (5000 if score == "m" else 5))
            members = connection.execute(MEMBERS.replace("$as_of", "$as_of::TIMESTAMP"), as_of).fetchall()
        self.members: dict[str, set[str]] = {}
        for segment_id, person in members:
            self.members.setdefault(segment_id, set()).add(person)
        self.people = {row["person"]: _figures(row) for row in people.iter_rows(named=True)}


def _figures(row: dict[str, Any]) -> tuple[Any, ...]:
    micro = Decimal("0.000001")
    money = {name: Decimal(row[name]) / 1000 for name in ("gross", "refunded", "net")}
    rounded = {
        "average_order": (money["net"] / row["orders_count"]).quantize(micro),
        "refund_rate": (money["refunded"] / money["gross"]).quantize(micro),
    }
    return tuple({**row, **money, **rounded}[name] for name in FIGURES)


def ours(customers: pl.DataFrame) -> dict[str, tuple[Any, ...]]:
    """Return published people with a counted order as `Truth.people` has them, guests by their key."""
    dates = pl.col("first_order_at", "last_order_at").dt.replace_time_zone(None)
    buyers = customers.filter(pl.col("orders_count") > 0).with_columns(dates)
    return {row["customer_key"]: tuple(row[name] for name in FIGURES) for row in buyers.iter_rows(named=True)}


def compare(truth: Truth, tables: dict[str, pl.DataFrame]) -> None:
    """Hold published tables against the truth: everybody's every figure, the cuts, and the members of each segment.

    Accounts are compared one by one. A guest has one invoice and a key of ours, so guests are compared as a bag of rows.
    """
    found = ours(tables["customers"])
    accounts, guests = (
        {key: row for key, row in found.items() if key.startswith("woo:") == is_account} for is_account in (True, False)
    )
    assert accounts == {key: row for key, row in truth.people.items() if key.startswith("woo:")}
    bag = sorted((row for key, row in truth.people.items() if not key.startswith("woo:")), key=repr)
    assert sorted(guests.values(), key=repr) == bag
    assert set(tables["customers"].filter(pl.col("orders_count") == 0)["net"]) <= {Decimal(0)}
    cuts = {row["score"]: [row[f"cut_{k}0"] for k in (2, 4, 6, 8)] for row in tables["rfm_cuts"].to_dicts()}
    assert cuts.keys() == truth.cuts.keys()
    for score, exact in truth.cuts.items():
        assert all(abs(Decimal(cut) - value) < Decimal("1e-9") for cut, value in zip(cuts[score], exact, strict=True))
    _compare_members(truth, tables["segment_members"], found)


def _compare_members(truth: Truth, members: pl.DataFrame, found: dict[str, tuple[Any, ...]]) -> None:
    listed = {segment_id: set[str]() for segment_id in truth.members}
    for segment_id, person in members.select("segment_id", "customer_key").iter_rows():
        listed[segment_id].add(person)
    for segment_id, wanted in truth.members.items():
        in_it = listed[segment_id]
        assert {key for key in in_it if key.startswith("woo:")} == {key for key in wanted if key.startswith("woo:")}
        bags = [
            sorted((rows[key] for key in keys if not key.startswith("woo:")), key=repr)
            for keys, rows in ((in_it, found), (wanted, truth.people))
        ]
        assert bags[0] == bags[1], segment_id
