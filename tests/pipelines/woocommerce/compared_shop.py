"""Records of a small shop to change, and what a comparison found, for tests of reconciling."""

from demo_shop.changes import Shop
from demo_shop.model import Order
from pipelines.woocommerce.sync import SyncOutcome

Found = dict[tuple[str, str], tuple[int, int]]


def found(outcome: SyncOutcome) -> Found:
    """Return the drift as {(object, kind): (before, after)}."""
    assert outcome.drift is not None
    return {(one.object, one.kind): (one.before, one.after) for one in outcome.drift}


def paid(shop: Shop, at: int = 0, *, owned: bool | None = None) -> Order:
    """Return the live order at place `at` that was paid and never refunded, of an account or of a guest."""
    return [
        order
        for _, order in sorted(shop.orders.items())
        if order.status in ("processing", "completed")
        and not order.refunds
        and (owned is None or bool(order.customer_id) == owned)
    ][at]


def buyer(shop: Shop, at: int = 0) -> int:
    """Return an account that placed no order, so that nothing else changes with it."""
    with_orders = {order.customer_id for order in shop.orders.values()}
    return [n for n, one in sorted(shop.customers.items()) if n not in with_orders and one.role == "customer"][at]
