"""Recorded aliases and keys on MongoDB; the guarantees stand in `regulars.records.system_ports.Aliases` and `system_ports.Keys`."""

import secrets
from collections.abc import Mapping

from regulars.mongo.client import Document
from regulars.mongo.decisions import recorded
from regulars.mongo.rows import RecordsStore, Writing
from regulars.records.given import a_shop, check_no_circle, given_aliases

GUEST_KEY = "guest"


class MongoIdentity(RecordsStore):
    """Recorded aliases and keys in the collections `aliases` and `keys`."""

    def add_aliases(self, shop: str, aliases: Mapping[str, str]) -> int:
        """Record aliases, return how many were new or changed. See `system_ports.Aliases`."""
        shop, given = a_shop(shop), given_aliases(aliases)
        if not given:
            return 0
        now = self._now()

        def work(writing: Writing) -> int:
            known = recorded(writing, shop)
            new = {alias: key for alias, key in given.items() if known.get(alias) != key}
            check_no_circle(known | new, new)
            for alias in new.keys() & known.keys():
                writing["aliases"].set({"customer_key": new[alias]}, shop=shop, alias_key=alias)
            writing["aliases"].insert_all(
                {"shop": shop, "alias_key": alias, "customer_key": key, "created_at": now}
                for alias, key in new.items()
                if alias not in known
            )
            if new:
                writing.touch()
            return len(new)

        return self._write(work)

    def guest_key(self) -> tuple[str, bytes]:
        """Return the id and the bytes of the key that hashes guests' e-mail addresses. See `system_ports.Keys`."""
        with self._reading() as reading:
            row = reading["keys"].one(_id=GUEST_KEY)
        if row is None:
            made = {"key_id": secrets.token_hex(8), "secret": secrets.token_bytes(32), "created_at": self._now()}

            def work(writing: Writing) -> Document:
                # Of two processes that find none, the first makes it and the second reads what the first made.
                there = writing["keys"].one(_id=GUEST_KEY)
                if there is None:
                    writing["keys"].insert({"_id": GUEST_KEY, **made})
                return there or made

            row = self._write(work)
        return str(row["key_id"]), bytes(row["secret"])
