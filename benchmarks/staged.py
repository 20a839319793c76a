"""A made-up shop of any size, staged: what a warehouse holds before its marts are derived, the same rows each time.

Made by DuckDB from the row's number alone. Few people buy much and many buy once; three people in ten are guests, and
one in ten of an account's orders was placed without logging in. An order has one to three lines of 5,000 products; one
in twenty-five has a refund, one in thirty does not count.
"""

from pathlib import Path

from pipelines.warehouse import Warehouse, create_table, transaction
from transforms.staged_schemas import RAW_DELETIONS, STAGED

SHOP = "big"
TIMEZONE = "Europe/Berlin"
PRODUCTS = 5_000
DAYS = 1_460
FIRST_DAY = "TIMESTAMPTZ '2022-11-12 00:00:00+00'"
NEXT_ORDER = 1_000_000_000

# `number` mixed with a salt into a fraction from 0 to 1.
SHARE = "CREATE OR REPLACE TEMP MACRO share(number, salt) AS (hash(number, salt) % 1000003) / 1000003.0"
NAMED = """
CREATE OR REPLACE TEMP MACRO first_of(p) AS ['Anna', 'Ben', 'Clara', 'David', 'Émile', 'Greta', 'Łukasz'][1 + p % 7];
CREATE OR REPLACE TEMP MACRO last_of(p) AS ['Müller', 'Smith', 'Rossi', 'Jensen', 'Nowak'][1 + p // 7 % 5] || p // 35;
CREATE OR REPLACE TEMP MACRO mail_of(p) AS
    CASE p % 50 WHEN 0 THEN 'Person' ELSE 'person' END || p || '@mail' || p % 9 || '.example.com'
"""
ADDRESS = """
    first_name := first_of(p), last_name := last_of(p), company := CASE WHEN p % 12 = 0 THEN 'Firm ' || p END,
    address_1 := 'Street ' || p % 200, address_2 := NULL::VARCHAR, city := ['Berlin', 'Wien', 'Paris'][1 + p % 3],
    state := NULL::VARCHAR, postcode := (10000 + p % 89999)::VARCHAR, country := ['DE', 'AT', 'FR'][1 + p % 3]
"""
BILLING = f"struct_pack({ADDRESS}, email := mail_of(p), phone := '+49 30 ' || p)"
SHIPPING = f"struct_pack({ADDRESS}, phone := NULL::VARCHAR)"
ORDERS = f"""
INSERT INTO staging.orders BY NAME
WITH drawn AS (
    SELECT o, 1 + floor($people * power(share(o, 'who'), 1.5))::BIGINT AS p, share(o, 'when') AS since,
           share(o, 'guest') < 0.1 AS logged_out, share(o, 'state') AS state, o % 3 + 1 AS lines
    FROM range($first, $last) AS numbers(o)
), dated AS (
    SELECT *, {FIRST_DAY} + to_seconds(floor(since * {DAYS} * 86400)::BIGINT) AS placed FROM drawn
)
SELECT o AS order_id, o::VARCHAR AS number,
       CASE WHEN state < 0.93 THEN 'completed' WHEN state < 0.97 THEN 'processing' ELSE 'cancelled' END AS status,
       CASE WHEN p % 20 = 0 THEN 'USD' ELSE 'EUR' END AS currency,
       CASE WHEN p % 10 < 7 AND NOT logged_out THEN p ELSE 0 END AS woocommerce_id,
       mail_of(p) AS email, {BILLING} AS billing, {SHIPPING} AS shipping_address,
       (10 * lines + share(o, 'cents') * 100)::DECIMAL(18, 2) AS total, 0 AS discount, 4.9 AS shipping, 0.9 AS shipping_tax, 1.9 AS tax,
       ['Card', 'PayPal', 'Invoice'][1 + o % 3] AS payment_method,
       CASE WHEN share(o, 'coupon') < 0.08 THEN ['SAVE' || o % 40] ELSE [] END AS coupons,
       CASE WHEN o % 25 = 0 THEN [{NEXT_ORDER} + o] ELSE [] END AS refund_ids, lines * 2 AS items,
       placed AS created_at, placed AS paid_at, placed AS completed_at, placed AS modified_at,
       date_diff('day', DATE '1970-01-01', (placed AT TIME ZONE '{TIMEZONE}')::DATE) AS order_day,
       {FIRST_DAY} + INTERVAL {DAYS + 1} DAY AS observed_at
FROM dated
"""
LINES = f"""
INSERT INTO staging.order_lines BY NAME
SELECT o AS order_id, o * 4 + line AS line_id, product AS product_id, 0 AS variation_id, 'SKU-' || product AS sku,
       'Product ' || product AS name, 2 AS quantity, 10 AS subtotal, 10 AS total, 1.9 AS tax
FROM (
    SELECT o, line, 1 + floor({PRODUCTS} * power(share(o * 4 + line, 'product'), 2))::BIGINT AS product
    FROM range($first, $last) AS numbers(o), range(3) AS lines(line) WHERE line <= o % 3
)
"""
REFUNDS = f"""
INSERT INTO staging.refunds BY NAME
SELECT {NEXT_ORDER} + order_id AS refund_id, order_id, 5 AS amount, 'did not fit' AS reason,
       created_at + INTERVAL 6 HOUR AS created_at,
       date_diff('day', DATE '1970-01-01', ((created_at + INTERVAL 6 HOUR) AT TIME ZONE '{TIMEZONE}')::DATE) AS refund_day,
       observed_at
FROM staging.orders WHERE order_id % 25 = 0
"""
CUSTOMERS = f"""
INSERT INTO staging.customers BY NAME
SELECT p AS woocommerce_id, mail_of(p) AS email, first_of(p) AS first_name, last_of(p) AS last_name,
       'user' || p AS username, 'customer' AS role, p % 3 > 0 AS is_paying_customer, NULL AS avatar_url,
       {BILLING} AS billing, {SHIPPING} AS shipping, {FIRST_DAY} - INTERVAL 1 DAY AS created_at,
       {FIRST_DAY} AS modified_at, {FIRST_DAY} + INTERVAL {DAYS + 1} DAY AS observed_at
FROM range(1, $people + 1) AS numbers(p) WHERE p % 10 < 7
"""
MADE_PRODUCTS = f"""
INSERT INTO staging.products BY NAME
SELECT p AS product_id, 'Product ' || p AS name, 'SKU-' || p AS sku, 'simple' AS type, 'publish' AS status, 10 AS price,
       CASE WHEN p % 5 = 0 THEN ['Sale', 'Kind ' || p % 30] ELSE ['Kind ' || p % 30] END AS categories,
       {FIRST_DAY} AS created_at, {FIRST_DAY} AS modified_at, {FIRST_DAY} + INTERVAL {DAYS + 1} DAY AS observed_at
FROM range(1, {PRODUCTS} + 1) AS numbers(p)
"""
AT_ONCE = 500_000


def stage_made_up_shop(file: Path, *, people: int, orders: int) -> Warehouse:
    """Make a warehouse at `file` with so many people and orders staged, and nothing derived; return it."""
    warehouse = Warehouse(file)
    warehouse.remember(timezone=TIMEZONE, shop_name="Big & Sons")
    warehouse.prepare_staging(TIMEZONE)
    with warehouse.connect() as connection, transaction(connection):
        connection.execute("SET preserve_insertion_order = true")
        for name, columns in STAGED.items():
            create_table(connection, "staging", name, columns)
        connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
        create_table(connection, "raw", "deletions", RAW_DELETIONS)
        connection.execute(SHARE)
        connection.execute(NAMED)
        connection.execute(CUSTOMERS, {"people": people})
        connection.execute(MADE_PRODUCTS)
        for first in range(1, orders + 1, AT_ONCE):
            some = {"first": first, "last": min(first + AT_ONCE, orders + 1)}
            connection.execute(ORDERS, {"people": people, **some})
            connection.execute(LINES, some)
        connection.execute(REFUNDS)
    return warehouse
