"""People who were deleted here, and what was done about people, on MongoDB. See `ports.HiddenPeople`, `ports.Events`."""

from regulars.models import EventKind, Hidden, PersonEvent
from regulars.mongo.client import Document
from regulars.mongo.rows import RecordsStore, Writing
from regulars.records.given import a_limit, a_person, a_shop, an_author, event_values
from regulars.records.times import to_instant


class MongoPeople(RecordsStore):
    """Hidden people and events in the collections `hidden` and `events`."""

    def hide(self, shop: str, customer_key: str, author: str) -> Hidden:
        """Hide a person. See `ports.HiddenPeople`."""
        shop, customer_key = a_person(shop, customer_key)
        row = {"shop": shop, "customer_key": customer_key, "author": an_author(author), "at": self._now()}

        def work(writing: Writing) -> Hidden:
            before = writing["hidden"].one(shop=shop, customer_key=customer_key)
            if before is None:
                writing["hidden"].insert(dict(row))
                writing["events"].insert({"_id": writing.next_id("events"), **row, "kind": "hidden", "detail": ""})
                writing.touch()
            return _hidden(before or row)

        return self._write(work)

    def show(self, shop: str, customer_key: str, author: str) -> None:
        """Show a person again. See `ports.HiddenPeople`."""
        shop, customer_key = a_person(shop, customer_key)
        row = {"shop": shop, "customer_key": customer_key, "author": an_author(author), "at": self._now()}

        def work(writing: Writing) -> None:
            if writing["hidden"].delete(shop=shop, customer_key=customer_key):
                writing["events"].insert({"_id": writing.next_id("events"), **row, "kind": "shown", "detail": ""})
                writing.touch()

        self._write(work)

    def hidden(self, shop: str) -> dict[str, Hidden]:
        """Return everybody who is hidden, by customer key. See `ports.HiddenPeople`."""
        shop = a_shop(shop)
        with self._reading() as reading:
            return {row["customer_key"]: _hidden(row) for row in reading["hidden"].all("customer_key", shop=shop)}

    def add_event(self, shop: str, customer_key: str, kind: EventKind, author: str, detail: str = "") -> PersonEvent:
        """Write an event. See `ports.Events`."""
        row = event_values(shop, customer_key, kind, author, detail) | {"at": self._now()}

        def work(writing: Writing) -> PersonEvent:
            new = {"_id": writing.next_id("events"), **row}
            writing["events"].insert(new)
            return _event(new)

        return self._write(work)

    def events(self, shop: str, customer_key: str, limit: int = 500) -> list[PersonEvent]:
        """Return the person's events, the newest first. See `ports.Events`."""
        shop, customer_key = a_person(shop, customer_key)
        with self._reading() as reading:
            found = reading["events"].all("-_id", limit=a_limit(limit), shop=shop, customer_key=customer_key)
            return [_event(row) for row in found]


def _hidden(row: Document) -> Hidden:
    return Hidden(customer_key=row["customer_key"], at=to_instant(row["at"]), author=row["author"])


def _event(row: Document) -> PersonEvent:
    return PersonEvent(
        id=row["_id"],
        shop=row["shop"],
        customer_key=row["customer_key"],
        at=to_instant(row["at"]),
        author=row["author"],
        kind=row["kind"],
        detail=row["detail"],
    )
