"""The sync job on a real shop over HTTP: what it writes, what it tells, and how changes come through."""

import polars as pl
import pytest

from regulars.directory.layout import current_manifest, table_file
from regulars.progress import read_progress
from regulars.settings import load_settings
from tests.pipelines.shop_house import NAME, failure_of
from transforms.schemas import MARTS, PUBLISHED
from transforms.staged_schemas import RAW_TABLES


def test_the_first_sync_succeeds_step_by_step(first_sync):
    """One job leads from the shop to published marts; a step left out would publish yesterday's data."""
    _, result = first_sync
    assert result.success, failure_of(result)
    done = [event.step_key for event in result.all_events if event.is_step_success]
    assert done == ["raw", "staging", "marts", "marts__customers_invariants", "published__marts"]


def test_every_published_table_has_the_columns_of_the_contract(first_sync):
    """Others script against these files."""
    folder, _ = first_sync
    current = folder / "published" / NAME
    version = current_manifest(current).version
    for table, schema in PUBLISHED.items():
        assert pl.read_parquet_schema(table_file(current / version, table)) == dict(schema)


def test_every_order_and_account_of_the_shop_is_published(house):
    """A copy that lacks somebody is worse than none: nobody would notice."""
    orders = house.published("orders")
    assert set(orders["order_id"]) == set(house.shop.orders)
    assert set(house.published("customers")["woocommerce_id"].drop_nulls()) == set(house.shop.customers)
    totals = {row["order_id"]: row["total"] for row in orders.iter_rows(named=True)}
    assert all(totals[number] * 1_000_000 == house.shop.order_total(number) for number in house.shop.orders)


def test_every_asset_tells_rows_as_of_version_and_seconds(first_sync):
    """The engineers' screen answers "how many, how fresh, how long" for each table without a query."""
    _, result = first_sync
    made = {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization.metadata
        for event in result.all_events
        if event.is_step_materialization
    }
    assert len(made) == 4 + 5 + 12 + 1
    for facts in made.values():
        assert {"rows", "as_of", "version", "seconds", "dagster/row_count"} <= facts.keys()
    assert made["raw/orders"]["rows"].value == made["raw/orders"]["changed"].value > 0
    assert made["marts/customers"]["as_of"].value.endswith("+00:00")
    assert made["published/marts"]["version"].value == current_manifest(first_sync[0] / "published" / NAME).version


def test_a_finished_run_says_so_where_the_app_looks(first_sync):
    """The health line shows this file's words."""
    folder, result = first_sync
    progress = read_progress(folder / "progress" / f"{NAME}.json")
    assert (progress.state, progress.run_id) == ("done", result.run_id)


@pytest.mark.deep
def test_a_second_sync_with_nothing_new_writes_nothing_and_asks_little(house):
    """Most pulls find nothing: they must be cheap for the shop, and leave no row looking changed."""
    assert house.run().success  # the copy's shop has another port, and bodies hold links
    before = len(house.shop.requests_served)
    result = house.run()
    made = {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization.metadata
        for event in result.all_events
        if event.is_step_materialization
    }
    assert {key: facts["changed"].value for key, facts in made.items() if "changed" in facts} == dict.fromkeys(
        [key for key in made if key.startswith(("raw/", "staging/"))], 0
    )
    assert len(house.shop.requests_served) - before < 12


def test_an_order_that_loses_lines_loses_them_in_the_marts(house):
    """A line that stays behind would be bought for ever."""
    order = next(order for order in house.shop.orders.values() if len(order.lines) > 1 and order.status == "completed")
    house.shop.edit_order(order.id, lines=order.lines[:1])
    assert house.run().success
    assert house.published("order_lines").filter(order_id=order.id).height == 1
    assert house.one("orders", order_id=order.id)["total"] * 1_000_000 == house.shop.order_total(order.id)


@pytest.mark.deep
def test_what_was_deleted_for_good_is_marked_after_a_full_read(house):
    """The shop announces neither, and no date shows it: only a full read finds that an order and an account are gone.

    The order no longer counts. The account keeps its orders, which the shop reset to nobody: history must not scatter.
    """
    buyers = house.published("customers").filter(pl.col("woocommerce_id").is_not_null(), pl.col("orders_count") > 1)
    owner, leaver = buyers.to_dicts()[:2]
    order = house.published("orders").filter(customer_key=owner["customer_key"], counted=True)["order_id"][0]
    house.shop.delete_order(order)
    house.shop.delete_customer(leaver["woocommerce_id"])
    assert house.run(full=True).success
    gone = house.one("orders", order_id=order)
    assert (gone["counted"], gone["deleted_at"] is None) == (False, False)
    assert house.one("customers", customer_key=owner["customer_key"])["orders_count"] == owner["orders_count"] - 1
    left = house.one("customers", customer_key=leaver["customer_key"])
    assert left["deleted_at"] is not None
    assert (left["orders_count"], left["net"]) == (leaver["orders_count"], leaver["net"])


