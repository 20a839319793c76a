"""List and profile from MongoDB, beside the same queries typed by hand with PyMongo on the same collections."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pymongo

from benchmarks.comparison import Comparison, compared
from benchmarks.files import PAGE, Listed, Profile, agree, listed, profile, some_keys
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
        "mongodb: next page by net with total and net",
        ground.repeats,
        lambda turn: listed(directory, turn),
        {"pymongo": lambda turn: _listed_by_hand(database, turn)},
    )
    yield from compared(
        "store_list",
        "mongodb: next page by net, against its rows alone",
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
    keys = some_keys(directory, ground.repeats + 1)
    for key in keys[:3]:
        agree(profile(directory, key), {"pymongo": query(key)})
    yield from compared(
        "store_profile",
        "mongodb: person, orders and refunds",
        ground.repeats,
        lambda turn: profile(directory, keys[turn]),
        {"pymongo": lambda turn: query(keys[turn])},
    )


def _rows_by_hand(database: Database, page: int) -> list[dict[str, Any]]:
    rank = sort_fields("net")[0]  # nobody without a currency is on the first pages
    found = database[CUSTOMERS].find({"shop": SHOP, rank: {"$gte": 0}}).sort(index_order("net", descending=True))
    return list(found.hint(sort_index("net", descending=True)).skip(page * PAGE).limit(PAGE))


def _listed_by_hand(database: Database, page: int) -> Listed:
    rows = _rows_by_hand(database, page)
    total = database[CUSTOMERS].count_documents({"shop": SHOP})
    bought = {"shop": SHOP, "currency": {"$ne": None}}
    sums = database[CUSTOMERS].aggregate(
        [{"$match": bought}, {"$group": {"_id": "$currency", "net": {"$sum": "$net"}}}]
    )
    net = {each["_id"]: Decimal(each["net"].to_decimal()) for each in sums}
    return Listed([row["customer_key"] for row in rows], total, net)


def _profile_by_hand(database: Database) -> Callable[[str], Profile]:
    def query(key: str) -> Profile:
        person = database[CUSTOMERS].find_one({"_id": id_of(SHOP, key)})
        assert person is not None
        orders = list(database[ORDERS].find({"customer": person["_id"]}).sort("created_at", pymongo.DESCENDING))
        refunds = [refund for order in orders for refund in order["refunds"]]
        net = person["net"].to_decimal()
        return Profile(person["email"], net, [order["order_id"] for order in orders], len(refunds))

    return query
