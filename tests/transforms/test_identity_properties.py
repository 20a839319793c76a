"""What holds of who is who in every shop."""

from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transforms.identity_cases import FORMS, KEYS, LATER, Shop, Told, guest, shops, told
from tests.transforms.identity_plain import parts, plainly
from tests.transforms.staged_builders import HASH_KEY, a_deletion, aliases, staged
from transforms.identity import LINKS, EmailForm
from transforms.marts import find_aliases

fewest = settings(deadline=None, max_examples=8)  # each looks at several shops
few = settings(deadline=None, max_examples=15)
many = settings(deadline=None, max_examples=250, suppress_health_check=list(HealthCheck))

SORTED_BY = {"owners": ["order_id"], "identities": ["identity"], "reviews": ["email", "reason"]}


def follows_the_rules(shop: Shop, form: EmailForm) -> None:
    """Raise where the tables say anything else than a plain reading of the rules."""
    found = told(shop, form)
    assert found.orders == plainly(shop, form)
    assert set(found.identities["link"]) <= set(LINKS)
    assert found.identities["orders"].sum() == len(shop.orders)


def is_local(shop: Shop, form: EmailForm) -> None:
    """Raise where parts of a shop that share no address, account or alias say more or less together than apart."""
    together, apart = told(shop, form), [told(part, form) for part in parts(shop, form)]
    for table, key in SORTED_BY.items():
        whole: pl.DataFrame = getattr(together, table)
        assert pl.concat([whole.clear(), *(getattr(part, table) for part in apart)]).sort(key).equals(whole), table


@few
@given(shops(), FORMS)
def test_every_order_has_the_person_that_a_plain_reading_of_the_rules_gives(shop: Shop, form: EmailForm) -> None:
    """The tables are joined by the million; the rules were written for one order at a time, and must say the same."""
    follows_the_rules(shop, form)


@fewest
@given(shops(), FORMS)
def test_people_who_share_nothing_change_nothing_for_one_another(shop: Shop, form: EmailForm) -> None:
    """A run after a few changes looks again at whom they touch, and at nobody else."""
    is_local(shop, form)


@pytest.mark.deep
@many
@given(shops(), FORMS)
def test_the_rules_hold_and_stay_local_in_many_shops(shop: Shop, form: EmailForm) -> None:
    """Rare meetings of rules (a pin within a crowded address with an account …) take many tries to come up."""
    follows_the_rules(shop, form)
    is_local(shop, form)


@few
@given(shops(), FORMS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(shop: Shop, form: EmailForm, random: Any) -> None:
    """Pages arrive in any order; neither keys nor links nor reviews may follow it."""
    first = told(shop, form)
    known = list(shop.known.items())
    for rows in (shop.orders, shop.accounts, known):
        random.shuffle(rows)

    assert same(told(shop._replace(known=dict(known)), form), first)


def full_width(text: str) -> str:
    """Return the text as an East Asian keyboard types it."""
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


WAYS = st.sampled_from([str.upper, str.lower, str.swapcase, full_width, "  {}\t".format])


@few
@given(shops(), FORMS, st.lists(WAYS, min_size=1))
def test_how_an_e_mail_is_written_changes_nobodys_key(shop: Shop, form: EmailForm, ways: list[Any]) -> None:
    """Phones capitalise, keyboards type full-width letters, copied addresses carry spaces."""
    orders = [
        order | {"email": order["email"] and ways[n % len(ways)](order["email"])} for n, order in enumerate(shop.orders)
    ]

    assert same(told(shop._replace(orders=orders), form), told(shop, form))


@few
@given(shops(), FORMS)
def test_no_key_depends_on_whether_dots_and_tags_are_ignored(shop: Shop, form: EmailForm) -> None:
    """Notes hang on keys: were they made of folded addresses, switching the setting would scatter all notes."""
    plain = form._replace(ignore_dots=False, ignore_tags=False)

    assert told(shop, form).owners.drop("customer_key").equals(told(shop, plain).owners.drop("customer_key"))


@few
@given(shops(), st.sampled_from(KEYS), st.sampled_from(KEYS), st.sampled_from(["merged", "separated"]))
def test_a_decision_that_is_undone_leaves_no_trace(shop: Shop, key: str, into: str, kind: str) -> None:
    """Runs in between record who registered; they must record nothing that only the decision made so."""
    before = after_a_run(shop)
    decided = after_a_run(before._replace(known={**before.known, key: (into if kind == "merged" else key, kind)}))
    undone = {alias: to for alias, to in decided.known.items() if alias != key}
    after = after_a_run(before._replace(known=undone | ({key: before.known[key]} if key in before.known else {})))

    assert after.known == before.known
    assert same(told(after), told(before))


def after_a_run(shop: Shop) -> Shop:
    """Return the shop with the aliases that a run records."""
    tables = staged(
        orders=shop.orders,
        customers=shop.accounts,
        deletions=[a_deletion("customer", one, LATER) for one in shop.deleted],
    )
    known = pl.LazyFrame({"customer_key": [guest("a@x.example")]})
    found = find_aliases(tables, known, hash_key=HASH_KEY, aliases=aliases(shop.known)).collect()
    return shop._replace(known={**shop.known, **{alias: (key, "registered") for alias, key in found.iter_rows()}})


def same(one: Told, other: Told) -> bool:
    """Return whether both told the same in every cell."""
    return all(mine.equals(theirs) for mine, theirs in zip(one, other, strict=True))
