"""Money in the serving collections, to the last digit."""

from decimal import Decimal

import polars as pl
from bson.decimal128 import Decimal128
from hypothesis import example, given
from hypothesis import strategies as st

from regulars.mongo.serving_documents import frame_of, segment_documents
from tests.regulars.directory.builders import AS_OF
from transforms.schemas import MONEY, SEGMENTS

LARGEST = Decimal("999999999999.999999")
amounts = st.none() | st.decimals(-LARGEST, LARGEST, places=6, allow_nan=False)


@given(st.lists(amounts, min_size=1, max_size=5))
@example([Decimal(0), Decimal("-0.000001"), LARGEST, -LARGEST, None])
def test_money_is_kept_as_the_driver_would_keep_it_and_read_as_it_was(nets: list[Decimal | None]) -> None:
    """Amounts are put together from bits, since a million of them take the driver minutes: none may be another one."""
    segments = pl.DataFrame(
        {name: ["vip"] if name == "segment_id" else [None] for name in SEGMENTS}, schema=dict(SEGMENTS)
    )
    kept = pl.DataFrame({"segment_id": "vip", "currency": "EUR", "net": pl.Series(nets, dtype=MONEY)})

    (document,) = segment_documents("s", segments, kept, AS_OF)

    expected = [None if net is None else Decimal128(net.quantize(Decimal("0.000001"))) for net in nets]
    told = [row["net"] for row in document["net"]]
    assert told == [each if each != Decimal128("-0.000000") else Decimal128("0.000000") for each in expected]
    assert frame_of(document["net"], {"net": MONEY})["net"].to_list() == kept["net"].to_list()
