"""Tags of many people at once on MongoDB; the guarantees stand in `regulars.records.ports.Tags`.

Each call is one transaction of a few commands for every few thousand people, so that 200,000 of them take seconds. The
server ends a transaction after a minute (`transactionLifetimeLimitSeconds`): then nothing was changed.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from regulars.models import TagChange
from regulars.mongo.client import Document
from regulars.mongo.rows import Reading, RecordsStore, Writing, chunks, equal
from regulars.mongo.tags import forget_unused, show_tag, shown_as
from regulars.records import sentences
from regulars.records.given import a_limit, a_shop, an_author, distinct_keys, is_id
from regulars.records.texts import TAG_CHANGES_A_SHOP, TAGS_A_PERSON, folded, shown_tag
from regulars.records.times import to_instant

Action = Literal["add", "remove"]
Given = dict[str, Document]  # by customer key: who gave the tag and when, for a tag that was taken away


class MongoBulkTags(RecordsStore):
    """Bulk changes and renames of tags; whom a change changed is in `tag_change_people` until it is undone."""

    def rename_tag(self, shop: str, tag: str, new: str, author: str) -> int:
        """Show a tag under another name, or merge it into another. See `ports.Tags`."""
        shop, old, new = a_shop(shop), folded(shown_tag(tag)), shown_tag(new)
        an_author(author)

        def work(writing: Writing) -> int:
            before = shown_as(writing, shop, old)
            if before is None:
                raise sentences.tag_unused()
            people = writing["person_tags"].count(shop=shop, folded=old)
            if old == folded(new):
                shown = new
                writing["tags"].set({"shown": new}, shop=shop, folded=old)
            else:
                shown = _merge(writing, shop, old, new)
            writing["tag_changes"].set({"folded": folded(new), "shown": shown}, shop=shop, folded=old)
            if before != shown and writing.tags_matter(shop):
                writing.touch()
            return people

        return self._write(work)

    def tag_people(self, shop: str, customer_keys: Iterable[str], tag: str, author: str) -> TagChange:
        """Give many people one tag. See `ports.Tags`."""
        return self._change_many(shop, customer_keys, tag, author, "add")

    def untag_people(self, shop: str, customer_keys: Iterable[str], tag: str, author: str) -> TagChange:
        """Take one tag away from many people. See `ports.Tags`."""
        return self._change_many(shop, customer_keys, tag, author, "remove")

    def undo_tag_change(self, shop: str, change_id: int, author: str) -> TagChange:
        """Undo a bulk change. See `ports.Tags`."""
        shop, author = a_shop(shop), an_author(author)

        def work(writing: Writing) -> TagChange:
            change = writing["tag_changes"].one(shop=shop, _id=change_id) if is_id(change_id) else None
            if change is None:
                raise sentences.tag_change_gone()
            if change["undone_at"] is not None:
                raise sentences.tag_change_undone()
            now = self._now()
            people = _as_left(writing, change, _people(writing, change_id))
            back: Action = "remove" if change["action"] == "add" else "add"
            _apply(writing, change, people, back, {"author": author, "at": now})
            # Whom it changed was only kept to undo it.
            writing["tag_change_people"].delete(change_id=change_id)
            writing["tag_changes"].set({"undone_at": now}, _id=change_id)
            return _change(change | {"undone_at": now})

        return self._write(work)

    def tag_changes(self, shop: str, limit: int = 20) -> list[TagChange]:
        """Return the latest bulk changes. See `ports.Tags`."""
        shop = a_shop(shop)
        with self._reading() as reading:
            return [_change(row) for row in reading["tag_changes"].all("-_id", limit=a_limit(limit), shop=shop)]

    def _change_many(self, shop: str, customer_keys: Iterable[str], tag: str, author: str, action: Action) -> TagChange:
        shop, written, author = a_shop(shop), shown_tag(tag), an_author(author)
        keys, name = sorted(distinct_keys(customer_keys)), folded(written)

        def work(writing: Writing) -> TagChange:
            now = self._now()
            people = _without(writing, shop, name, keys) if action == "add" else _with(writing, shop, name, keys)
            change: Document = {
                "_id": writing.next_id("tag_changes"),
                "shop": shop,
                "folded": name,
                "shown": shown_as(writing, shop, name) or written,
                "action": action,
                "people": len(people),
                "author": author,
                "at": now,
                "undone_at": None,
            }
            writing["tag_changes"].insert(change)
            writing["tag_change_people"].insert_all(packed(change["_id"], people))
            _apply(writing, change, people, action, {"author": author, "at": now})
            _prune(writing, shop)
            return _change(change)

        return self._write(work)


def _merge(writing: Writing, shop: str, old: str, new: str) -> str:
    """Give everybody who has `old` the tag `new` in its place; return how that is shown."""
    into = folded(new)
    shown = show_tag(writing, shop, into, new)
    rows = writing["person_tags"]
    having = {row["customer_key"]: row["created_at"] for row in rows.all(shop=shop, folded=old)}
    for keys in chunks(having):
        both = {
            row["customer_key"]: row["created_at"]
            for row in rows.all(shop=shop, folded=into, among={"customer_key": keys})
        }
        older = [key for key, given in both.items() if having[key] < given]
        rows.delete(shop=shop, folded=into, among={"customer_key": older})
        rows.delete(shop=shop, folded=old, among={"customer_key": both.keys() - older})
        moving = [key for key in keys if key not in both or having[key] < both[key]]
        rows.set({"folded": into}, shop=shop, folded=old, among={"customer_key": moving})
    forget_unused(writing, shop, old)
    return shown


def _without(reading: Reading, shop: str, name: str, keys: Iterable[str]) -> Given:
    """Return those of `keys` who do not have the tag and may have one more."""
    found: Given = {}
    counted = {
        "_id": "$customer_key",
        "tags": {"$sum": 1},
        "has": {"$max": {"$cond": [{"$eq": ["$folded", {"$literal": name}]}, 1, 0]}},
    }
    for some in chunks(keys):
        steps: tuple[Document, ...] = (
            {"$match": equal({"shop": shop}) | {"customer_key": {"$in": some}}},
            {"$group": counted},
            {"$match": {"$or": [{"has": 1}, {"tags": {"$gte": TAGS_A_PERSON}}]}},
        )
        not_these = {row["_id"] for row in reading["person_tags"].pipeline(*steps)}
        found |= {key: {"author": None, "created_at": None} for key in some if key not in not_these}
    return found


def _with(reading: Reading, shop: str, name: str, keys: Iterable[str], **given: Any) -> Given:
    """Return those of `keys` who have the tag, with who gave it and when; with `given` only as it was given."""
    fields = "customer_key", "author", "created_at"
    found = (
        row
        for some in chunks(keys)
        for row in reading["person_tags"].all(
            "customer_key", fields=fields, shop=shop, folded=name, among={"customer_key": some}, **given
        )
    )
    return {row["customer_key"]: {"author": row["author"], "created_at": row["created_at"]} for row in found}


def _as_left(reading: Reading, change: Document, people: Given) -> Given:
    """Return those of `people` who still are as the change left them."""
    shop, name = change["shop"], change["folded"]
    if change["action"] == "add":  # somebody may have taken the tag away and given it anew: that one stays
        still = _with(reading, shop, name, people, author=change["author"], created_at=change["at"])
    else:
        still = _without(reading, shop, name, people)
    return {key: given for key, given in people.items() if key in still}


def _apply(writing: Writing, change: Document, people: Given, action: Action, done: Document) -> None:
    """Give or take the tag, with an event for each; `done` is author and `at`. What was taken comes back as it was."""
    if not people:
        return
    shop, name = change["shop"], change["folded"]
    kind = "tag_added" if action == "add" else "tag_removed"
    shown = show_tag(writing, shop, name, change["shown"]) if action == "add" else change["shown"]
    first = writing.next_id("events", len(people))
    writing["events"].insert_all(
        {"_id": number, "shop": shop, "customer_key": key, **done, "kind": kind, "detail": shown}
        for number, key in enumerate(people, first)
    )
    if action == "add":
        writing["person_tags"].insert_all(
            {
                "shop": shop,
                "customer_key": key,
                "folded": name,
                "author": given["author"] or change["author"],
                "created_at": change["at"] if given["created_at"] is None else given["created_at"],
            }
            for key, given in people.items()
        )
    else:
        for some in chunks(people):
            writing["person_tags"].delete(shop=shop, folded=name, among={"customer_key": some})
        forget_unused(writing, shop, name)
    if writing.tags_matter(shop):
        writing.touch()


def packed(change_id: int, people: Given) -> Iterator[Document]:
    """Yield the documents that hold whom a change changed; `people` is in the order of its keys."""
    for some in chunks(people.items()):
        listed = [{"customer_key": key, **given} for key, given in some]
        yield {"change_id": change_id, "first_key": some[0][0], "people": listed}


def _people(reading: Reading, change_id: int) -> Given:
    packed = reading["tag_change_people"].all("first_key", change_id=change_id)
    listed = (person for pack in packed for person in pack["people"])
    return {row["customer_key"]: {"author": row["author"], "created_at": row["created_at"]} for row in listed}


def _prune(writing: Writing, shop: str) -> None:
    """Keep the newest changes of the shop; whom the older ones changed goes with them."""
    ids = [row["_id"] for row in writing["tag_changes"].all("-_id", shop=shop)]
    for old in ids[TAG_CHANGES_A_SHOP:]:
        writing["tag_change_people"].delete(change_id=old)
        writing["tag_changes"].delete(_id=old)


def _change(row: Document) -> TagChange:
    return TagChange(
        id=row["_id"],
        shop=row["shop"],
        tag=row["shown"],
        action=row["action"],
        people=row["people"],
        author=row["author"],
        at=to_instant(row["at"]),
        undone_at=to_instant(row["undone_at"]),
    )
