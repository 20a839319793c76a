"""A warehouse holds one shop."""

import pytest

from pipelines.assets.raw import refuse_other_shop
from regulars.errors import SettingsError


@pytest.mark.parametrize(
    ("known", "now"),
    [
        (None, "https://shop.example.com"),
        ("https://shop.example.com", "https://shop.example.com"),
        ("http://shop.example.com", "https://shop.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:9090"),
    ],
)
def test_a_shop_that_moves_to_https_or_a_demo_on_another_port_is_the_same(known: str | None, now: str) -> None:
    """Switching a shop to HTTPS is everyday work and must not cost the history that was copied."""
    refuse_other_shop("shop", known, now)


@pytest.mark.parametrize("now", ["https://other.example.com", "https://shop.example.com/outlet"])
def test_another_shop_under_the_same_name_is_refused(now: str) -> None:
    """Ids repeat between shops: a second one in the same warehouse would overwrite the first one's orders."""
    with pytest.raises(SettingsError, match="REGULARS_SHOP"):
        refuse_other_shop("shop", "https://shop.example.com", now)
