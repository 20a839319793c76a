"""Small shops for the question of who is who: by hand, and made up so that everything collides."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import polars as pl
from hypothesis import strategies as st

from tests.transforms.staged_builders import (
    HASH_KEY,
    SEEN,
    Row,
    a_deletion,
    a_guest_order,
    aliases,
    an_account,
    staged,
)
from transforms.identity import DEFAULT_FORM, EmailForm, Identified, guest_key, identify, normalise_email
from transforms.identity_keys import fold_name
from transforms.orders import with_deleted_at

LATER = SEEN + timedelta(hours=1)
FIRST_DAY = datetime(2026, 5, 1, 12, tzinfo=UTC)

Known = Mapping[str, str | tuple[str, str]]


class Shop(NamedTuple):
    """Staged orders and accounts, the ids of deleted accounts, and aliases as `staged_builders.aliases` takes them."""

    orders: Sequence[Row] = ()
    accounts: Sequence[Row] = ()
    deleted: tuple[int, ...] = ()
    known: Known = MappingProxyType({})


class Told(NamedTuple):
    """What `identify` told: its tables, collected."""

    owners: pl.DataFrame
    identities: pl.DataFrame
    reviews: pl.DataFrame

    @property
    def orders(self) -> dict[int, tuple[str, str, str]]:
        """Return `{order_id: (identity, customer_key, link)}`."""
        links = self.links
        return {order: (one, key, links[one][1]) for order, one, key in self.owners.iter_rows()}

    @property
    def people(self) -> dict[int, str]:
        """Return whose each order is."""
        return dict(self.owners.select("order_id", "customer_key").iter_rows())

    @property
    def links(self) -> dict[str, tuple[str, str]]:
        """Return `{identity: (customer_key, link)}`."""
        return {
            row[0]: (row[1], row[2]) for row in self.identities.select("identity", "customer_key", "link").iter_rows()
        }


def asked(shop: Shop, form: EmailForm = DEFAULT_FORM) -> Identified:
    """Return what `identify` finds in this shop."""
    tables = staged(
        orders=shop.orders,
        customers=shop.accounts,
        deletions=[a_deletion("customer", one, LATER) for one in shop.deleted],
    )
    accounts = with_deleted_at(tables["customers"], tables["deletions"], "customer", "woocommerce_id")
    return identify(tables["orders"], accounts, hash_key=HASH_KEY, aliases=aliases(shop.known), form=form)


def told(shop: Shop, form: EmailForm = DEFAULT_FORM) -> Told:
    """Return the same, collected, rows sorted; every order has exactly one person, every identity one row."""
    owners, identities, reviews = pl.collect_all(list(asked(shop, form)))
    assert sorted(owners["order_id"]) == sorted(order["order_id"] for order in shop.orders)
    assert identities["identity"].is_unique().all()
    return Told(owners.sort("order_id"), identities.sort("identity"), reviews.sort("email", "reason"))


def guest(email: str, name: str | None = None) -> str:
    """Return the key of a guest with this e-mail; with a name, of those who bear it under a shared one."""
    normal = normalise_email(email)
    assert normal is not None
    return guest_key(normal if name is None else f"{normal}\n{fold_name(name)}", HASH_KEY)


def by_name(order_id: int, email: str, name: str, day: int = 0, **fields: Any) -> Row:
    """Return a guest's order under this first and last name ("Ada Weber", or the last name alone)."""
    first, _, last = name.rpartition(" ")
    billing = {"email": email, "first_name": first or None, "last_name": last or None}
    return a_guest_order(order_id, email, billing=billing, created_at=FIRST_DAY + timedelta(days=day), **fields)


MAILS = (
    "a@x.example",
    "a+1@x.example",
    "Bo@gmail.com",
    "b.o@gmail.com",
    "b.o+2@GMAIL.com",
    "ｂo@gmail.com",
    "ß@x.example",
)
NAMES = ("Ada Weber", "ADA  WEBER", "Ben Koch", "Cleo Lang", "Dan Lang", "")
KEYS = tuple(f"woo:{one}" for one in range(1, 5)) + tuple(guest(email) for email in MAILS)


@st.composite
def shops(draw: st.DrawFn, first_id: int = 1, suffix: str = "") -> Shop:
    """Return a shop where everything collides: few e-mails, few names, few days, aliases among all keys."""
    emails, names = st.sampled_from([email + suffix for email in MAILS]), st.sampled_from(NAMES)
    orders = [
        by_name(first_id + n, email or "", name, day, woocommerce_id=account) | ({} if email else {"email": None})
        for n, (email, name, day, account) in enumerate(
            draw(
                st.lists(
                    st.tuples(st.none() | emails, names, st.integers(0, 2), st.sampled_from([0, 0, 0, 1, 9])),
                    max_size=9,
                )
            )
        )
    ]
    accounts = []
    for one in draw(st.lists(st.integers(1, 4), unique=True, max_size=4)):
        first, _, last = draw(names).rpartition(" ")
        billing = {"email": draw(emails), "last_name": draw(st.sampled_from([None, "Koch"]))}
        accounts.append(
            an_account(one, email=draw(emails), first_name=first or None, last_name=last or None, billing=billing)
        )
    deleted = draw(st.lists(st.sampled_from([1, 2, 3, 4]), unique=True, max_size=2))
    links = st.tuples(st.sampled_from(KEYS), st.sampled_from(["registered", "merged", "separated"]))
    known = draw(st.dictionaries(st.sampled_from(KEYS), links, max_size=4))
    pinned = {key: (key if link == "separated" else to, link) for key, (to, link) in known.items()}
    # Of what leads to itself the records hold pins alone.
    recorded = {key: (to, link) for key, (to, link) in pinned.items() if to != key or link == "separated"}
    return Shop(orders, accounts, tuple(deleted), recorded)


FORMS = st.builds(EmailForm, st.booleans(), st.booleans(), st.integers(0, 4))
