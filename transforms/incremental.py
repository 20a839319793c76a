"""Whom a change touches: the people, orders and addresses that must be derived anew, and nobody else.

Whom an identity belongs to depends on the aliases, on the accounts that claim its address and on the orders under it
(`transforms.identity`); a person's figures depend on their own orders, refunds, lines and products. So a change reaches
the identities it names, the addresses these use, everybody under the addresses, all that these people are made of, and
so on until nothing is added: what is outside cannot come out otherwise than before. Both are walked, what was derived
before and what is staged now, since an order may have left one person for another.

Unlike other transforms this one collects: each step of the walk asks for what the last one found.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol

import polars as pl

from transforms.identity import ACCOUNT, EmailForm, account_id, identify
from transforms.identity_claims import claims_of
from transforms.identity_keys import address
from transforms.orders import with_deleted_at

IDS = pl.Int64()
# What of a product reaches the people who bought it; its price and its status do not.
SEEN_OF_PRODUCTS = ("product_id", "name", "sku", "categories", "deleted_at")


class Known(Protocol):
    """What is staged now, and what was derived before."""

    def staged(self, table: str, among: pl.Series) -> pl.LazyFrame:
        """Return the rows of a staged table whose column of the series' name has one of its values.

        Orders need of `billing` only the names, and no `shipping_address`.
        """

    def deletions(self) -> pl.LazyFrame:
        """Return RAW_DELETIONS."""

    def orders_in_full(self, ids: pl.DataFrame) -> pl.DataFrame:
        """Return the staged orders with these `order_id`, with the columns of `people.SHOWN` at least."""

    def derived(self, table: str, among: pl.Series | None = None, columns: Collection[str] = ()) -> pl.LazyFrame:
        """Return a table of the marts as they were derived last, or its rows with one of these values.

        Only `columns` of it, where any are named.
        """

    def before(self, keys: Collection[str], emails: Collection[str], orders: Collection[int]) -> "Before":
        """Return what the marts hold of whoever has one of these keys, normalised e-mails or orders.

        An identity has the key of its own and that of its person.
        """


class Before(NamedTuple):
    """`identities` of the marts (the columns WALKED), and the ids of all their `orders`."""

    identities: pl.DataFrame
    orders: frozenset[int]


WALKED = ("identity", "customer_key", "email")


class Touched(NamedTuple):
    """What changed since the marts were derived: ids of the shop, and keys whose alias or decision is another now."""

    orders: frozenset[int] = frozenset()
    customers: frozenset[int] = frozenset()
    refunds: frozenset[int] = frozenset()
    products: frozenset[int] = frozenset()
    keys: frozenset[str] = frozenset()


class Reach(NamedTuple):
    """What is derived anew: `keys` of people and identities, `addresses`, and the `orders` and `accounts` of the shop."""

    keys: frozenset[str]
    addresses: frozenset[str]
    orders: frozenset[int]
    accounts: frozenset[int]


NOWHERE = Reach(frozenset(), frozenset(), frozenset(), frozenset())


class Links(NamedTuple):
    """The aliases (see `transforms.identity_aliases`) as they are, and as they were when the marts were derived."""

    now: pl.DataFrame
    before: pl.DataFrame

    def changed(self) -> frozenset[str]:
        """Return the keys on either side of an alias or decision that one of the two does not have."""
        if self.now is self.before:
            return frozenset()
        added = self.now.join(self.before, on=self.now.columns, how="anti")
        gone = self.before.join(self.now, on=self.now.columns, how="anti")
        return frozenset(key for frame in (added, gone) for name in SIDES for key in frame[name])

    def beside(self, keys: Collection[str]) -> set[str]:
        """Return what an alias, of now or before, connects with these keys in one step."""
        wanted = _texts(keys, "key")
        one, other = SIDES
        found: set[str] = set()
        for links in (self.now,) if self.now is self.before else self:
            found.update(links.join(wanted, left_on=one, right_on="key", how="semi")[other])
            found.update(links.join(wanted, left_on=other, right_on="key", how="semi")[one])
        return found


SIDES = ("alias_key", "customer_key")


def reach_of(known: Known, touched: Touched, links: Links, *, hash_key: bytes, form: EmailForm) -> Reach:
    """Return what `touched` reaches. `hash_key` and `form` are those of `identify`."""
    claims = _claims_of_deleted(known, form)
    keys = frozenset(f"{ACCOUNT}{number}" for number in touched.customers) | touched.keys
    wanted = Reach(keys, frozenset(), frozenset(_orders_of(known, touched)), frozenset(touched.customers))
    walked = NOWHERE
    while wanted != walked:
        # What was derived is walked to its end first: that takes no steps of identification.
        while wanted != walked:
            fresh = _less(wanted, walked)
            walked = wanted
            wanted = _joined(walked, _derived_before(known, fresh, form), _beside(fresh, walked, links, claims))
        wanted = _joined(walked, _staged_now(known, walked, links, hash_key, form))
    return walked


def _joined(*parts: Reach) -> Reach:
    return Reach(
        frozenset().union(*(part.keys for part in parts)),
        frozenset().union(*(part.addresses for part in parts)),
        frozenset().union(*(part.orders for part in parts)),
        frozenset().union(*(part.accounts for part in parts)),
    )


def _less(one: Reach, other: Reach) -> Reach:
    return Reach(
        one.keys - other.keys,
        one.addresses - other.addresses,
        one.orders - other.orders,
        one.accounts - other.accounts,
    )


def _beside(fresh: Reach, walked: Reach, links: Links, claims: pl.DataFrame) -> Reach:
    """Return whom aliases and claims of deleted accounts (`_claims_of_deleted`) connect with these in one step."""
    claiming = claims.filter(pl.col("address").is_in(list(fresh.addresses)))["woocommerce_id"]
    accounts = walked.accounts | _accounts_of(fresh.keys) | set(claiming)
    claimed = claims.filter(pl.col("woocommerce_id").is_in(list(accounts)))["address"]
    keys = links.beside(fresh.keys) | {f"{ACCOUNT}{number}" for number in accounts}
    return Reach(frozenset(keys), frozenset(claimed), frozenset(), frozenset(accounts))


def restricted(known: Known, reach: Reach, products: Collection[int] = ()) -> dict[str, pl.LazyFrame]:
    """Return the staged tables of `reach`, as `marts.people_marts` takes them, with `products` beside those bought."""
    ids = _numbers(reach.orders, "order_id")
    lines = known.staged("order_lines", ids).collect()
    bought = pl.concat([_numbers(products, "product_id"), lines["product_id"].drop_nulls()]).unique()
    return {
        "orders": known.staged("orders", ids).collect().lazy(),
        "order_lines": lines.lazy(),
        "refunds": known.staged("refunds", ids).collect().lazy(),
        "customers": known.staged("customers", _numbers(reach.accounts, "woocommerce_id")).collect().lazy(),
        "products": known.staged("products", bought).collect().lazy(),
        "deletions": known.deletions(),
    }


def links_within(links: pl.DataFrame, keys: Collection[str]) -> pl.LazyFrame:
    """Return the aliases of these keys; a reach has all keys of a chain, or none."""
    return links.lazy().join(_texts(keys, "alias_key").lazy(), on="alias_key", how="semi")


def _orders_of(known: Known, touched: Touched) -> set[int]:
    """Return the orders that were touched: themselves, by a refund, or by a product of theirs that is another now."""
    refunds = _numbers(touched.refunds, "refund_id")
    by_refund = [known.staged("refunds", refunds), known.derived("refunds", refunds)]
    by_product = known.staged("order_lines", _other_products(known, touched))
    found = pl.concat([frame.select("order_id") for frame in (*by_refund, by_product)]).collect()
    return {*touched.orders, *found["order_id"].drop_nulls()}


def _other_products(known: Known, touched: Touched) -> pl.Series:
    ids = _numbers(touched.products, "product_id")
    now = with_deleted_at(known.staged("products", ids), known.deletions(), "product", "product_id")
    before = known.derived("products", ids)
    sides = [side.select(SEEN_OF_PRODUCTS) for side in (now, before)]
    differing = pl.concat(sides).group_by(SEEN_OF_PRODUCTS).len().filter(pl.col("len") == 1)
    return differing.select("product_id").unique().collect()["product_id"]


def _claims_of_deleted(known: Known, form: EmailForm) -> pl.DataFrame:
    """Return `woocommerce_id, address` of the accounts that the shop deleted: they claim two addresses each.

    Of one that came back too: it claimed the second when the marts were derived, and somebody else may own that now.
    """
    deletions = known.deletions().filter(pl.col("object") == "customer")
    ids = deletions.select(woocommerce_id="id").collect()["woocommerce_id"]
    once_gone = known.staged("customers", ids).with_columns(deleted_at=pl.col("observed_at"))
    return claims_of(once_gone, form).select("woocommerce_id", "address").collect()


def _accounts_of(keys: Iterable[str]) -> set[int]:
    return set(_texts(keys, "key").select(account_id(pl.col("key")))["key"].drop_nulls())


def _derived_before(known: Known, fresh: Reach, form: EmailForm) -> Reach:
    """Return whom these keys, addresses and orders stood for, and what else those people had."""
    if not (fresh.keys or fresh.addresses or fresh.orders):
        return NOWHERE
    emails: Collection[str] = fresh.addresses
    if form.folds and emails:
        under = known.derived("identities", columns=("email",)).with_columns(address=address(pl.col("email"), form))
        emails = under.filter(pl.col("address").is_in(list(emails))).select("email").collect()["email"].to_list()
    identities, orders = known.before(fresh.keys, emails, fresh.orders)
    addresses = identities.select(address(pl.col("email"), form))["email"].drop_nulls()
    keys = frozenset({*identities["identity"], *identities["customer_key"]})
    return Reach(keys, frozenset(addresses), orders, frozenset())


def _staged_now(known: Known, walked: Reach, links: Links, hash_key: bytes, form: EmailForm) -> Reach:
    """Return who the orders and accounts walked so far are by themselves, and which addresses they use."""
    orders = known.staged("orders", _numbers(walked.orders, "order_id")).collect().lazy()
    accounts = known.staged("customers", _numbers(walked.accounts, "woocommerce_id"))
    accounts = with_deleted_at(accounts, known.deletions(), "customer", "woocommerce_id").collect().lazy()
    aliases = links_within(links.now, walked.keys)
    found = identify(orders, accounts, hash_key=hash_key, aliases=aliases, form=form)
    claims = claims_of(accounts, form).select("address")
    identities, claimed = pl.collect_all([found.identities, claims])
    addresses = pl.concat([identities.select(address=address(pl.col("email"), form)), claimed])["address"]
    return Reach(
        frozenset({*identities["identity"], *identities["customer_key"]}),
        frozenset(addresses.drop_nulls()),
        frozenset(),
        frozenset(),
    )


def _numbers(values: Collection[int], name: str) -> pl.Series:
    return pl.Series(name, list(values), dtype=IDS)


def _texts(values: Iterable[str], name: str) -> pl.DataFrame:
    return pl.DataFrame({name: list(values)}, schema={name: pl.String()})
