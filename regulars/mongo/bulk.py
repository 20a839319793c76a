"""Tags of many people at once on MongoDB; the guarantees stand in `regulars.records.ports.Tags`.

A server takes only so much in one transaction: with its smallest cache, tags for some 40,000 people. So a call that
concerns more than `rows.AT_ONCE` people is written down as a job and done in steps (`bulk_steps`), each a transaction.
A job that was broken off is carried on by whoever opens the records next, and by the next call that changes many.
Several may carry on the same job: each step is done once.
"""

from collections.abc import Callable, Iterable

from regulars.models import TagChange
from regulars.mongo.bulk_steps import Action, at_once, begin_change, begin_merge, step
from regulars.mongo.client import Document
from regulars.mongo.rows import RecordsStore, Writing
from regulars.mongo.tags import shown_as
from regulars.records import sentences
from regulars.records.given import a_limit, a_shop, an_author, distinct_keys, is_id
from regulars.records.texts import folded, shown_tag
from regulars.records.times import to_instant


class MongoBulkTags(RecordsStore):
    """Bulk changes and renames of tags, in `tag_changes`, `tag_change_people` and, while under way, `tag_jobs`."""

    def rename_tag(self, shop: str, tag: str, new: str, author: str) -> int:
        """Show a tag under another name, or merge it into another. See `ports.Tags`."""
        shop, old, new = a_shop(shop), folded(shown_tag(tag)), shown_tag(new)
        an_author(author)

        def begin(writing: Writing) -> Document:
            before = shown_as(writing, shop, old)
            if before is None:
                raise sentences.tag_unused()
            job = begin_merge(writing, shop, old, new)
            if before != job["shown"] and writing.tags_matter(shop):
                writing.touch()
            return job

        return int(self._do(begin)["people"])

    def tag_people(self, shop: str, customer_keys: Iterable[str], tag: str, author: str) -> TagChange:
        """Give many people one tag. See `ports.Tags`."""
        return self._change_many(shop, customer_keys, tag, author, "add")

    def untag_people(self, shop: str, customer_keys: Iterable[str], tag: str, author: str) -> TagChange:
        """Take one tag away from many people. See `ports.Tags`."""
        return self._change_many(shop, customer_keys, tag, author, "remove")

    def undo_tag_change(self, shop: str, change_id: int, author: str) -> TagChange:
        """Undo a bulk change. See `ports.Tags`."""
        shop, author = a_shop(shop), an_author(author)

        def begin(writing: Writing) -> Document:
            change = writing["tag_changes"].one(shop=shop, _id=change_id) if is_id(change_id) else None
            if change is None:
                raise sentences.tag_change_gone()
            if change["undone_at"] is not None:
                raise sentences.tag_change_undone()
            now = self._now()
            writing["tag_changes"].set({"undone_at": now}, _id=change_id)
            done = {"author": author, "at": now}
            return {"kind": "undo", "change": change | {"undone_at": now}, "people": change["people"], "done": done}

        return _change(self._do(begin)["change"])

    def tag_changes(self, shop: str, limit: int = 20) -> list[TagChange]:
        """Return the latest bulk changes. See `ports.Tags`."""
        shop = a_shop(shop)
        with self._reading() as reading:
            return [_change(row) for row in reading["tag_changes"].all("-_id", limit=a_limit(limit), shop=shop)]

    def _change_many(self, shop: str, customer_keys: Iterable[str], tag: str, author: str, action: Action) -> TagChange:
        shop, written, author = a_shop(shop), shown_tag(tag), an_author(author)
        keys = sorted(distinct_keys(customer_keys))

        def begin(writing: Writing) -> Document:
            done = {"author": author, "at": self._now()}
            return begin_change(writing, shop, keys, written, action, done=done)

        job = self._do(begin)
        with self._reading() as reading:
            return _change(reading["tag_changes"].one(_id=job["change"]["_id"]) or job["change"])

    def _do(self, begin: Callable[[Writing], Document]) -> Document:
        """Do a job and return it as it began: in the transaction that begins it, where it is small enough."""
        self.carry_on()

        def work(writing: Writing) -> Document:
            job = begin(writing) | {"_id": writing.next_id("tag_jobs")}
            if at_once(job):
                while step(writing, job):
                    pass
            else:
                writing["tag_jobs"].insert(job)
            return job

        job = self._write(work)
        if not at_once(job):
            self._finish(job)
        return job

    def carry_on(self) -> None:
        """Finish the jobs that were broken off, here or in another process."""
        with self._reading() as reading:
            broken_off = list(reading["tag_jobs"].all("_id"))
        for job in broken_off:
            self._finish(job)

    def _finish(self, job: Document) -> None:
        def work(writing: Writing) -> bool:
            if writing["tag_jobs"].one(_id=job["_id"]) is None:
                return False  # somebody else finished it
            more = step(writing, job)
            if not more:
                writing["tag_jobs"].delete(_id=job["_id"])
            return more

        while self._write(work):
            pass


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
