"""Our webhooks in a shop: found, created, mended; nobody else's touched."""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

import pytest
from pydantic import SecretStr

from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from demo_shop.webhooks import Webhook as TheirWebhook
from demo_shop.webhooks import Webhooks as TheirWebhooks
from regulars.errors import SettingsError, ShopRefused
from regulars.inbox import TOPICS
from regulars.models import ShopConfig
from regulars.shop.webhook_secrets import derived_secret
from regulars.shop.webhooks import (
    Repair,
    WebhookClient,
    delivery_base,
    install,
    install_webhooks,
    look,
    repair,
)
from tests.demo_shop.webhook_listener import listening
from webhook_receiver.signature import sign

WRITES, READS = ApiKey("ck_w", "cs_w"), ApiKey("ck_r", "cs_r", permissions="read")
BASE = "http://127.0.0.1:9/api/customers/webhooks/shop"
OLD = "http://127.0.0.1:10/api/customers/webhooks/shop"


class Ground(NamedTuple):
    """A shop, its own view of its webhooks, and how we reach it."""

    hooks: TheirWebhooks
    shop: ShopConfig
    client: WebhookClient

    def theirs(self) -> dict[int, TheirWebhook]:
        """Return the webhooks as the shop has them, secrets and all."""
        return dict(self.hooks.hooks)

    def subscribe(self, topic: str, url: str, **more: Any) -> TheirWebhook:
        """Create a webhook in the shop."""
        return self.hooks.create(topic, url, **more)


def config(url: str, key: ApiKey = WRITES, **more: Any) -> ShopConfig:
    """Return the shop's configuration."""
    keys = {"consumer_key": SecretStr(key.consumer_key), "consumer_secret": SecretStr(key.consumer_secret)}
    return ShopConfig(name="shop", url=url, **{**keys, "webhook_secret": SecretStr("whsec"), **more})


@pytest.fixture
def ground() -> Iterator[Ground]:
    """Serve a small shop without webhooks; its courier finds nobody at the addresses of these tests."""
    shop = generate(3, seed=1, today=date(2026, 6, 1), keys=(WRITES, READS))
    hooks = TheirWebhooks(shop, timeout=0.5)
    with serve(create_app(shop, hooks)) as url, WebhookClient(config(url)) as client:
        yield Ground(hooks, config(url), client)


def test_install_creates_each_topic_with_a_secret_of_its_own(ground: Ground) -> None:
    """A secret that all share would let a delivery be replayed at the address of another topic."""
    assert install(ground.client, ground.shop, BASE) == TOPICS
    theirs = ground.theirs().values()
    assert {(hook.topic, hook.url, hook.secret, hook.status) for hook in theirs} == {
        (topic, f"{BASE}/{topic}", derived_secret("whsec", "shop", topic), "active") for topic in TOPICS
    }
    assert [state.status for state in look(ground.client, "shop", BASE).states] == ["active"] * len(TOPICS)


def test_install_again_changes_nothing(ground: Ground) -> None:
    """Whoever is not sure runs it twice; a paused one may be meant."""
    install(ground.client, ground.shop, BASE)
    first = next(iter(ground.theirs().values()))
    first.status = "paused"
    before = {number: (hook.status, hook.secret) for number, hook in ground.theirs().items()}
    assert install(ground.client, ground.shop, BASE) == ()
    assert install_webhooks(ground.shop, BASE) == 0
    assert {number: (hook.status, hook.secret) for number, hook in ground.theirs().items()} == before


def test_other_peoples_webhooks_are_never_seen_or_touched(ground: Ground) -> None:
    """A shop feeds its bookkeeping and its warehouse by webhooks too; ours would break them."""
    others = [
        ground.subscribe("order.updated", "https://books.example.com/hook", secret="theirs"),
        ground.subscribe("order.updated", f"{BASE}extra/order.updated", secret="theirs", status="paused"),
        ground.subscribe("order.created", BASE.replace("/shop", "/another") + "/order.created", secret="theirs"),
    ]
    before = [(hook.id, hook.url, hook.secret, hook.status) for hook in others]
    install(ground.client, ground.shop, BASE)
    repair(ground.client, ground.shop, BASE)
    theirs = ground.theirs()
    assert [(n, theirs[n].url, theirs[n].secret, theirs[n].status) for n, *_ in before] == before
    assert look(ground.client, "shop", BASE).elsewhere == ()


def test_states_name_what_is_paused_disabled_and_absent(ground: Ground) -> None:
    """The list a person reads when the app seems to stand still. A key that reads is enough."""
    ground.subscribe("order.updated", f"{BASE}/order.updated")
    ground.subscribe("order.created", f"{BASE}/order.created", status="paused")
    disabled = ground.subscribe("order.deleted", f"{BASE}/order.deleted", status="disabled")
    with WebhookClient(config(ground.shop.url, READS)) as reading:
        states = {state.topic: state for state in look(reading, "shop", BASE).states}
    assert {topic: state.status for topic, state in states.items()} == {
        **dict.fromkeys(TOPICS, "absent"),
        "order.updated": "active",
        "order.created": "paused",
        "order.deleted": "disabled",
    }
    assert (states["order.deleted"].webhook_id, states["customer.created"].webhook_id) == (disabled.id, None)


