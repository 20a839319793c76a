"""Tags of one person on MongoDB; the guarantees stand in `regulars.records.ports.Tags`. Bulk changes are in `bulk`."""

from collections import defaultdict
from collections.abc import Mapping

from regulars.mongo.rows import Reading, RecordsStore, Writing, equal
from regulars.records.given import a_person, a_shop, an_author
from regulars.records.person_tags import PersonTags, TagsAsked


class MongoTags(RecordsStore, PersonTags):
    """Tags in the collections `tags` (how each is shown) and `person_tags` (who has it)."""

    def tags_of(self, shop: str, customer_key: str) -> tuple[str, ...]:
        """Return the person's tags, alphabetically. See `ports.Tags`."""
        shop, customer_key = a_person(shop, customer_key)
        with self._reading_one_moment() as reading:
            return tuple(_tags_of(reading, shop, customer_key).values())

    def tags(self, shop: str) -> dict[str, tuple[str, ...]]:
        """Return the tags of everybody who has one. See `ports.Tags`."""
        shop = a_shop(shop)
        found: defaultdict[str, list[str]] = defaultdict(list)
        with self._reading_one_moment() as reading:
            shown = _shown(reading, shop)
            names = "customer_key", "folded"  # which the index holds, in this order: no document is read
            for row in reading["person_tags"].all("shop", *names, fields=names, shop=shop):
                found[row["customer_key"]].append(shown[row["folded"]])
        return {key: tuple(names) for key, names in found.items()}

    def tag_counts(self, shop: str) -> dict[str, int]:
        """Return how many people have each tag. See `ports.Tags`."""
        shop = a_shop(shop)
        counted = {"$group": {"_id": "$folded", "people": {"$sum": 1}}}
        with self._reading_one_moment() as reading:
            shown = _shown(reading, shop)
            steps = {"$match": equal({"shop": shop})}, counted, {"$sort": {"_id": 1}}
            return {shown[row["_id"]]: row["people"] for row in reading["person_tags"].pipeline(*steps)}

    def _change(self, shop: str, customer_key: str, author: str, asked: TagsAsked) -> tuple[str, ...]:
        shop, customer_key = a_person(shop, customer_key)
        done = {"shop": shop, "customer_key": customer_key, "author": an_author(author)}

        def work(writing: Writing) -> tuple[str, ...]:
            had = _tags_of(writing, shop, customer_key)
            new, gone = asked.difference(had)
            if not new and not gone:
                return tuple(had.values())
            given = _give(writing, new, done, self._now())
            _take(writing, {name: had[name] for name in gone}, done, self._now())
            if writing.tags_matter(shop):
                writing.touch()
            has = {name: shown for name, shown in had.items() if name not in gone} | given
            return tuple(has[name] for name in sorted(has))

        return self._write(work)


def _give(writing: Writing, new: Mapping[str, str], done: Mapping[str, str], now: int) -> dict[str, str]:
    """Give the tags of `new` (folded: shown), with their events, and return them as shown; `done` is shop, customer_key and author."""
    given = {name: show_tag(writing, done["shop"], name, written) for name, written in new.items()}
    for name, shown in given.items():
        writing["person_tags"].insert({**done, "folded": name, "created_at": now})
        writing["events"].insert(
            {"_id": writing.next_id("events"), **done, "at": now, "kind": "tag_added", "detail": shown}
        )
    return given


def _take(writing: Writing, gone: Mapping[str, str], done: Mapping[str, str], now: int) -> None:
    """Take the tags of `gone` (folded: shown) away, with their events; `done` is shop, customer_key and author."""
    for name, shown in gone.items():
        writing["person_tags"].delete(shop=done["shop"], customer_key=done["customer_key"], folded=name)
        writing["events"].insert(
            {"_id": writing.next_id("events"), **done, "at": now, "kind": "tag_removed", "detail": shown}
        )
        forget_unused(writing, done["shop"], name)


def show_tag(writing: Writing, shop: str, name: str, written: str) -> str:
    """Bring a tag into use and return how it is shown: as it was first written."""
    shown = shown_as(writing, shop, name)
    if shown is None:
        writing["tags"].insert({"shop": shop, "folded": name, "shown": written})
    return shown or written


def shown_as(reading: Reading, shop: str, name: str) -> str | None:
    """Return how a tag is shown, None where nobody has it."""
    row = reading["tags"].one(shop=shop, folded=name)
    return None if row is None else str(row["shown"])


def forget_unused(writing: Writing, shop: str, name: str) -> None:
    """Forget how a tag is shown, where nobody has it any more."""
    if writing["person_tags"].one(shop=shop, folded=name) is None:
        writing["tags"].delete(shop=shop, folded=name)


def _shown(reading: Reading, shop: str) -> dict[str, str]:
    return {row["folded"]: row["shown"] for row in reading["tags"].all(shop=shop)}


def _tags_of(reading: Reading, shop: str, customer_key: str) -> dict[str, str]:
    """Return the person's tags in their order: folded form to form as shown."""
    names = sorted(reading["person_tags"].values("folded", shop=shop, customer_key=customer_key))
    if not names:
        return {}
    shown = {row["folded"]: row["shown"] for row in reading["tags"].all(shop=shop, among={"folded": names})}
    return {name: shown[name] for name in names}
