"""Who is who, answered in plain Python, one order at a time; and which parts of a shop have nothing to do with another."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tests.transforms.identity_cases import Known, Shop
from tests.transforms.staged_builders import HASH_KEY, Row
from transforms.identity import EmailForm, guest_key, normalise_email
from transforms.identity_keys import GMAIL, fold_name


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
    found = {}
    for order in shop.orders:
        identity, link = _identity(order, guests, claims, form)
        base = identity
        if link in ("guest", "guest of the account"):
            base, link = _by_rules((identity, link), order, guests, shop, form)
        found[order["order_id"]] = identity, base, link
    bases = {identity: base for identity, base, _ in found.values()}
    known = _holding(shop, guests, claims, form)
    return {order: (one[0], *_by_aliases(*one, known, bases)) for order, one in found.items()}


def _holding(shop: Shop, guests: list[Row], claims: list[Claim], form: EmailForm) -> Known:
    """Return the aliases without those recorded ones that give a stranger's key to an account of another name."""
    bears: dict[str, str] = {}
    for order in sorted(guests, key=lambda one: (one["created_at"], one["order_id"])):
        identity, name = _identity(order, guests, claims, form)[0], _names(order)[1]
        if name and _is_shared(order, guests, claims, form):
            bears.setdefault(identity, name)
    names = {f"woo:{claim.account}": claim.full_name for claim in claims if claim.full_name}
    return {
        alias: (key, link)
        for alias, (key, link) in shop.known.items()
        if link != "registered" or bears.get(alias, names.get(key)) == names.get(key, bears.get(alias))
    }


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
    if not _is_crowded(under, owner, form):
        return guest_key(email, HASH_KEY), "guest"
    first = next(n for n in (*(_names(one)[1] for one in under), "") if n is not None)
    link = "first name" if name in (None, first) else "own name"
    if owner and owner.full_name and owner.full_name == (name or first):
        link = "guest of the account"
    return guest_key(email if name in (None, first) else f"{email}\n{name}", HASH_KEY), link


def _by_rules(one: tuple[str, str], order: Row, guests: list[Row], shop: Shop, form: EmailForm) -> tuple[str, str]:
    (identity, link), email, claims = one, _email(order), list(_claims(shop))
    assert email is not None
    owner = _owner([claim for claim in claims if claim.email == email])
    shared = _is_shared(order, guests, claims, form)
    if owner and (not shared or link == "guest of the account"):
        return f"woo:{owner.account}", "account e-mail" if owner.rank == 0 else "deleted account"
    address = _address(email, form)
    under = [one for one in guests if _address(_email(one) or "", form) == address]
    of_address = _owner([claim for claim in claims if _address(claim.email, form) == address])
    if shared or not form.folds or _is_crowded(under, of_address, form) or _is_pinned(identity, shop.known):
        return identity, link
    if of_address:
        return f"woo:{of_address.account}", "same address"
    free = [
        (one["created_at"], key)
        for one in under
        for key, _ in [_identity(one, guests, claims, form)]
        if not _is_pinned(key, shop.known) and _is_free(one, guests, claims, form)
    ]
    return min(free)[1], "guest" if min(free)[1] == identity else "same address"


def _is_free(order: Row, guests: list[Row], claims: list[Claim], form: EmailForm) -> bool:
    """Return whether neither an account owns the order's e-mail nor strangers share it."""
    owner = _owner([claim for claim in claims if claim.email == _email(order)])
    return owner is None and not _is_shared(order, guests, claims, form)


def _is_shared(order: Row, guests: list[Row], claims: list[Claim], form: EmailForm) -> bool:
    """Return whether strangers share the order's e-mail."""
    of_email = [one for one in guests if _email(one) == _email(order)]
    return _is_crowded(of_email, _owner([claim for claim in claims if claim.email == _email(order)]), form)


def _is_pinned(key: str, known: Known) -> bool:
    return key in known and known[key][1] == "separated"


def _by_aliases(identity: str, base: str, link: str, known: Known, bases: Mapping[str, str]) -> tuple[str, str]:
    if _is_pinned(identity, known):
        return identity, "separated"
    end = _end(identity, known)
    if end not in (None, identity):
        return _onward(identity, known, bases) or end or "", known[identity][1]
    return _onward(base, known, bases) or _end(base, known) or base, link


def _onward(key: str, known: Known, bases: Mapping[str, str]) -> str | None:
    """Return where aliases, and the rules at their ends, lead; None where they go in a circle."""
    steps = {**bases, **{alias: to for alias, (to, _) in known.items()}}
    seen = set()
    while steps.get(key, key) != key and not _is_pinned(key, known):
        if key in seen:
            return None
        seen.add(key)
        key = steps[key]
    return key


def _end(key: str, known: Known) -> str | None:
    """Return the end of a chain of aliases, None where it goes in a circle."""
    seen = set()
    while key in known and not _is_pinned(key, known):
        if key in seen:
            return None
        seen.add(key)
        key = known[key][0]
    return key


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