def test_old_addresses_are_listed_apart_and_doubles_are_known(ground: Ground) -> None:
    """After a move of the receiver the old ones fail, one by one, until they are disabled."""
    old = ground.subscribe("order.updated", f"{OLD}/order.updated")
    paused = ground.subscribe("order.created", f"{BASE}/order.created", status="paused")
    active = ground.subscribe("order.created", f"{BASE}/order.created")
    seen = look(ground.client, "shop", BASE)
    assert [hook.id for hook in seen.elsewhere] == [old.id]
    assert (seen.first("order.updated"), seen.first("order.created").id) == (None, active.id)  # type: ignore[union-attr]
    assert [hook.id for hook in seen.doubles] == [paused.id]
    anywhere = look(ground.client, "shop", None)
    assert (anywhere.elsewhere, anywhere.first("order.updated").id) == ((), old.id)  # type: ignore[union-attr]


def test_repair_brings_each_topic_to_one_active_webhook_with_the_present_secret(ground: Ground) -> None:
    """Whatever happened to them: one command, and it says what was never told meanwhile."""
    install(ground.client, ground.shop, BASE)
    hooks = {hook.topic: hook for hook in ground.theirs().values()}
    hooks["order.updated"].status = "disabled"
    hooks["order.created"].status = "paused"
    hooks["customer.created"].url = f"{OLD}/customer.created"
    del ground.hooks.hooks[hooks["customer.deleted"].id]
    double = ground.subscribe("order.restored", f"{BASE}/order.restored", status="disabled")
    new_secret = config(ground.shop.url, webhook_secret=SecretStr("new"), previous_webhook_secret=SecretStr("whsec"))

    assert repair(ground.client, new_secret, BASE) == Repair(
        created=("customer.deleted",),
        mended=("customer.updated", "order.created", "order.updated", "order.deleted", "order.restored"),
        moved=("customer.created",),
        removed=(double.id,),
        silent=("customer.created", "customer.deleted", "order.created", "order.updated"),
    )
    assert sorted((hook.topic, hook.url, hook.secret, hook.status) for hook in ground.theirs().values()) == sorted(
        (topic, f"{BASE}/{topic}", derived_secret("new", "shop", topic), "active") for topic in TOPICS
    )


def test_an_old_address_beside_a_good_webhook_is_left_alone(ground: Ground) -> None:
    """It may be another installation's, which has the same right to be told."""
    install(ground.client, ground.shop, BASE)
    other = ground.subscribe("order.updated", f"{OLD}/order.updated", secret="theirs")
    assert repair(ground.client, ground.shop, BASE).moved == ()
    assert (other.url, other.secret) == (f"{OLD}/order.updated", "theirs")


def test_what_is_installed_is_delivered_and_signed_for_its_endpoint(ground: Ground) -> None:
    """The whole way: a change in the shop, signed with the secret that the receiver derives."""
    with listening() as listener:
        install(ground.client, ground.shop, f"{listener.url}/api/customers/webhooks/shop")
        number = next(iter(ground.hooks.shop.customers))
        ground.client.put(f"customers/{number}", {"first_name": "Ada"})
        assert ground.hooks.settle()
    [told] = listener.told()
    secret = derived_secret("whsec", "shop", "customer.updated")
    assert told.headers["x-wc-webhook-signature"].encode() == sign(secret, told.body)


def test_a_key_that_only_reads_is_told_what_it_needs(ground: Ground) -> None:
    """The keys of the first set-up are read-only, as the handbook says."""
    with WebhookClient(config(ground.shop.url, READS)) as reading, pytest.raises(ShopRefused, match="Read/Write"):
        install(reading, ground.shop, BASE)
    assert ground.theirs() == {}


@pytest.mark.parametrize("secret", [None, "", "  "])
def test_without_a_secret_nothing_is_created(ground: Ground, secret: str | None) -> None:
    """The shop would make one up that nobody can read."""
    shop = config(ground.shop.url, webhook_secret=None if secret is None else SecretStr(secret))
    for act in (install, repair):
        with pytest.raises(SettingsError, match="WOOCOMMERCE_WEBHOOK_SECRET"):
            act(ground.client, shop, BASE)
    assert ground.theirs() == {}


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://hooks.example.com", "https://hooks.example.com/api/customers/webhooks/shop"),
        ("https://hooks.example.com:8443/", "https://hooks.example.com:8443/api/customers/webhooks/shop"),
        ("https://example.com/regulars/", "https://example.com/regulars/api/customers/webhooks/shop"),
    ],
)
def test_the_address_of_the_receiver_becomes_that_of_the_shops_webhooks(url: str, base: str) -> None:
    """People write it with and without a slash, or behind a path of their proxy."""
    assert delivery_base("shop", url) == base


@pytest.mark.parametrize(
    "url", [None, "", "hooks.example.com", "ftp://x", "https://u:p@x", "https://x?y=1", "https://x#y", "https://[x"]
)
def test_an_address_that_no_shop_could_use_is_refused(url: str | None) -> None:
    """The shop would accept it, and fail at each delivery."""
    with pytest.raises(SettingsError, match="REGULARS_PUBLIC_URL") as caught:
        delivery_base("shop", url)
    assert "u:p" not in str(caught.value)
