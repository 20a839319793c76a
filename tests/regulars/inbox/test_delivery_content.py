"""What a verified body says, and the many bodies that say nothing usable."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.inbox.delivery import LARGEST_ID, TOPICS, read_content
from tests.webhook_receiver.receiver_process import a_body, a_recording

DEEP = b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
POISON = {
    "error object": b'{"code":"woocommerce_rest_shop_order_invalid_id","message":"Invalid ID.","data":{"status":404}}',
    "null": b"null",
    "list": b"[]",
    "number": b"123",
    "text": b'"5"',
    "empty": b"",
    "truncated": b'{"id": 5, "status": "proc',
    "not a number": b'{"id": NaN}',
    "id is NaN": b"NaN",
    "deep": DEEP,
    "id as text": b'{"id": "12"}',
    "id zero": b'{"id": 0}',
    "negative id": b'{"id": -1}',
    "huge id": b'{"id": 18446744073709551616}',
    "id beyond the column": b'{"id": 9223372036854775808}',
    "fractional id": b'{"id": 5.0}',
    "id true": b'{"id": true}',
    "no id": b'{"status": "completed"}',
    "not UTF-8": b'{"id": 5, "name": "\xff\xfe"}',
    "gzip": b"\x1f\x8b\x08\x00\x00",
    "markup before JSON": b'<br />Notice{"id": 5}',
}


@pytest.mark.parametrize("body", POISON.values(), ids=POISON.keys())
@pytest.mark.parametrize("topic", ["order.updated", "customer.deleted"])
def test_a_body_without_a_usable_id_has_a_reason_and_no_id(topic: str, body: bytes) -> None:
    """Shops do sign such bodies; a sync that got one would stop on it for ever."""
    content = read_content(topic, body)
    assert content.reason
    assert content.resource_id == 0
    assert not content.dated


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(sorted(TOPICS)))
def test_no_bytes_raise(body: bytes, topic: str) -> None:
    """A body that raises would be answered 500, and seven of those switch the webhook off."""
    read_content(topic, body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from(["id", "code", "line_items", "date_modified_gmt"]) | st.text(), json_values))
def test_an_id_is_only_taken_as_it_stands(parsed: dict[str, Any]) -> None:
    """Whatever else the object holds: either the id is exactly the body's, or there is a reason."""
    content = read_content("order.updated", json.dumps(parsed).encode())
    if content.reason is None:
        assert content.resource_id == parsed["id"]
        assert type(parsed["id"]) is int
        assert 0 < content.resource_id <= LARGEST_ID


def test_a_real_order_names_its_id_and_is_dated() -> None:
    """The ordinary case, on a real body."""
    _, body = a_recording("05_order_created_01_order.created")
    content = read_content("order.created", body)
    assert (content.resource, content.resource_id, content.dated, content.reason) == ("order", 1742, True, None)


def test_a_real_deletion_is_a_bare_id_without_a_date() -> None:
    """Deletions are told apart from repeats by this."""
    _, body = a_recording("22_customer_deleted_01_customer.deleted")
    content = read_content("customer.deleted", body)
    assert (content.resource, content.resource_id, content.dated, content.reason) == ("customer", 258, False, None)


def test_a_null_modification_date_is_no_date() -> None:
    """Users never saved through WooCommerce have none: equal bytes do not prove that nothing changed."""
    assert not read_content("customer.updated", b'{"id": 7, "date_modified_gmt": null, "date_modified": ""}').dated


@pytest.mark.parametrize("name", ["02_customer_created_01_customer.created", "05_order_created_01_order.created"])
def test_a_body_under_the_other_resources_topic_is_set_aside(name: str) -> None:
    """The topic header is not signed: an order replayed as a customer would overwrite the customer of that number."""
    _, body = a_recording(name)
    other = "order.updated" if "customer" in name else "customer.updated"
    assert read_content(other, body).reason == f"the body is not of a {'order' if 'customer' in name else 'customer'}"


def test_reasons_repeat_nothing_out_of_the_body() -> None:
    """Reasons are logged, and bodies hold names and addresses."""
    body = b'{"code": "x", "message": "anna@example.com", "data": {}}'
    assert "anna" not in str(read_content("order.updated", body).reason)


def test_ids_up_to_the_columns_limit_are_taken() -> None:
    """The bound is the database's, not one of ours."""
    assert read_content("order.updated", a_body(LARGEST_ID)).resource_id == LARGEST_ID
