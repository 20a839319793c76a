"""The core tables of the marts by hand: DuckDB SQL from the staged tables to customers, RFM and segments.

What one would type for this one shop: the same figures, with everything at its defaults. It knows an account, a guest by
e-mail and a guest whose e-mail is an account's; no aliases, no decisions, no deleted accounts, no shared addresses, no
reasons; and the starting segments are typed out.
"""

from pathlib import Path

import duckdb

AS_OF = "TIMESTAMPTZ '{as_of}'"
TODAY = "date_diff('day', DATE '1970-01-01', (AS_OF AT TIME ZONE '{timezone}')::DATE)"
NOT_COUNTED = "('pending', 'cancelled', 'failed', 'checkout-draft', 'trash')"

STEPS = (
    f"""
    CREATE TEMP TABLE placed AS
    WITH owners AS (
        SELECT lower(trim(email)) AS address, min(woocommerce_id) AS account
        FROM staging.customers GROUP BY ALL HAVING count(*) = 1
    )
    SELECT order_id, currency, total, order_day, created_at, coupons, total IS NOT NULL
           AND coalesce(status NOT IN {NOT_COUNTED}, false) AND coalesce(created_at < AS_OF, false) AS counted,
           CASE WHEN woocommerce_id > 0 THEN 'woo:' || woocommerce_id
                WHEN account IS NOT NULL THEN 'woo:' || account
                WHEN trim(email) <> '' THEN 'guest:' || left(md5(lower(trim(email))), 20)
                ELSE 'guest-order:' || order_id END AS customer_key
    FROM staging.orders o LEFT JOIN owners w ON coalesce(o.woocommerce_id, 0) <= 0 AND lower(trim(o.email)) = w.address
    """,
    """
    CREATE TEMP TABLE currencies AS
    WITH back AS (
        SELECT o.customer_key, o.currency, sum(r.amount) AS refunded
        FROM staging.refunds r JOIN placed o USING (order_id) WHERE r.created_at < AS_OF AND o.counted GROUP BY ALL
    ), sold AS (
        SELECT customer_key, currency, count(*) AS orders_count, sum(total) AS gross, min(created_at) AS first_order_at,
               max(created_at) AS last_order_at, max(order_day) AS last_day
        FROM placed WHERE counted GROUP BY ALL
    )
    SELECT s.*, coalesce(b.refunded, 0) AS refunded, gross - coalesce(b.refunded, 0) AS net
    FROM sold s LEFT JOIN back b USING (customer_key, currency)
    """,
    """
    CREATE TEMP TABLE totals AS
    WITH main AS (
        SELECT customer_key, sum(orders_count)::BIGINT AS orders_count, min(first_order_at) AS first_order_at,
               max(last_order_at) AS last_order_at, TODAY - max(last_day) AS recency_days,
               arg_max(struct_pack(currency, gross, refunded, net, n := orders_count),
                       (orders_count, last_order_at)) AS most
        FROM currencies GROUP BY customer_key
    )
    SELECT * EXCLUDE most, most.currency, most.gross, most.refunded, most.net,
           (most.net / most.n)::DECIMAL(18, 6) AS average_order,
           (most.refunded / nullif(most.gross, 0))::DECIMAL(18, 6) AS refund_rate
    FROM main
    """,
    """
    CREATE TEMP TABLE habits AS
    WITH dated AS (
        SELECT customer_key, order_day,
               order_day - lag(order_day) OVER (PARTITION BY customer_key ORDER BY order_day) AS gap,
               row_number() OVER (PARTITION BY customer_key ORDER BY order_day) AS place
        FROM placed WHERE counted
    )
    SELECT customer_key, median(gap) AS median_days_between, max(gap) FILTER (place = 2) AS days_to_second,
           count(DISTINCT date_trunc('month', DATE '1970-01-01' + order_day)) AS active_months
    FROM dated GROUP BY customer_key
    """,
    """
    CREATE TEMP TABLE bought AS
    SELECT DISTINCT customer_key, CASE WHEN product_id > 0 THEN product_id END AS product_id,
           CASE WHEN product_id > 0 THEN NULL ELSE coalesce('sku ' || sku, 'name ' || name) END AS by_name
    FROM staging.order_lines JOIN placed USING (order_id) WHERE counted
    """,
    """
    CREATE TEMP TABLE goods AS
    WITH filed AS (SELECT product_id, unnest(categories) AS category FROM staging.products), categories AS (
        SELECT customer_key, list_sort(list(DISTINCT category)) AS categories
        FROM bought JOIN filed USING (product_id) GROUP BY customer_key
    ), codes AS (
        SELECT customer_key, list_sort(list(DISTINCT lower(trim(code)))) AS coupons
        FROM (SELECT customer_key, unnest(coupons) AS code FROM placed WHERE counted AND len(coupons) > 0)
        GROUP BY customer_key
    ), products AS (SELECT customer_key, count(*) AS products_count FROM bought GROUP BY customer_key)
    SELECT customer_key, products_count, categories, coupons
    FROM products FULL JOIN categories USING (customer_key) FULL JOIN codes USING (customer_key)
    """,
    """
    CREATE TABLE made.rfm_cuts AS
    WITH levels AS (SELECT [0.2, 0.4, 0.6, 0.8] AS q)
    SELECT 'r' AS score, NULL AS currency, count(*) AS people,
           quantile_cont(recency_days::DOUBLE, [0.2, 0.4, 0.6, 0.8]) AS cuts FROM totals
    UNION ALL SELECT 'f', NULL, count(*), quantile_cont(orders_count::DOUBLE, [0.2, 0.4, 0.6, 0.8]) FROM totals
    UNION ALL SELECT 'm', currency, count(*), quantile_cont(net::DOUBLE, [0.2, 0.4, 0.6, 0.8])
    FROM totals GROUP BY currency
    """,
    """
    CREATE TEMP TABLE scored AS
    WITH r AS (SELECT cuts FROM made.rfm_cuts WHERE score = 'r'), f AS (SELECT cuts FROM made.rfm_cuts WHERE score = 'f'),
    m AS (SELECT currency, cuts FROM made.rfm_cuts WHERE score = 'm')
    SELECT t.*,
        5 - ((r.cuts[1] < recency_days)::INT + (r.cuts[2] < recency_days)::INT + (r.cuts[3] < recency_days)::INT
             + (r.cuts[4] < recency_days)::INT) AS r,
        1 + (f.cuts[1] < orders_count)::INT + (f.cuts[2] < orders_count)::INT + (f.cuts[3] < orders_count)::INT
          + (f.cuts[4] < orders_count)::INT AS f,
        1 + (m.cuts[1] < net::DOUBLE)::INT + (m.cuts[2] < net::DOUBLE)::INT + (m.cuts[3] < net::DOUBLE)::INT
          + (m.cuts[4] < net::DOUBLE)::INT AS m
    FROM totals t CROSS JOIN r CROSS JOIN f JOIN m USING (currency)
    """,
    """
    CREATE TEMP TABLE people AS
    SELECT 'woo:' || woocommerce_id AS customer_key, woocommerce_id, email, first_name, last_name, username, role,
           is_paying_customer, avatar_url, billing, shipping, created_at, modified_at
    FROM staging.customers
    UNION ALL
    SELECT g.customer_key, CASE WHEN g.customer_key LIKE 'woo:%' THEN substr(g.customer_key, 5)::BIGINT END, o.email,
           o.billing.first_name, o.billing.last_name, NULL, NULL, NULL, NULL, o.billing, o.shipping_address,
           g.first_at, o.modified_at
    FROM (
        SELECT customer_key, arg_max(order_id, (created_at, order_id)) AS order_id, min(created_at) AS first_at
        FROM placed ANTI JOIN (SELECT 'woo:' || woocommerce_id AS customer_key FROM staging.customers) USING (customer_key)
        GROUP BY customer_key
    ) g JOIN staging.orders o USING (order_id)
    """,
    """
    CREATE TABLE made.customers AS
    SELECT p.*, coalesce(billing.company, shipping.company) AS company, coalesce(billing.phone, shipping.phone) AS phone,
           coalesce(billing.country, shipping.country) AS country, coalesce(billing.city, shipping.city) AS city,
           currency, coalesce(orders_count, 0) AS orders_count, coalesce(gross, 0) AS gross,
           coalesce(refunded, 0) AS refunded, coalesce(net, 0) AS net, coalesce(average_order, 0) AS average_order,
           refund_rate, first_order_at, last_order_at, recency_days, median_days_between, days_to_second,
           coalesce(active_months, 0) AS active_months, coalesce(products_count, 0) AS products_count,
           coalesce(categories, []) AS categories, coalesce(coupons, []) AS coupons, r, f, m,
           CASE r * 10 + (f + m + 1) // 2
               WHEN 55 THEN 'Champions' WHEN 54 THEN 'Champions' WHEN 45 THEN 'Champions'
               WHEN 53 THEN 'Loyal' WHEN 44 THEN 'Loyal' WHEN 35 THEN 'Loyal' WHEN 34 THEN 'Loyal'
               WHEN 52 THEN 'Potential loyalists' WHEN 42 THEN 'Potential loyalists'
               WHEN 33 THEN 'Potential loyalists' WHEN 43 THEN 'Potential loyalists'
               WHEN 51 THEN 'New' WHEN 41 THEN 'Promising' WHEN 31 THEN 'Promising'
               WHEN 32 THEN 'Need attention' WHEN 23 THEN 'Need attention' WHEN 22 THEN 'Need attention'
               WHEN 21 THEN 'About to sleep' WHEN 25 THEN 'At risk' WHEN 24 THEN 'At risk' WHEN 13 THEN 'At risk'
               WHEN 15 THEN 'Can''t lose' WHEN 14 THEN 'Can''t lose' WHEN 12 THEN 'Hibernating' WHEN 11 THEN 'Lost'
           END AS rfm_group,
           list_filter([
               CASE WHEN orders_count >= 5 AND TODAY - last_day <= 365 THEN 'frequent-buyers' END,
               CASE WHEN orders_count >= 1 AND TODAY - last_day > 180 THEN 'inactive' END,
               CASE WHEN TODAY - first_day <= 30 THEN 'new' END,
               CASE WHEN orders_count >= 2 AND TODAY - last_day > 90 AND TODAY - last_day <= 180
                    THEN 'slipping' END,
               CASE WHEN m = 5 AND f >= 4 THEN 'vip' END
           ], lambda segment: segment IS NOT NULL) AS segments
    FROM people p LEFT JOIN (
        SELECT *, TODAY - recency_days AS last_day,
               date_diff('day', DATE '1970-01-01', (first_order_at AT TIME ZONE '{timezone}')::DATE) AS first_day
        FROM scored
    ) s USING (customer_key) LEFT JOIN habits USING (customer_key) LEFT JOIN goods USING (customer_key)
    ORDER BY customer_key
    """,
    """
    CREATE TABLE made.segment_members AS
    SELECT unnest(segments) AS segment_id, customer_key FROM made.customers
    """,
    "CREATE TABLE made.segments AS SELECT segment_id, count(*) AS people FROM made.segment_members GROUP BY segment_id",
)


def derive_by_hand(staged: Path, made: Path, *, as_of: str, timezone: str) -> None:
    """Read the staged tables in `staged`, write the core tables into the new file `made`; on two threads."""
    with duckdb.connect(str(staged), config={"threads": 2, "temp_directory": f"{made}.tmp"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{made}' AS made")
        for step in STEPS:
            text = step.replace("TODAY", TODAY).replace("AS_OF", AS_OF)
            connection.execute(text.replace("{as_of}", as_of).replace("{timezone}", timezone))
