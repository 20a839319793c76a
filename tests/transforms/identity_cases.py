"""Small shops for the question of who is who, and the same question answered in plain Python, order by order."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
from transforms.identity_keys import GMAIL, fold_name
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


# --- the plain answer ---------------------------------------------------------------------------------------------


class Claim(NamedTuple):
    """An account's claim to an e-mail; the smallest rank wins."""

    account: int
    email: str
    rank: int
    last_name: str | None
    full_name: str | None


def plainly(shop: Shop, form: EmailForm) -> dict[int, tuple[str, str, str]]:
    """Return `{order_id: (identity, customer_key, link)}`, worked out one order at a time."""
    claims = list(_claims(shop))
    guests = [order for order in shop.orders if not order["woocommerce_id"] and _email(order)]
    answer = {}
    for order in shop.orders:
        identity, link = _identity(order, guests, claims, form)
        base = identity
        if link == "guest":
            base, link = _by_rules(identity, order, guests, shop, form)
        answer[order["order_id"]] = (identity, *_by_aliases(identity, base, link, shop.known))
    return answer


def _email(order: Row) -> str | None:
    return normalise_email(order["email"] or "")


def _address(email: str, form: EmailForm) -> str:
    local, at, domain = email.rpartition("@")
    if form.ignore_tags and "+" in local and local.split("+")[0]:
        local = local.split("+")[0]
    if form.ignore_dots and domain in GMAIL and local.replace(".", ""):
        local = local.replace(".", "")
    return local + at + domain


def _names(row: Row) -> tuple[str | None, str | None]:
    """Return last and full name as compared."""
    billing = row.get("billing") or {}
    first, last = (row.get(name) or billing.get(name) or "" for name in ("first_name", "last_name"))
    return fold_name(last), fold_name(f"{first} {last}")


def _claims(shop: Shop) -> Iterable[Claim]:
    for account in shop.accounts:
        gone = account["woocommerce_id"] in shop.deleted
        billing = (account.get("billing") or {}).get("email")
        for email, rank in ((account["email"], int(gone)), (billing if gone else None, 2)):
            normal = normalise_email(email or "")
            if normal:
                yield Claim(account["woocommerce_id"], normal, rank, *_names(account))


def _owner(claims: list[Claim]) -> Claim | None:
    best = [claim for claim in claims if claim.rank == min(one.rank for one in claims)]
    return best[0] if len({claim.account for claim in best}) == 1 else None


def _is_crowded(orders: list[Row], owner: Claim | None, form: EmailForm) -> bool:
    names = {_names(order)[0] for order in orders} | ({owner.last_name} if owner else set())
    return 0 < form.shared_names <= len(names - {None})


def _identity(order: Row, guests: list[Row], claims: list[Claim], form: EmailForm) -> tuple[str, str]:
    email = _email(order)
    if order["woocommerce_id"]:
        return f"woo:{order['woocommerce_id']}", "account"
    if email is None:
        return f"guest-order:{order['order_id']}", "guest order"
    under = sorted(
        (one for one in guests if _email(one) == email), key=lambda one: (one["created_at"], one["order_id"])
    )
    owner, name = _owner([claim for claim in claims if claim.email == email]), _names(order)[1]
    home = (
        owner.full_name
        if owner and owner.full_name
        else next((n for n in (_names(one)[1] for one in under) if n), None)
    )
    if _is_crowded(under, owner, form) and name not in (None, home):
        return guest_key(f"{email}\n{name}", HASH_KEY), "own name"
    return guest_key(email, HASH_KEY), "guest"


