"""A shop with a crowd in it: many ties, many gaps, three currencies, and everybody who broke a screen before."""

import random
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.regulars.directory.builders import (
    AS_OF,
    SHOP,
    a_buyer,
    a_line,
    a_person,
    a_refund,
    also_in,
    an_order,
    publish_people,
    tricky_people,
)
from transforms.rfm import RFM_GROUPS

FEW = ("Anna", "anna", "Björn", "", None)


def a_crowd(seed: int, size: int = 60) -> list[dict[str, Any]]:
    """Return rows of `customers`: values are drawn from few, so that lists have ties everywhere."""
    chance = random.Random(seed)
    return [*tricky_people(), *(_somebody(chance, number) for number in range(100, 100 + size))]


def _somebody(chance: random.Random, number: int) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "first_name": chance.choice(FEW),
        "last_name": chance.choice(FEW),
        "country": chance.choice(("DE", "AT", None)),
        "created_at": chance.choice((None, AS_OF - timedelta(days=chance.randrange(4)))),
        "deleted_at": chance.choice((None,) * 9 + (AS_OF - timedelta(days=1, microseconds=123_457),)),
        "billing": chance.choice((None, _an_address(chance))),
    }
    if chance.random() < 0.3:
        return a_person(number, **fields)
    return a_buyer(
        number,
        orders=chance.randrange(1, 4),
        net=chance.choice(("10", "10.000001", "-5", "0", "99.90")),
        days=chance.randrange(1, 5),
        currency=chance.choice(("EUR", "EUR", "CHF", "SEK")),
        rfm_group=chance.choice(RFM_GROUPS),
        average_order=chance.choice((None, Decimal("3.333333"))),
        segments=chance.choice(([], ["vip"], ["vip", "new"])),
        median_days_between=chance.choice((None, 0.0, 10.5)),
        days_to_second=chance.choice((None, 0, 30)),
        products_count=chance.choice((None, 2)),
        categories=chance.choice(([], ["Tea"], ["Tea", "Ærø"])),
        coupons=chance.choice(([], ["WELCOME"])),
        refund_rate=chance.choice((None, Decimal(0), Decimal("0.333333"))),
        **fields,
    )


def _an_address(chance: random.Random) -> dict[str, str | None]:
    names = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country")
    return {name: chance.choice((None, "x", "Ærø 5")) for name in (*names, "email", "phone")}


def bought_by(people: list[dict[str, Any]], seed: int) -> dict[str, list[dict[str, Any]]]:
    """Return what these people ordered, as rows by table."""
    chance = random.Random(seed)
    orders, lines, refunds, more = [], [], [], []
    for person in people:
        for _ in range(chance.randrange(4)):
            number = 1000 + len(orders)
            at = AS_OF - timedelta(days=chance.randrange(3), microseconds=chance.choice((0, 5)))
            orders.append(
                an_order(number, person["customer_key"], created_at=at, coupons=chance.choice(([], ["a", "b"])))
            )
            lines += [a_line(number, 10 * number + line) for line in range(chance.randrange(3))]
            refunds += [
                a_refund(10 * number + refund, number, person["customer_key"], "1.50", created_at=at)
                for refund in range(chance.randrange(3))
            ]
        if person["currency"] == "EUR" and chance.random() < 0.2:
            more.append(also_in(person, "USD", "7.77"))
    return {"orders": orders, "order_lines": lines, "refunds": refunds, "more_currencies": more}


def publish_crowd(folder: Path, seed: int = 1, **more: Any) -> str:
    """Publish a crowd in `folder`; return the version."""
    people = a_crowd(seed)
    segments = [{"shop": SHOP, "segment_id": "vip", "name": "VIP", "rule": "net >= 10", "people": 2}]
    members = [{"shop": SHOP, "segment_id": "vip", "customer_key": person["customer_key"]} for person in people[:2]]
    rows = bought_by(people, seed) | {"segments": segments, "segment_members": members}
    return publish_people(folder, people, **{**rows, **more})
