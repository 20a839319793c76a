"""List and profile from MongoDB, beside the same queries typed by hand with PyMongo on the same collections.

Both sides answer with Polars frames and exact decimals, which is what screens and the API go on with. The shop in
MongoDB is a smaller one unless it is asked for, since to load a large one takes longer than all cases together.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

import polars as pl
import pymongo
from bson import Decimal128

from benchmarks.comparison import Comparison, compared
from benchmarks.files import PAGE, Listed, Profile, agree, apart, listed, profile, some_keys
from benchmarks.ground import Database, Ground
from benchmarks.people import SHOP
from regulars.mongo.serving import CUSTOMERS, ORDERS, index_order, sort_fields, sort_index
from regulars.mongo.serving_documents import id_of


def list_cases(ground: Ground) -> Iterator[Comparison]:
    """Yield the list with its total and net, and the rows of a page alone, which is all that MongoDB is asked for."""
    directory, database = ground.from_server, ground.database
    if directory is None or database is None:
        return
    agree(listed(directory, 0), {"pymongo": _listed_by_hand(database, 0)})
    yield from compared(
        "store_list",
        f"mongodb, {ground.served.people:,} people: next page by net with total and net",
        ground.repeats,
        lambda turn: listed(directory, turn),
        {"pymongo": lambda turn: _listed_by_hand(database, turn)},
    )
    yield from compared(
        "store_list",
        f"mongodb, {ground.served.people:,} people: next page by net, against its rows alone",
        ground.repeats,
        lambda turn: listed(directory, turn),
        {"pymongo": lambda turn: _rows_by_hand(database, turn)},
    )


def profile_cases(ground: Ground) -> Iterator[Comparison]:
    """Yield the profile of another person each time."""
    directory, database = ground.from_server, ground.database
    if directory is None or database is None:
        return
    query = _profile_by_hand(database)
    checked, keys = apart(some_keys(directory, ground.repeats + 4))
    for key in checked:
        agree(profile(directory, key), {"pymongo": query(key)})
    yield from compared(
        "store_profile",
        f"mongodb, {ground.served.people:,} people: person, orders and refunds",
        ground.repeats,
        lambda turn: profile(directory, keys[turn]),
        {"pymongo": lambda turn: query(keys[turn])},
    )


def _rows_by_hand(database: Database, page: int) -> pl.DataFrame:
    rank = sort_fields("net")[0]  # nobody without a currency is on the first pages
    found = database[CUSTOMERS].find({"shop": SHOP, rank: {"$gte": 0}}).sort(index_order("net", descending=True))
    return _frame(found.hint(sort_index("net", descending=True)).skip(page * PAGE).limit(PAGE))


def _listed_by_hand(database: Database, page: int) -> Listed:
    rows = _rows_by_hand(database, page)
    total = database[CUSTOMERS].count_documents({"shop": SHOP})
    bought = {"shop": SHOP, "currency": {"$ne": None}}
    sums = database[CUSTOMERS].aggregate(
        [{"$match": bought}, {"$group": {"_id": "$currency", "net": {"$sum": "$net"}}}]
    )
    net = {each["_id"]: Decimal(each["net"].to_decimal()) for each in sums}
    return Listed(rows["customer_key"].to_list(), total, net)


def _profile_by_hand(database: Database) -> Callable[[str], Profile]:
    def query(key: str) -> Profile:
        person = _frame(database[CUSTOMERS].find({"_id": id_of(SHOP, key)}))
        mine = database[ORDERS].find({"customer": person["_id"][0]}, {"lines": 0})
        found = list(mine.sort("created_at", pymongo.DESCENDING))
        refunds = _frame(refund for order in found for refund in order.pop("refunds"))
        orders = _frame(found)
        ids = orders["order_id"].to_list() if orders.height else []
        return Profile(person["email"][0], person["net"][0], ids, refunds.height)

    return query


def _frame(documents: Iterable[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([_plain(document) for document in documents], infer_schema_length=None)


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in document.items()}


def _value(value: Any) -> Any:
    match value:
        case Decimal128():
            return value.to_decimal()
        case list():
            return [_plain(each) if isinstance(each, dict) else each for each in value]
    return value