def _by_rules(identity: str, order: Row, guests: list[Row], shop: Shop, form: EmailForm) -> tuple[str, str]:
    email, claims = _email(order), list(_claims(shop))
    assert email is not None
    owner = _owner([claim for claim in claims if claim.email == email])
    if owner:
        return f"woo:{owner.account}", "account e-mail" if owner.rank == 0 else "deleted account"
    address = _address(email, form)
    under = [one for one in guests if _address(_email(one) or "", form) == address]
    of_address = _owner([claim for claim in claims if _address(claim.email, form) == address])
    if not form.folds or _is_crowded(under, of_address, form) or _is_pinned(identity, shop.known):
        return identity, "guest"
    if of_address:
        return f"woo:{of_address.account}", "same address"
    free = [
        (one["created_at"], key)
        for one in under
        for key, link in [_identity(one, guests, claims, form)]
        if link == "guest"
        and not _is_pinned(key, shop.known)
        and not _owner([c for c in claims if c.email == _email(one)])
    ]
    return min(free)[1], "guest" if min(free)[1] == identity else "same address"


def _is_pinned(key: str, known: Known) -> bool:
    return key in known and known[key][1] == "separated"


def _by_aliases(identity: str, base: str, link: str, known: Known) -> tuple[str, str]:
    if _is_pinned(identity, known):
        return identity, "separated"
    end = _end(identity, known)
    if end not in (None, identity):
        return end or "", known[identity][1]
    return _end(base, known) or base, link


def _end(key: str, known: Known) -> str | None:
    """Return the end of a chain of aliases, None where it goes in a circle."""
    seen = set()
    while key in known and not _is_pinned(key, known):
        if key in seen:
            return None
        seen.add(key)
        key = known[key][0]
    return key


# --- parts that have nothing to do with one another -----------------------------------------------------------------


class Meeting:
    """Names that belong together, found by joining them two at a time."""

    def __init__(self) -> None:
        self._towards: dict[str, str] = {}

    def root(self, name: str) -> str:
        """Return the name that stands for all that were joined with this one."""
        while self._towards.setdefault(name, name) != name:
            name = self._towards[name]
        return name

    def join(self, *names: str) -> None:
        """Put these names, and all that were joined with them, together."""
        for name in names:
            self._towards[self.root(name)] = self.root(names[0])


def parts(shop: Shop, form: EmailForm) -> list[Shop]:
    """Return the shop in parts: whatever shares an address, an account or an alias lies in one part."""
    meeting = Meeting()
    for order in shop.orders:
        meeting.join(
            f"order {order['order_id']}",
            *_nodes(order["woocommerce_id"], [] if order["woocommerce_id"] else [_email(order)], form),
            *_own_keys(order),
        )
    for account in shop.accounts:
        emails = [claim.email for claim in _claims(Shop(accounts=[account], deleted=shop.deleted))]
        meeting.join(*_nodes(account["woocommerce_id"], emails, form))
    for alias, (key, _) in shop.known.items():
        meeting.join(alias, key)
    orders, accounts, known = defaultdict(list), defaultdict(list), defaultdict(dict)
    for order in shop.orders:
        orders[meeting.root(f"order {order['order_id']}")].append(order)
    for account in shop.accounts:
        accounts[meeting.root(f"woo:{account['woocommerce_id']}")].append(account)
    for alias, key in shop.known.items():
        known[meeting.root(alias)][alias] = key
    roots = {**orders, **accounts, **known}
    return [Shop(orders[root], accounts[root], shop.deleted, known[root]) for root in roots]


def _nodes(account: int, emails: list[str | None], form: EmailForm) -> list[str]:
    if account and not emails:
        return [f"woo:{account}"]
    mails = [f"address {_address(email, form)}" for email in emails if email]
    keys = [guest_key(email, HASH_KEY) for email in emails if email]
    return [f"woo:{account}", *mails, *keys] if account else [*mails, *keys]


def _own_keys(order: Row) -> list[str]:
    email, name = _email(order), _names(order)[1]
    return [guest_key(f"{email}\n{name}", HASH_KEY)] if email and name and not order["woocommerce_id"] else []


# --- made-up shops ---------------------------------------------------------------------------------------------------

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
    return Shop(orders, accounts, tuple(deleted), pinned)


FORMS = st.builds(EmailForm, st.booleans(), st.booleans(), st.integers(0, 4))
