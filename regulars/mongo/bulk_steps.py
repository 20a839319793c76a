"""The steps in which tags of many people change, each within one transaction. See `bulk`.

A job is a document: `kind` (`add`, `remove`, `undo`, `merge`), `people` (how many it concerns at most) and what the kind
needs: `change`, the bulk change as it began; `done`, author and time; or `shop`, `old`, `new` and `shown` of a merge.

A pack is a document of `tag_change_people`. While it is `open`, its `todo` has keys that the change has not come to yet;
then its `people` are those whom it changed, with who had given the tag and when, where it took one away.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from regulars.mongo.client import Document
from regulars.mongo.rows import AT_ONCE, Reading, Writing, chunks, equal
from regulars.mongo.tags import forget_unused, show_tag, shown_as
from regulars.records.texts import TAG_CHANGES_A_SHOP, TAGS_A_PERSON, folded

Action = Literal["add", "remove"]
Given = dict[
    str, Document
]  # by customer key: {"author", "created_at"} of the tag, None where the change itself gave it

NOBODY: Document = {"author": None, "created_at": None}
PACKS = "tag_change_people"


def at_once(job: Document) -> bool:
    """Return whether the whole job fits into one transaction."""
    return int(job["people"]) <= AT_ONCE


def begin_change(
    writing: Writing, shop: str, keys: list[str], written: str, action: Action, *, done: Document
) -> Document:
    """Write a bulk change that has changed nobody yet, and return its job. `keys` are in their order."""
    name = folded(written)
    change: Document = {
        "_id": writing.next_id("tag_changes"),
        "shop": shop,
        "folded": name,
        "shown": shown_as(writing, shop, name) or written,
        "action": action,
        "people": 0,
        **done,
        "undone_at": None,
    }
    writing["tag_changes"].insert(dict(change))
    writing[PACKS].insert_all(
        {"change_id": change["_id"], "first_key": some[0], "open": True, "todo": some, "people": []}
        for some in chunks(keys)
    )
    return {"kind": action, "change": change, "people": len(keys), "done": done}


def begin_merge(writing: Writing, shop: str, old: str, new: str) -> Document:
    """Let the tag `old` be shown as `new`; return the job of moving who has it, where `new` is another tag."""
    people, into = writing["person_tags"].count(shop=shop, folded=old), folded(new)
    if into == old:
        shown = new
        writing["tags"].set({"shown": new}, shop=shop, folded=old)
    else:
        shown = show_tag(writing, shop, into, new)
    writing["tag_changes"].set({"folded": into, "shown": shown}, shop=shop, folded=old)
    return {"kind": "merge", "shop": shop, "old": old, "new": into, "shown": shown, "people": people}


def step(writing: Writing, job: Document) -> bool:
    """Do the next step of a job; return whether there may be another."""
    if job["kind"] == "merge":
        return _merge_some(writing, job)
    return _undo_some(writing, job) if job["kind"] == "undo" else _change_some(writing, job)


def _change_some(writing: Writing, job: Document) -> bool:
    began = job["change"]
    change = writing["tag_changes"].one(_id=began["_id"])
    pack = next(writing[PACKS].all("first_key", limit=1, change_id=began["_id"], open=True), None)
    if change is None or pack is None:
        _prune(writing, began["shop"])
        if change is not None and change["people"] and writing.tags_matter(began["shop"]):
            writing.touch()
        return False
    find = _without if began["action"] == "add" else _with
    people = find(writing, change["shop"], change["folded"], pack["todo"])
    _apply(writing, change, people, began["action"], job["done"])
    listed = [{"customer_key": key, **given} for key, given in people.items()]
    writing[PACKS].set({"open": False, "todo": [], "people": listed}, _id=pack["_id"])
    writing["tag_changes"].set({"people": change["people"] + len(people)}, _id=change["_id"])
    return True


def _undo_some(writing: Writing, job: Document) -> bool:
    began = job["change"]
    change = writing["tag_changes"].one(_id=began["_id"]) or began
    pack = next(writing[PACKS].all("first_key", limit=1, change_id=began["_id"]), None)
    if pack is None:
        if change["people"] and writing.tags_matter(change["shop"]):
            writing.touch()
        return False
    people = {row["customer_key"]: {name: row[name] for name in NOBODY} for row in pack["people"]}
    back: Action = "remove" if change["action"] == "add" else "add"
    _apply(writing, change, _as_left(writing, change, people), back, job["done"])
    writing[PACKS].delete(_id=pack["_id"])  # whom it changed was only kept to undo it
    return True


def _merge_some(writing: Writing, job: Document) -> bool:
    shop, old, into = job["shop"], job["old"], job["new"]
    rows, fields = writing["person_tags"], ("customer_key", "created_at")
    having = {
        row["customer_key"]: row["created_at"] for row in rows.all(fields=fields, limit=AT_ONCE, shop=shop, folded=old)
    }
    if old == into:
        return False
    if not having:
        forget_unused(writing, shop, old)
        if writing.tags_matter(shop):
            writing.touch()
        return False
    show_tag(writing, shop, into, job["shown"])  # the last who had it may have lost it between two steps
    those = {"customer_key": having.keys()}
    both = {
        row["customer_key"]: row["created_at"] for row in rows.all(fields=fields, shop=shop, folded=into, among=those)
    }
    older = {key for key, given in both.items() if having[key] < given}
    rows.delete(shop=shop, folded=into, among={"customer_key": older})
    rows.delete(shop=shop, folded=old, among={"customer_key": both.keys() - older})
    rows.set({"folded": into}, shop=shop, folded=old, among={"customer_key": having.keys() - (both.keys() - older)})
    return True


def _without(reading: Reading, shop: str, name: str, keys: Iterable[str]) -> Given:
    """Return those of `keys` who do not have the tag and may have one more."""
    keys = list(keys)
    has = {"$max": {"$cond": [{"$eq": ["$folded", {"$literal": name}]}, 1, 0]}}
    steps: tuple[Document, ...] = (
        {"$match": equal({"shop": shop}) | {"customer_key": {"$in": keys}}},
        {"$group": {"_id": "$customer_key", "tags": {"$sum": 1}, "has": has}},
        {"$match": {"$or": [{"has": 1}, {"tags": {"$gte": TAGS_A_PERSON}}]}},
    )
    not_these = {row["_id"] for row in reading["person_tags"].pipeline(*steps)}
    return {key: NOBODY for key in keys if key not in not_these}


def _with(reading: Reading, shop: str, name: str, keys: Iterable[str], **given: Any) -> Given:
    """Return those of `keys` who have the tag, with who gave it and when; with `given` only as it was given."""
    found = reading["person_tags"].all(
        "customer_key",
        fields=("customer_key", *NOBODY),
        shop=shop,
        folded=name,
        among={"customer_key": list(keys)},
        **given,
    )
    return {row["customer_key"]: {name: row[name] for name in NOBODY} for row in found}


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
    shown = shown_as(writing, shop, name) or change["shown"]
    if action == "add":
        show_tag(writing, shop, name, shown)
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
        writing["person_tags"].delete(shop=shop, folded=name, among={"customer_key": people.keys()})
        forget_unused(writing, shop, name)
    event = {"shop": shop, **done, "kind": "tag_added" if action == "add" else "tag_removed", "detail": shown}
    first = writing.next_id("events", len(people))
    writing["events"].insert_all(
        {"_id": number, "customer_key": key, **event} for number, key in enumerate(people, first)
    )


def packed(change_id: int, people: Given) -> Iterator[Document]:
    """Yield the packs of a change that is done; `people` is in the order of its keys."""
    for some in chunks(people.items()):
        listed = [{"customer_key": key, **given} for key, given in some]
        yield {"change_id": change_id, "first_key": some[0][0], "open": False, "todo": [], "people": listed}


def _prune(writing: Writing, shop: str) -> None:
    """Keep the newest changes of the shop; whom the older ones changed goes with them."""
    ids = [row["_id"] for row in writing["tag_changes"].all("-_id", shop=shop)]
    for old in ids[TAG_CHANGES_A_SHOP:]:
        writing[PACKS].delete(change_id=old)
        writing["tag_changes"].delete(_id=old)
