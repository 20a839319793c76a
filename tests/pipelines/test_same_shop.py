"""A sync stops where the shop changed, and goes on once somebody accepted it."""

from dataclasses import replace

import polars as pl

from regulars.doctor.identity import accept
from regulars.settings import load_settings
from tests.pipelines.shop_house import NAME, House, failure_of


def days(house: House) -> dict[int, object]:
    """Return the day of each published order."""
    orders = house.published("orders").filter(pl.col("order_day").is_not_null())
    return dict(orders.select("order_id", "order_day").iter_rows())


def test_another_time_zone_stops_the_sync_until_it_is_accepted_and_then_moves_every_day(house: House) -> None:
    """Days decide recency, cohorts and segments: they must not move because somebody tried a setting in the shop."""
    before, published = days(house), house.manifest().version
    house.shop.profile = replace(house.shop.profile, time_zone="Pacific/Auckland")
    asked = len(house.shop.requests_served)

    said = failure_of(house.run())
    assert "its time zone from Europe/Berlin to Pacific/Auckland" in said
    assert f"regulars doctor --accept --shop {NAME}" in said
    assert house.manifest().version == published
    assert not [one for one in list(house.shop.requests_served)[asked:] if one.path.endswith("/orders")], (
        "nothing is read"
    )

    accept(load_settings(), NAME)
    assert house.run().success
    after = days(house)
    assert after.keys() == before.keys()
    assert sum(after[order] != day for order, day in before.items()) > len(before) / 4
