"""The OpenAPI document is true: whatever it allows or forbids, the API answers as it says, and never with a fault."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import booleans
from schemathesis.checks import CHECKS

from tests.e2e.running import KEY, SECRET
from tests.regulars.shop.scripted_shop import Asked, Said, scripted
from tests.regulars.test_dagster import LOADED, a_run
from tests.webhook_receiver.api.serving import Api, publish, serving, settings_of
from webhook_receiver.api.app import routes
from webhook_receiver.api.house import House

CHECKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)


def a_dagster(asked: Asked) -> Said:
    """Answer as a Dagster whose syncs end well at once."""
    query = json.loads(asked.body)["query"]
    if "workspaceOrError" in query:
        data: Any = {"workspaceOrError": {"__typename": "Workspace", "locationEntries": [LOADED]}}
    elif "launchRun" in query:
        data = {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "r1"}}}
    else:
        data = {"runOrError": a_run("SUCCESS")}
    return Said(200, json.dumps({"data": data}).encode(), {"Content-Type": "application/json"})


@pytest.fixture(scope="module")
def whole_api(shop_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Serve the API with everything behind it well: a shop, and a Dagster."""
    data = tmp_path_factory.mktemp("whole") / "data"
    publish(data)
    with scripted(a_dagster) as (url, _):
        more = {"woocommerce_url": shop_url, "consumer_key": KEY, "consumer_secret": SECRET}
        with serving(settings_of(data, dagster_port=int(url.rpartition(":")[2]), **more)) as served:
            yield served


def document() -> dict[str, Any]:
    """Return the OpenAPI document, which does not depend on settings."""
    return routes(House(settings_of(Path("nowhere")))).openapi()


DOCUMENT = document()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = [(path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods]
# Half of the requests are about something that is there.
KNOWN = {"key": "woo:1", "note_id": 1, "segment_id": "vip", "decision_id": 1}


def hold(api: Api, path: str, method: str, examples: int) -> None:
    """Send requests that the document allows, and ones that it forbids, and hold each answer to it."""
    operation = SCHEMA[path][method]

    def send(mode: schemathesis.GenerationMode) -> None:
        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(generation_mode=mode), booleans())
        def test(case: Any, known: bool) -> None:
            if known and mode is schemathesis.GenerationMode.POSITIVE:
                case.path_parameters = {name: KNOWN[name] for name in case.path_parameters or {}}
            case.call_and_validate(
                base_url=api.url, session=api.session, checks=CHECKS.get_by_names(CHECKED), timeout=30
            )

        test()

    send(schemathesis.GenerationMode.POSITIVE)
    try:
        send(schemathesis.GenerationMode.NEGATIVE)
    except (Unsatisfiable, SkipTest):
        assert not operation.body, "there is a body to get wrong"


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_as_documented(path: str, method: str, whole_api: Api) -> None:
    """A client that is generated from the document must never meet an answer it has no case for."""
    hold(whole_api, path, method, 8)


@pytest.mark.deep
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_as_documented_over_many_requests(path: str, method: str, whole_api: Api) -> None:
    """The same at length."""
    hold(whole_api, path, method, 60)
