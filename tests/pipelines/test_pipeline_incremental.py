"""A run after a few changes derives whom they touch, and its marts are those of a run that derives everything."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.assets.staging import stage_shop
from pipelines.derive import Derived, derive_marts
from pipelines.derived import touched_since
from pipelines.warehouse import Warehouse
from tests.pipelines.shop_house import NAME, House


def derived_again(
    house: House, warehouse: Warehouse | None = None, *, whole: bool = False
) -> tuple[Derived, dict[str, pl.DataFrame]]:
    """Derive from what is staged and return what was done, and the marts as a run after it reads them."""
    warehouse = warehouse or Warehouse(house.warehouse.path)
    done = derive_marts(house.deployment, warehouse, NAME, None, whole=whole)
    return done, {name: frame.collect() for name, frame in Warehouse(warehouse.path).marts().items()}


def assert_like_a_whole_run(house: House) -> Derived:
    """Derive what changed, then everything: the same cells. Return what the first was."""
    done, patched = derived_again(house)
    again, whole = derived_again(house, whole=True)
    assert again.whole
    for name, frame in whole.items():
        assert_frame_equal(patched[name], frame)
    return done


def assert_owners_noted(warehouse: Warehouse) -> None:
    """The next run finds the orders of people by what was noted here: a gap would leave some of them as they were."""
    with warehouse.connect() as connection:
        noted = connection.sql("SELECT order_id, identity FROM basis.owners ORDER BY ALL").fetchall()
        assert noted == connection.sql("SELECT order_id, hash(identity) FROM marts.orders ORDER BY ALL").fetchall()


def pulled(house: House) -> None:
    """Bring raw up to date and derive."""
    assert house.run().success


def test_a_changed_order_derives_its_buyer_alone(house: House) -> None:
    """Ten thousand people must not be derived anew because one of them ordered."""
    pulled(house)
    order = next(order for order in house.shop.orders.values() if order.customer_id and order.status == "completed")
    buyer = order.customer_id
    house.shop.edit_order(order.id, lines=order.lines[:1])
    house.shop.place_order(buyer, [(next(iter(house.shop.products)), 7)])
    result = house.run()
    told = {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization.metadata
        for event in result.all_events
        if event.is_step_materialization
    }["marts/orders"]
    assert told["derived"].value == "what changed"
    assert 1 < told["written"].value < told["rows"].value / 2
    assert_owners_noted(house.warehouse)
    patched = {name: frame.collect() for name, frame in Warehouse(house.warehouse.path).marts().items()}
    _, whole = derived_again(house, whole=True)
    for name, frame in whole.items():
        assert_frame_equal(patched[name], frame)


def test_records_that_changed_are_derived_for_whom_they_name(house: House) -> None:
    """A tag, a merge, somebody hidden and a new segment are in the next version, whatever else stays."""
    pulled(house)
    people = house.published("customers").filter(pl.col("orders_count") > 0)["customer_key"].to_list()
    with house.records() as records:
        records.set_tags(NAME, people[0], ["press"], "ana")
        records.merge_people(NAME, people[1], people[2], "ana")
        records.create_segment(NAME, "Tagged", 'tags contains "press"', "ana")
    assert not assert_like_a_whole_run(house).whole
    with house.records() as records:
        records.hide(NAME, people[0], "ana")
        for decision in records.identity_decisions(NAME):
            records.undo_identity_decision(NAME, decision.id, "ana")
    done = assert_like_a_whole_run(house)
    assert not done.whole
    assert done.written["customers"] < done.rows["customers"]


def test_a_run_killed_between_staging_and_marts_loses_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was staged by a run that died is staged no more by the next: it must know all the same."""
    pulled(house)
    order = next(order for order in house.shop.orders.values() if order.status == "completed")
    house.shop.edit_order(order.id, status="cancelled")
    monkeypatch.setattr("pipelines.derive.write_changes", _killed)
    assert not house.run().success
    monkeypatch.undo()
    assert touched_since(house.warehouse).orders == {order.id}
    assert stage_shop(house.warehouse, lambda *_: None)["orders"] == 0
    assert not assert_like_a_whole_run(house).whole
    assert not touched_since(house.warehouse).orders


@pytest.mark.deep
def test_another_setting_derives_everything(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of two policies must not stand in one version."""
    pulled(house)
    monkeypatch.setenv("REGULARS_STATUSES_NOT_COUNTED", '["pending"]')
    assert derive_marts(type(house.deployment)(), house.warehouse, NAME, None).whole


@pytest.mark.deep
def test_another_release_of_the_steps_or_of_the_hashes_derives_everything(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade rows of old steps would stand beside new ones, and orders noted by old hashes would not be found."""
    pulled(house)
    for name, value in {"STEPS_VERSION": 0, "HASHED_BY": "another"}.items():
        assert not derive_marts(house.deployment, house.warehouse, NAME, None).whole
        monkeypatch.setattr(f"pipelines.derive.{name}", value)
        assert derive_marts(house.deployment, house.warehouse, NAME, None).whole


def _killed(*_: object) -> None:
    raise KeyboardInterrupt
