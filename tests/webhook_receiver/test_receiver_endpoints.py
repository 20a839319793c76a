"""A URL and a secret for each shop and topic: what is signed for one endpoint is worth nothing at another."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from regulars.inbox import TOPICS
from regulars.models import ShopConfig
from regulars.shop.webhook_secrets import accepted_secrets, derived_secret
from tests.webhook_receiver.receiver_process import ONE_SHOP, SECRET, Receiver, a_body, headers_for

PLAIN = "/api/customers/webhooks"
TWO_SHOPS = """
[shops.berlin]
url = "https://berlin.example.com"
consumer_key = "KEY"
consumer_secret = "KEY"
webhook_secret = "BERLIN"
webhook_secret_previous = "BERLIN_BEFORE"

[shops.paris]
url = "https://paris.example.com"
consumer_key = "KEY"
consumer_secret = "KEY"
webhook_secret = "PARIS"

[shops.blank]
url = "https://blank.example.com"
consumer_key = "KEY"
consumer_secret = "KEY"
webhook_secret = "BLANK"
webhook_secret_previous = "BLANK"
"""
SECRETS = {"KEY": "k", "BERLIN": "b-now", "BERLIN_BEFORE": "b-before", "PARIS": "p-now", "BLANK": "   "}
ENDPOINTS = [(shop, topic) for shop in ("berlin", "paris") for topic in ("order.updated", "order.deleted")]


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Return a receiver of several shops, one of them with a secret that is being replaced."""
    folder = tmp_path_factory.mktemp("several")
    (folder / "shops.toml").write_text(TWO_SHOPS)
    nobody = dict.fromkeys(ONE_SHOP, "")
    one = Receiver(folder / "data", folder / "receiver.log", {**nobody, **SECRETS, "REGULARS_SHOP": "shop"})
    one.wait_until_up()
    yield one
    assert one.stop() == 0


def send(receiver: Receiver, at: tuple[str, str], secret: str, body: bytes) -> int:
    """Deliver `body` to an endpoint, signed with `secret`; return the status. The header names another topic."""
    status, _ = receiver.post(body, headers_for(body, "customer.deleted", secret), path=f"{PLAIN}/{'/'.join(at)}")
    return status


numbers = itertools.count(1)


@pytest.mark.parametrize("at", ENDPOINTS, ids="/".join)
def test_each_endpoint_takes_its_own_secret_and_the_shops_plain_one(several: Receiver, at: tuple[str, str]) -> None:
    """Webhooks that we installed have the one, those made by hand the other."""
    shop, topic = at
    plain = SECRETS[shop.upper()]
    for secret in (derived_secret(plain, shop, topic), plain):
        number = next(numbers)
        assert send(several, at, secret, a_body(number)) == 200
        assert [row.topic for row in several.inbox.changes_of(shop, "order", number, 0)] == [topic]


@pytest.mark.parametrize(("at", "signed_for"), list(itertools.permutations(ENDPOINTS, 2)))
def test_what_was_signed_for_another_endpoint_is_401(
    several: Receiver, at: tuple[str, str], signed_for: tuple[str, str]
) -> None:
    """An update replayed at the address of deletions would otherwise delete."""
    shop, topic = signed_for
    body = a_body(next(numbers))
    assert send(several, at, derived_secret(SECRETS[shop.upper()], shop, topic), body) == 401


def test_another_shops_plain_secret_is_401(several: Receiver) -> None:
    """Whoever runs one of the shops is nobody at the others."""
    assert send(several, ("paris", "order.updated"), SECRETS["BERLIN"], a_body(next(numbers))) == 401


def test_while_a_secret_is_replaced_the_one_before_is_taken_too(several: Receiver) -> None:
    """Deliveries that the shop signed before it was given the new one are on their way for minutes."""
    before, at = SECRETS["BERLIN_BEFORE"], ("berlin", "order.updated")
    for secret in (before, derived_secret(before, *at)):
        assert send(several, at, secret, a_body(next(numbers))) == 200
    assert send(several, at, derived_secret(before, "berlin", "order.deleted"), a_body(next(numbers))) == 401


@pytest.mark.parametrize("secret", ["", " ", "   ", derived_secret("   ", "blank", "order.updated")])
def test_a_blank_secret_lets_nobody_in(several: Receiver, secret: str) -> None:
    """A variable that was set to nothing must not become a key that everybody knows."""
    assert send(several, ("blank", "order.updated"), secret, a_body(next(numbers))) == 401


def test_an_endpoints_secret_is_worth_nothing_at_the_one_shop_address(receiver: Receiver) -> None:
    """There the topic is a header, which nobody signed."""
    body = a_body(90)
    derived = derived_secret(SECRET, "shop", "order.updated")
    assert receiver.post(body, headers_for(body, "order.updated", derived))[0] == 401
    assert (
        receiver.post(body, headers_for(body, "order.updated", derived), path=f"{PLAIN}/shop/order.updated")[0] == 200
    )


def test_a_topic_of_an_address_that_is_not_merged_is_set_aside_under_a_right_signature(receiver: Receiver) -> None:
    """Somebody pointed a product webhook here by hand; a wrong signature is refused there too."""
    body, path = a_body(91), f"{PLAIN}/shop/product.updated"
    assert receiver.post(body, headers_for(body), path=path) == (200, {"status": "ignored"})
    assert receiver.post(body, headers_for(body, secret="wrong"), path=path)[0] == 401


def test_a_rotation_needs_no_moment_without_deliveries(start: Callable[..., Receiver], tmp_path: Path) -> None:
    """New secret, the old one beside it, repair, the old one goes: at each step what the shop signs is taken."""
    both = start(WOOCOMMERCE_WEBHOOK_SECRET="new", WOOCOMMERCE_WEBHOOK_SECRET_PREVIOUS="old")
    for number, secret in enumerate(("old", "new"), start=1):
        assert both.post(a_body(number), headers_for(a_body(number), secret=secret))[0] == 200
    both.stop()
    after = start(WOOCOMMERCE_WEBHOOK_SECRET="new")
    assert after.post(a_body(3), headers_for(a_body(3), secret="old"))[0] == 401


texts = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1)


@given(st.tuples(texts, texts, texts), st.tuples(texts, texts, texts))
def test_no_two_endpoints_share_a_secret(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    """Shop and topic stand on lines of their own: no text of one runs into the other."""
    assert (derived_secret(*one) == derived_secret(*other)) == (one == other)


def test_a_request_costs_at_most_four_signatures() -> None:
    """Anybody may send one."""
    shop = ShopConfig(
        name="shop",
        url="https://shop.example.com",
        consumer_key=SecretStr("k"),
        consumer_secret=SecretStr("s"),
        webhook_secret=SecretStr("now"),
        previous_webhook_secret=SecretStr("before"),
    )
    for topic in (*TOPICS, "x" * 10_000):
        assert len(set(accepted_secrets(shop, topic))) == 4
    assert accepted_secrets(shop, None) == ("now", "before")
