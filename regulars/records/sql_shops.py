"""What is known of each shop beside its data, on SQLite; the guarantees stand in `system_ports.ShopStates`."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from regulars.models import Fingerprint, WebhookState
from regulars.records.given import a_shop, fingerprint_values, webhook_values
from regulars.records.store import SqlStore
from regulars.records.tables import fingerprints as fingerprint_table
from regulars.records.tables import webhooks as webhook_table
from regulars.records.times import to_instant


class SqlShopStates(SqlStore):
    """Fingerprints of shops and the states of our webhooks in one SQLite file."""

    def fingerprint(self, shop: str) -> Fingerprint | None:
        """Return what the shop was when it was last accepted. See `system_ports.ShopStates`."""
        query = sa.select(fingerprint_table).where(fingerprint_table.c.shop == a_shop(shop))
        with self._reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return Fingerprint(home=row.home, currency=row.currency, timezone=row.timezone, seen_at=to_instant(row.seen_at))

    def set_fingerprint(self, shop: str, fingerprint: Fingerprint) -> None:
        """Accept the shop as it is now. See `system_ports.ShopStates`."""
        row = fingerprint_values(shop, fingerprint)
        put = insert(fingerprint_table).values(row)
        with self._writing() as connection:
            connection.execute(put.on_conflict_do_update(index_elements=["shop"], set_=row))

    def webhooks(self, shop: str) -> list[WebhookState]:
        """Return our webhooks in the shop as they were last seen. See `system_ports.ShopStates`."""
        query = sa.select(webhook_table).where(webhook_table.c.shop == a_shop(shop)).order_by(webhook_table.c.topic)
        with self._reading() as connection:
            return [
                WebhookState(
                    topic=row.topic,
                    status=row.status,
                    webhook_id=row.webhook_id,
                    checked_at=to_instant(row.checked_at),
                )
                for row in connection.execute(query)
            ]

    def set_webhooks(self, shop: str, states: Sequence[WebhookState]) -> None:
        """Replace what is known of the shop's webhooks. See `system_ports.ShopStates`."""
        rows = webhook_values(shop, states)
        with self._writing() as connection:
            connection.execute(sa.delete(webhook_table).where(webhook_table.c.shop == a_shop(shop)))
            if rows:
                connection.execute(sa.insert(webhook_table), rows)