@pytest.mark.deep
def test_tags_written_before_a_guest_registered_keep_their_segment(house):
    """Whoever tagged a guest "VIP" expects them in the VIP segment after they made an account, too."""
    guest = house.published("customers").filter(pl.col("customer_key").str.starts_with("guest:")).to_dicts()[0]
    with house.records() as records:
        records.create_segment(NAME, "Tagged", 'tags contains "vip"', "ana")
        records.set_tags(NAME, guest["customer_key"], ["VIP"], "ana")
    account = house.shop.add_customer(guest["email"], guest["first_name"], guest["last_name"])
    assert house.run().success
    members = house.published("segment_members").filter(segment_id="tagged")["customer_key"].to_list()
    assert members == [f"woo:{account.id}"]
    assert house.published("customers").filter(customer_key=guest["customer_key"]).is_empty()


def test_a_note_on_a_guest_whose_orders_are_gone_finds_the_account(house):
    """With orders moved to the account, a note is the only trace of the guest's key: it must still lead somewhere."""
    guest = house.published("customers").filter(pl.col("customer_key").str.starts_with("guest:")).to_dicts()[0]
    with house.records() as records:
        records.add_note(NAME, guest["customer_key"], "Likes letters.", "ana")
    # As after a restore of the records into a new folder: no marts say that the guest was ever there.
    house.execute("DELETE FROM marts.customers")
    account = house.shop.add_customer(guest["email"])
    for order in [one for one in house.shop.orders.values() if one.billing.email == guest["email"]]:
        house.shop.edit_order(order.id, customer_id=account.id)
    assert house.run().success
    with house.records() as records:
        assert records.aliases(NAME)[guest["customer_key"]] == f"woo:{account.id}"


def test_a_segment_that_cannot_be_read_is_named_in_the_run(house):
    """A rule from another version must not stop a publish, and must not vanish silently either."""
    import sqlalchemy as sa

    with house.records() as records:
        records.create_segment(NAME, "Odd", "orders_count >= 1", "ana")
        with records._writing() as connection:
            connection.execute(sa.text("UPDATE segments SET rule = 'no_such_field >= 1' WHERE id = 'odd'"))
    result = house.run("derive")
    assert result.success
    told = result.asset_materializations_for_node("marts")
    facts = next(one.metadata for one in told if one.asset_key.path[-1] == "segments")
    assert list(facts["broken_segments"].value) == ["odd"]
    assert house.one("segments", segment_id="odd")["people"] is None


@pytest.mark.deep
def test_an_as_of_day_is_told_in_the_manifest(house, monkeypatch):
    """Figures as of a past day must never look live."""
    monkeypatch.setenv("REGULARS_AS_OF", "2026-06-01")
    assert house.run("derive").success
    manifest = house.manifest()
    assert manifest.live is False
    assert manifest.as_of.isoformat() == "2026-05-31T22:00:00+00:00"


def test_another_shop_in_the_same_warehouse_is_refused(house):
    """Two shops share order ids: the second one's would overwrite the first one's."""
    with house.records() as records:
        before = records.fingerprint(NAME)
        records.set_fingerprint(NAME, before.model_copy(update={"home": "first.example"}))
    result = house.run()
    assert not result.success
    said = read_progress(house.paths.progress(NAME)).message
    assert f"it changed its address from first.example to {house.url.removeprefix('http://')}" in said


@pytest.mark.deep
def test_the_expectation_suites_run_as_checks(house):
    """The suites watch for oddities of a shop; a demo shop has none, so all hold."""
    result = house.run("expectations")
    assert result.success
    checks = result.get_asset_check_evaluations()
    assert {(check.asset_key.to_user_string(), check.passed) for check in checks} == {
        *((f"raw/{table}", True) for table in RAW_TABLES),
        *((f"marts/{table}", True) for table in MARTS),
    }
    assert [check.check_name for check in checks].count("expectations_deletions") == 1
    assert load_settings().shops
