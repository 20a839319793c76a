"""Random histories of a small shop, and marts in memory that are patched as the warehouse's are."""

import random
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from tests.transforms.staged_builders import (
    AS_OF,
    BERLIN,
    HASH_KEY,
    NOT_COUNTED,
    SEEN,
    a_deletion,
    a_guest_order,
    a_refund,
    an_account,
    an_order,
    staged,
)
from transforms.identity import ACCOUNT, LINKED_ALIASES, EmailForm
from transforms.incremental import WALKED, Before, Links, Touched, reach_of, restricted
from transforms.marts import ROW_ORDER, build_marts, find_aliases
from transforms.patches import Basis, Change, Changes, Written, changed_marts, rederived, tags_of
from transforms.rules import SegmentRule
from transforms.schemas import MARTS
from transforms.segments import assign_segments

EMAILS = (
    "a.na@gmail.com",
    "ana@gmail.com",
    "ANA+x@gmail.com",
    "ben@mail.example",
    "büro@mail.example",
    "c@mail.example",
    None,
)
NAMES = (("Ana", "Alba"), ("Ben", "Berg"), ("Cleo", "Cruz"), ("Dora", "Dahl"), (None, None))
RULES = (
    SegmentRule("many", "Many", "orders_count >= 2"),
    SegmentRule("top", "Top", "m >= 4 or r = 5"),
    SegmentRule("tagged", "Tagged", 'tags contains "vip" and in_segment("many")'),
    SegmentRule("tea", "Tea", 'bought(category = "Tea")'),
    SegmentRule("dear", "Dear", "orders(count >= 1, total >= 40)"),
    SegmentRule("broken", "Broken", "no_such_field = 1"),
)
SCORED = ("r", "f", "m", "rfm_group", "segments")
SORTED_BY = {**ROW_ORDER, "segment_members": ("customer_key", "segment_id"), "person_tags": ("customer_key",)}


class InMemory:
    """What is staged and what was derived, as `incremental.Known` asks for them."""

    def __init__(self, tables: Mapping[str, pl.LazyFrame], marts: Mapping[str, pl.DataFrame]) -> None:
        self.tables, self.marts = tables, marts

    def staged(self, table: str, among: pl.Series) -> pl.LazyFrame:
        """Return the staged rows with one of these values."""
        return self.tables[table].filter(pl.col(among.name).is_in(among.to_list()))

    def deletions(self) -> pl.LazyFrame:
        """Return the deletions."""
        return self.tables["deletions"]

    def orders_in_full(self, ids: pl.DataFrame) -> pl.DataFrame:
        """Return these orders."""
        return self.staged("orders", ids["order_id"]).collect()

    def derived(self, table: str, among: pl.Series | None = None, columns: Collection[str] = ()) -> pl.LazyFrame:
        """Return a mart, or its rows with one of these values, or these columns of it."""
        frame = self.marts[table].lazy().select(columns or self.marts[table].columns)
        return frame if among is None else frame.filter(pl.col(among.name).is_in(among.to_list()))

    def before(self, keys: Collection[str], emails: Collection[str], orders: Collection[int]) -> Before:
        """Return the identities with one of these, and their orders."""
        placed, identities = self.marts["orders"], self.marts["identities"].select(WALKED)
        owning = placed.filter(pl.col("order_id").is_in(list(orders)))["identity"].to_list()
        found = identities.filter(
            pl.col("identity").is_in([*keys, *owning])
            | pl.col("customer_key").is_in(list(keys))
            | pl.col("email").is_in(list(emails))
        )
        return Before(found, frozenset(placed.join(found, on="identity", how="semi")["order_id"]))


