"""The product's side of `extract`: pages to slices, kept in the journal, loaded by dlt, staged by Polars."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from benchmarks.woo import PAGES
from pipelines.assets.staging import stage_shop
from pipelines.warehouse import Warehouse
from pipelines.woocommerce.journal import Journal
from pipelines.woocommerce.progress import Batch, Mark, slices
from pipelines.woocommerce.rows import rows_of
from pipelines.woocommerce.source import Loader
from regulars.shop.port import Page

READ_AT = datetime(2026, 11, 1, tzinfo=UTC)


def prepared(folder: Path, orders: int) -> Callable[[], None]:
    """Return what is measured: all pages of so many orders into an empty warehouse in `folder`."""
    warehouse = Warehouse(folder / "shop.duckdb")

    def run() -> None:
        loader = Loader(warehouse.path, folder / "dlt", "shop")
        for part in slices(batches(orders), Journal(folder / "shop.journal"), loader.mark()):
            loader.load(part)
        warehouse.remember(timezone="Europe/Berlin")
        stage_shop(warehouse, nobody)

    return run


def batches(orders: int) -> Iterator[Batch]:
    """Yield the pages as a sync has read them."""
    for table, pages in PAGES.items():
        for number, body in enumerate(pages(orders), start=1):
            page = Page(orjson.loads(body), number, 0, 0, READ_AT, READ_AT)
            yield Batch(Mark(customers_page=number), {table: rows_of(table, page)})


def nobody(stage: str, done: int, total: int | None) -> None:
    """Be told how far staging is."""
