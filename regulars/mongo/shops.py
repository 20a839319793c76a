"""What is known of each shop beside its data, on MongoDB; the guarantees stand in `system_ports.ShopStates`."""

from collections.abc import Sequence

from regulars.models import Fingerprint, WebhookState
from regulars.mongo.rows import RecordsStore, Writing
from regulars.records.given import a_shop, fingerprint_values, webhook_values
from regulars.records.times import to_instant


class MongoShopStates(RecordsStore):
    """Fingerprints of shops and the states of our webhooks, in the collections `fingerprints` and `webhooks`."""

    def fingerprint(self, shop: str) -> Fingerprint | None:
        """Return what the shop was when it was last accepted. See `system_ports.ShopStates`."""
        shop = a_shop(shop)
        with self._reading() as reading:
            row = reading["fingerprints"].one(_id=shop)
        if row is None:
            return None
        return Fingerprint(
            home=row["home"], currency=row["currency"], timezone=row["timezone"], seen_at=to_instant(row["seen_at"])
        )

    def set_fingerprint(self, shop: str, fingerprint: Fingerprint) -> None:
        """Accept the shop as it is now. See `system_ports.ShopStates`."""
        row = fingerprint_values(shop, fingerprint)
        shop = row.pop("shop")
        self._write(lambda writing: writing["fingerprints"].put(row, _id=shop))

    def webhooks(self, shop: str) -> list[WebhookState]:
        """Return our webhooks in the shop as they were last seen. See `system_ports.ShopStates`."""
        shop = a_shop(shop)
        with self._reading_one_moment() as reading:
            return [
                WebhookState(
                    topic=row["topic"],
                    status=row["status"],
                    webhook_id=row["webhook_id"],
                    checked_at=to_instant(row["checked_at"]),
                )
                for row in reading["webhooks"].all("topic", shop=shop)
            ]

    def set_webhooks(self, shop: str, states: Sequence[WebhookState]) -> None:
        """Replace what is known of the shop's webhooks. See `system_ports.ShopStates`."""
        shop, rows = a_shop(shop), webhook_values(shop, states)

        def work(writing: Writing) -> None:
            writing["webhooks"].delete(shop=shop)
            writing["webhooks"].insert_all(dict(row) for row in rows)

        self._write(work)