class History:
    """A small shop that changes; it remembers what was touched since `settle`."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.rows: dict[str, dict[int, dict[str, Any]]] = {
            name: {} for name in ("orders", "order_lines", "refunds", "customers", "products", "deletions")
        }
        self.links: dict[str, tuple[str, str]] = {}
        self.tags: dict[str, list[str]] = {}
        self.hidden: set[str] = set()
        self.rules = list(RULES)
        self.form = EmailForm(
            *(self.chance.random() < 0.4 for _ in range(2)), shared_names=self.chance.choice([0, 2, 3])
        )
        self.clock = SEEN
        self.settle()
        for number in range(1, 4):
            self.product(number)

    def settle(self) -> None:
        """Forget what was touched: it was derived."""
        self.touched: dict[str, set[int]] = {name: set() for name in ("orders", "customers", "refunds", "products")}

    def tables(self) -> dict[str, pl.LazyFrame]:
        """Return what is staged."""
        lines = [line for of_order in self.rows["order_lines"].values() for line in of_order["lines"]]
        rows = {name: list(each.values()) for name, each in self.rows.items() if name != "order_lines"}
        return staged(**rows, order_lines=lines)

    def step(self) -> None:
        """Change one thing."""
        what = ("order",) * 8 + (
            "account",
            "account",
            "refund",
            "refund",
            "product",
            "delete",
            "link",
            "link",
            "tag",
            "hide",
            "rule",
        )
        getattr(self, self.chance.choice(what))()

    def order(self) -> None:
        """Place an order, or change one: its owner, status, day, amount or lines."""
        number = self.chance.randint(1, 14)
        first, last = self.chance.choice(NAMES)
        email = self.chance.choice(EMAILS)
        more = {
            "status": self.chance.choice(["completed", "completed", "processing", "cancelled"]),
            "currency": self.chance.choice(["EUR", "EUR", "USD"]),
            "total": Decimal(self.chance.randint(1, 60)),
            "coupons": self.chance.choice([[], ["Save"], ["SAVE", "ten"]]),
            "refund_ids": [100 * number + each for each in range(self.chance.randint(0, 3))],
            "created_at": AS_OF - timedelta(days=self.chance.randint(-3, 90), hours=self.chance.randint(0, 23)),
            "observed_at": self.tick(),
        }
        billing = {"first_name": first, "last_name": last, "email": email, "city": self.chance.choice(["Oslo", "Rome"])}
        if self.chance.random() < 0.4:
            row = an_order(number, woocommerce_id=self.chance.randint(1, 5), email=email, billing=billing, **more)
        else:
            row = a_guest_order(number, email, **{**more, "billing": billing})
        self.rows["orders"][number] = row
        lines = [
            {"order_id": number, "line_id": 10 * number + each, "product_id": self.chance.randint(0, 3),
             "sku": f"s{each}", "name": "Thing", "quantity": 1, "total": Decimal(5), "tax": Decimal(0),
             "subtotal": Decimal(5)}
            for each in range(self.chance.randint(0, 3))
        ]  # fmt: skip
        self.rows["order_lines"][number] = {"lines": lines}
        self.touched["orders"].add(number)

    def account(self) -> None:
        """Make an account, or change its e-mail."""
        number = self.chance.randint(1, 5)
        first, last = self.chance.choice(NAMES)
        self.rows["customers"][number] = an_account(
            number,
            email=self.chance.choice(EMAILS),
            first_name=first,
            last_name=last,
            billing={"email": self.chance.choice(EMAILS), "last_name": last},
            observed_at=self.tick(),
        )
        self.touched["customers"].add(number)

    def refund(self) -> None:
        """Add a refund, or change one."""
        order = self.chance.randint(1, 14)
        number = 100 * order + self.chance.randint(0, 2)
        self.rows["refunds"][number] = a_refund(number, order, str(self.chance.randint(1, 70)), observed_at=self.tick())
        self.touched["refunds"].add(number)

    def product(self, number: int | None = None) -> None:
        """Rename a product, file it elsewhere, or change its price."""
        number = number or self.chance.randint(1, 3)
        self.rows["products"][number] = {
            "product_id": number,
            "name": self.chance.choice(["Cup", "Pot"]),
            "price": Decimal(self.chance.randint(1, 9)),
            "categories": self.chance.choice([["Tea"], ["Tea", "Sale"], []]),
            "observed_at": self.tick(),
        }
        self.touched["products"].add(number)

    def delete(self) -> None:
        """Delete something in the shop."""
        kind, table, most = self.chance.choice(
            [
                ("order", "orders", 14),
                ("customer", "customers", 5),
                ("product", "products", 3),
                ("refund", "refunds", 0),
            ]
        )
        number = self.chance.randint(1, most) if most else 100 * self.chance.randint(1, 14)
        self.rows["deletions"][len(kind) * 10**6 + number] = a_deletion(kind, number, self.tick())
        self.touched[table].add(number)

    def link(self) -> None:
        """Merge two people, separate one, or undo that."""
        keys = self.people()
        if not keys:
            return
        one, other = self.chance.choice(keys), self.chance.choice(keys)
        if self.links and self.chance.random() < 0.3:
            del self.links[self.chance.choice(sorted(self.links))]
        elif self.chance.random() < 0.3:
            self.links[one] = (one, "separated")
        elif one != other:
            self.links[one] = (other, "merged")

    def tag(self) -> None:
        """Tag somebody, or take the tags off."""
        for key in self.chance.sample(self.people(), k=min(1, len(self.people()))):
            self.tags[key] = ["vip"] if key not in self.tags else ["vip", "new"]
            if self.chance.random() < 0.4:
                del self.tags[key]

    def hide(self) -> None:
        """Hide somebody, or show them again."""
        for key in self.chance.sample(self.people(), k=min(1, len(self.people()))):
            self.hidden ^= {key}

    def rule(self) -> None:
        """Add a segment, or take one away."""
        self.rules = self.rules[:-1] if len(self.rules) > len(RULES) else [*RULES, SegmentRule("far", "Far", "r <= 2")]

    def people(self) -> list[str]:
        """Return keys that people of this shop may have."""
        accounts = [f"{ACCOUNT}{number}" for number in range(1, 6)]
        return sorted({*accounts, *self.last_keys})

    last_keys: Iterable[str] = ()

    def tick(self) -> datetime:
        """Return a moment later than the last."""
        self.clock += timedelta(minutes=1)
        return self.clock

    def link_frame(self) -> pl.DataFrame:
        """Return the aliases."""
        rows = [(alias, key, link) for alias, (key, link) in sorted(self.links.items())]
        return pl.DataFrame(rows, schema=dict(LINKED_ALIASES), orient="row")

    def basis(self) -> Basis:
        """Return what versions are derived by."""
        return Basis("lab", AS_OF, BERLIN, NOT_COUNTED, HASH_KEY, self.form)

    def written(self, hidden_before: frozenset[str]) -> Written:
        """Return what people wrote."""
        return Written(tuple(self.rules), tags_of(self.tags, "lab"), frozenset(self.hidden), hidden_before)


def in_full(history: History) -> dict[str, pl.DataFrame]:
    """Return all marts, derived whole."""
    basis, written = history.basis(), history.written(frozenset())
    frames = build_marts(
        history.tables(),
        shop=basis.shop,
        as_of=basis.as_of,
        timezone=basis.timezone,
        not_counted=basis.not_counted,
        hash_key=basis.hash_key,
        aliases=history.link_frame().lazy(),
        form=basis.form,
    )
    tagged = frames["customers"].join(
        written.person_tags.lazy().select("customer_key", "tags"), on="customer_key", how="left"
    )
    frames |= assign_segments(
        tagged, written.rules, shop="lab", as_of=AS_OF, timezone=BERLIN, hidden=written.hidden, tables=frames
    )._asdict()
    tables = dict(zip(frames, pl.collect_all(list(frames.values())), strict=True))
    return in_order({**tables, "person_tags": written.person_tags})


def patched(
    history: History, marts: Mapping[str, pl.DataFrame], links: pl.DataFrame, hidden: frozenset[str]
) -> dict[str, pl.DataFrame]:
    """Return all marts, derived from those before and what was touched since; registered guests are noted as in a run."""
    known = InMemory(history.tables(), marts)
    basis = history.basis()
    while True:
        changed = Links(history.link_frame(), links)
        touched = Touched(**{name: frozenset(ids) for name, ids in history.touched.items()}, keys=changed.changed())
        reach = reach_of(known, touched, changed, hash_key=basis.hash_key, form=basis.form)
        found = registered(history, restricted(known, reach), marts["customers"])
        assert found.equals(registered(history, history.tables(), marts["customers"]))
        if not found.height:
            made = rederived(known, Change(touched, changed, reach), basis)
            return applied(marts, changed_marts(known, made, history.written(hidden), basis))
        history.links |= {alias: (key, "registered") for alias, key in found.iter_rows()}


def note_registered(history: History) -> None:
    """Note who of the guests has registered, as the first run of a shop does."""
    nobody = pl.DataFrame(schema=dict(MARTS["customers"]))
    found = registered(history, history.tables(), nobody)
    history.links |= {alias: (key, "registered") for alias, key in found.iter_rows()}


def registered(history: History, tables: Mapping[str, pl.LazyFrame], customers: pl.DataFrame) -> pl.DataFrame:
    """Return the guests who are accounts by now and were not noted."""
    known = customers.lazy().select("customer_key")
    aliases = history.link_frame().lazy()
    return find_aliases(tables, known, hash_key=HASH_KEY, aliases=aliases, form=history.form).collect()


def applied(marts: Mapping[str, pl.DataFrame], changes: Changes) -> dict[str, pl.DataFrame]:
    """Return the marts with the changes made."""
    result = dict(marts)
    for name, patch in changes.patches.items():
        kept = result[name].clear() if patch.gone is None else result[name].filter(
            pl.col(patch.gone.name).is_in(patch.gone.to_list()).fill_null(value=False).not_()
        )  # fmt: skip
        result[name] = pl.concat([kept, patch.rows])
    new = changes.rescored.rename({name: f"{name}_now" for name in SCORED}).with_columns(now=True)
    result["customers"] = (
        result["customers"]
        .join(new, on="customer_key", how="left")
        .with_columns(pl.when("now").then(f"{name}_now").otherwise(name).alias(name) for name in SCORED)
        .select(list(MARTS["customers"]))
    )
    return in_order(result)


def in_order(marts: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return the marts with their rows sorted by key; the segments stay as they were saved."""
    return {name: frame.sort(SORTED_BY[name]) if name in SORTED_BY else frame for name, frame in marts.items()}
