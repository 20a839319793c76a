"""How many people a rule describes now, asked anew each time, beside the same question in SQL typed by hand.

The rules have a value that changes by turn, so that nothing kept answers them. The product's answer holds more than the
SQL's: net in every currency of a person, and the ten largest of them.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import duckdb

from benchmarks.comparison import Comparison, compared
from benchmarks.files import agree
from benchmarks.ground import Ground
from benchmarks.people import AS_OF, TIMEZONE
from regulars.directory.published import Directory
from transforms.rules import parse

# The days behind "within 400 days" and "within 365 days" of the figures' day, and that day itself.
DAY = AS_OF.astimezone(ZoneInfo(TIMEZONE)).date()


class Question(NamedTuple):
    """A rule and the condition in SQL that means the same; `{}` in both is what changes by turn, from `least` upwards."""

    what: str
    rule: str
    where: str
    least: int


PERSON = Question(
    "ten terms on the person",
    '(country in ("DE", "AT") or city contains "york") and not email ends with "example.org" and total_spent >= {}.5 '
    "and average_order < 90 and (last_order within 400 days or orders_count >= 8) and created <= 2025-10-01 "
    'and not (name starts with "anna" and categories contains "books")',
    "(COUNTRY IN ('de', 'at') OR coalesce(contains(CITY, 'york'), false)) "
    "AND NOT coalesce(ends_with(EMAIL, 'example.org'), false) AND net >= {}.5 AND average_order < 90 "
    f"AND (last_order_at >= TIMESTAMPTZ '{DAY - timedelta(400)} 00:00:00+02' OR orders_count >= 8) "
    "AND created_at < TIMESTAMPTZ '2025-10-02 00:00:00+02' "
    "AND NOT (coalesce(starts_with(NAME, 'anna'), false) AND list_contains(CATEGORIES, 'books'))",
    least=40,
)
ORDERS = Question(
    "orders(…): two and more above an amount within a year",
    "orders(count >= 2, total >= {}, within 365 days)",
    "customer_key IN (SELECT customer_key FROM orders WHERE counted AND deleted_at IS NULL AND total >= {} "
    f"AND order_day >= DATE '{DAY - timedelta(365)}' - DATE '1970-01-01' GROUP BY customer_key HAVING count(*) >= 2)",
    least=30,
)
BOUGHT = Question(
    "bought(…): so many pieces of a category",
    'bought(category = "Tea", pieces >= {})',
    "customer_key IN (SELECT customer_key FROM order_lines JOIN orders USING (order_id) JOIN products USING (product_id) "
    "WHERE counted AND orders.deleted_at IS NULL AND list_contains(products.categories, 'tea') "
    "GROUP BY customer_key HAVING sum(quantity) >= {})",
    least=3,
)
# What rules compare folded: SQL lowers it in the query, or compares a column that was lowered when the table was loaded.
LOWERED = {
    "COUNTRY": "lower(country)",
    "CITY": "lower(city)",
    "EMAIL": "lower(email)",
    "NAME": "lower(concat_ws(' ', first_name, last_name))",
    "CATEGORIES": "list_transform(categories, lambda each: lower(each))",
}


class Counted(NamedTuple):
    """How many people, and their net by main currency."""

    people: int
    net: Mapping[str, Decimal]


def cases(ground: Ground) -> Iterator[Comparison]:
    """Yield the questions: ten terms on the person, then one each on orders and on what was bought."""
    directory = ground.from_files()
    tables = loaded(ground.version)
    for question, folded in ((PERSON, ("", "_stored")), (ORDERS, ("",)), (BOUGHT, ("",))):
        peers = {f"duckdb{name}": by_hand(tables, question, stored=bool(name)) for name in folded}
        value = question.least + 2 * ground.repeats
        agree(ours(directory, question)(value), {name: run(value) for name, run in peers.items()})
        yield from compared("live_count", question.what, ground.repeats, ours(directory, question), peers)


def ours(directory: Directory, question: Question) -> Callable[[int], Counted]:
    """Return the product's answer to a question, by turn."""

    def count(turn: int) -> Counted:
        counted = directory.count(parse(question.rule.format(question.least + turn)))
        return Counted(counted.people, dict(counted.net))

    return count


def by_hand(tables: duckdb.DuckDBPyConnection, question: Question, *, stored: bool) -> Callable[[int], Counted]:
    """Return the answer by SQL, by turn; `stored`: over columns that were lowered beforehand."""
    where = question.where
    for name, expression in LOWERED.items():
        where = where.replace(name, f"{name.lower()}_lowered" if stored else expression)
    select = "SELECT currency, count(*), sum(net)::DECIMAL(18, 6) FROM customers WHERE deleted_at IS NULL AND "

    def count(turn: int) -> Counted:
        rows = tables.execute(f"{select}{where.format(question.least + turn)} GROUP BY currency").fetchall()
        return Counted(sum(people for _, people, _ in rows), {currency: net for currency, _, net in rows if currency})

    return count


def loaded(version: Path) -> duckdb.DuckDBPyConnection:
    """Return the version's people, orders, lines and products as tables of DuckDB, with lowered columns beside."""
    connection = duckdb.connect()
    lowered = ", ".join(f"{expression} AS {name.lower()}_lowered" for name, expression in LOWERED.items())
    tables = {
        "customers": "customer_key, deleted_at, country, city, email, first_name, last_name, currency, net, average_order, "
        f"orders_count, last_order_at, created_at, categories, {lowered}",
        "orders": "order_id, customer_key, counted, deleted_at, total, order_day",
        "order_lines": "order_id, product_id, quantity",
        "products": "product_id, list_transform(categories, lambda each: lower(each)) AS categories",
    }
    for name, columns in tables.items():
        connection.execute(f"CREATE TABLE {name} AS SELECT {columns} FROM '{version / name}.parquet'")
    return connection
