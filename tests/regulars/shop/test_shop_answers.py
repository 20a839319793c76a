"""Finding the JSON in an answer, whatever stands before it."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.errors import ShopAnswerUnreadable
from regulars.shop.answers import json_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(
    st.dictionaries(st.text(min_size=1, max_size=4), VALUES, min_size=1, max_size=3), min_size=1, max_size=3
)
NOISE = st.sampled_from(
    ["", "\ufeff", "<br />\n<b>Warning</b>: x in [a] {closure}<br />\n", "Notice: y\n", "\n\n", "<!-- cache -->"]
)


def parse(body: bytes) -> object:
    """Return what the client would find."""
    return json_of(body, path="/x", content_type="application/json")


@given(NOISE, RECORDS)
def test_a_document_is_found_behind_any_noise(noise: str, records: list[dict[str, object]]) -> None:
    """Plugins write warnings before the JSON; the records must come out as they went in."""
    text = json.dumps(records)
    assert parse(noise.encode() + text.encode()) == orjson.loads(json.dumps(records).encode("utf-8", "replace"))


@given(NOISE, RECORDS, st.data())
def test_a_document_that_was_cut_short_is_never_taken_for_a_smaller_one(
    noise: str, records: list[dict[str, object]], data: st.DataObject
) -> None:
    """A piece of a broken page that happens to be JSON must not pass for the page: records would vanish."""
    text = json.dumps(records)
    cut = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(ShopAnswerUnreadable):
        parse(noise.encode() + text[:cut].encode())


def test_a_lone_surrogate_does_not_lose_the_page() -> None:
    """PHP writes what the database holds; half an emoji in one name must not stop a hundred orders."""
    assert parse(b'[{"id": 1, "name": "a\\ud83d"}]') == [{"id": 1, "name": "a?"}]


def test_a_number_beyond_every_integer_is_read() -> None:
    """A plugin's meta value may be any number."""
    assert parse(b'[{"id": 18446744073709551617}]') == [{"id": 1.8446744073709552e19}]
