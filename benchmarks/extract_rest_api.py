"""dlt's own REST source as its documentation has it: nested dictionaries, merged on id, Parquet files.

The answers come from memory, through a transport of `requests`; they are parsed by orjson as on every side.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import orjson
import requests
from dlt.sources.rest_api import rest_api_source
from dlt.sources.rest_api.typing import RESTAPIConfig
from requests.adapters import BaseAdapter

from benchmarks.woo import PAGES


class Answer(requests.Response):
    """An answer that is there already."""

    def __init__(self, request: requests.PreparedRequest, body: bytes) -> None:
        super().__init__()
        self.status_code, self.request, self.url, self._content = 200, request, request.url or "", body

    def json(self, **_: Any) -> Any:
        """Parse the body."""
        return orjson.loads(self.content)


class FromMemory(BaseAdapter):
    """A shop that has so many orders; pages are taken one after the other, as they are asked for."""

    def __init__(self, orders: int) -> None:
        super().__init__()
        self._pages = {table: pages(orders) for table, pages in PAGES.items()}

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Answer with the next page of the listing, and with an empty one after the last."""
        table = "refunds" if "/refunds" in (request.url or "") else "orders"
        return Answer(request, next(self._pages[table], b"[]"))

    def close(self) -> None:
        """Nothing is open."""

    def __deepcopy__(self, _: object) -> "FromMemory":
        return self


def prepared(folder: Path, orders: int) -> Callable[[], None]:
    """Return what is measured: all pages of so many orders into an empty DuckDB file in `folder`."""
    dlt.config["runtime.dlthub_telemetry"] = False
    session = requests.Session()
    session.mount("https://", FromMemory(orders))
    config: RESTAPIConfig = {
        "client": {
            "base_url": "https://shop.example/wp-json/wc/v3",
            "session": session,
            "paginator": {"type": "page_number", "base_page": 1, "total_path": None, "stop_after_empty_page": True},
        },
        "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
        "resources": [
            # Of two editions in one load dlt would keep either one.
            {"name": "orders", "columns": {"date_modified_gmt": {"dedup_sort": "desc"}}},
            "refunds",
        ],
    }
    pipeline = dlt.pipeline(
        "rest",
        pipelines_dir=str(folder / "dlt"),
        destination=dlt.destinations.duckdb(str(folder / "shop.duckdb")),
        dataset_name="raw",
    )

    def run() -> None:
        pipeline.run(rest_api_source(config), loader_file_format="parquet")

    return run
