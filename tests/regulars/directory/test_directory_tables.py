"""The smaller tables of a version: identities, who joined and left segments, cuts; and versions that have none of them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from regulars.directory.lookup import remove_lookups
from regulars.directory.not_derived import NotYetDerived
from regulars.directory.published import Directory
from regulars.directory.query import PeopleQuery
from regulars.models import Hidden
from tests.regulars.directory.builders import AS_OF, SHOP, a_buyer, publish_people
from tests.regulars.directory.test_directory_reads import WrittenDown
from transforms.rules import parse
from transforms.schemas import OBSERVED, PUBLISHED

METRICS = ("median_days_between", "days_to_second", "active_months", "products_count", "categories", "coupons")


def an_identity(identity: str, customer_key: str, **fields: Any) -> dict[str, Any]:
    """Return one row of `identities`."""
    row: dict[str, Any] = dict.fromkeys(PUBLISHED["identities"])
    return (
        row
        | {"shop": SHOP, "identity": identity, "customer_key": customer_key, "link": "account", "orders": 1}
        | fields
    )


def an_event(key: str, kind: str, days_ago: int, segment: str = "vip") -> dict[str, Any]:
    """Return one row of `segment_events`."""
    row: dict[str, Any] = dict.fromkeys(PUBLISHED["segment_events"])
    at = AS_OF - timedelta(days=days_ago)
    return row | {"shop": SHOP, "segment_id": segment, "customer_key": key, "kind": kind, "at": at, "as_of": at}


def test_an_email_is_shared_where_guests_of_several_names_order_under_it(tmp_path: Path) -> None:
    """What arrives under such an e-mail must not show on everybody there, whatever was decided about them."""
    under = {
        "apart@x.example": ("separated", "separated"),
        "first@x.example": ("first name",),
        "one@x.example": ("guest",),
    }
    identities = [
        an_identity(f"guest:{email}{number}", f"guest:{email}{number}") | {"email": email, "link": link}
        for email, links in under.items()
        for number, link in enumerate(links)
    ]
    publish_people(tmp_path, [a_buyer(1)], identities=[*identities, an_identity("woo:1", "woo:1")])
    directory = Directory(tmp_path, shop=SHOP)
    assert directory.strangers_share(" Apart@X.example")
    assert directory.strangers_share("first@x.example")
    assert not any(directory.strangers_share(email) for email in ("one@x.example", "nobody@x.example", "", None))


def test_a_person_is_shown_with_all_identities_also_those_merged_a_moment_ago(tmp_path: Path) -> None:
    """Whoever merged two people looks at the profile next: both must be there, before anything is published."""
    identities = [
        an_identity("woo:1", "woo:1", orders=2),
        an_identity("guest:ab", "woo:1", link="email", orders=5),
        an_identity("woo:2", "woo:2"),
        an_identity("woo:3", "woo:3"),
    ]
    publish_people(tmp_path, [a_buyer(1), a_buyer(2), a_buyer(3)], identities=identities)
    directory = Directory(tmp_path, shop=SHOP, records=WrittenDown(known_as={"woo:2": "woo:1", "guest:ab": "woo:1"}))

    assert directory.identities_of("woo:1")["identity"].to_list() == ["guest:ab", "woo:1", "woo:2"]
    assert directory.identities_of("guest:ab").equals(directory.identities_of("woo:1"))
    assert directory.identities_of("woo:3")["identity"].to_list() == ["woo:3"]


def test_joins_and_leaves_come_newest_first_and_follow_people_to_their_key_of_today(tmp_path: Path) -> None:
    """A history whose links lead nowhere, or that tells of somebody who was deleted here, is none to work with."""
    events = [an_event("woo:1", "first", 9), an_event("guest:ab", "joined", 5), an_event("woo:2", "left", 3)]
    hidden = {"woo:3": Hidden(customer_key="woo:3", author="a", at=AS_OF)}
    people = [a_buyer(1), a_buyer(2), a_buyer(3)]
    publish_people(
        tmp_path, people, segment_events=[*events, an_event("woo:3", "joined", 1), an_event("woo:2", "left", 1, "new")]
    )
    directory = Directory(tmp_path, shop=SHOP, records=WrittenDown(known_as={"guest:ab": "woo:1"}, put_away=hidden))

    told = directory.segment_events("vip").select("kind", "customer_key", "customer_now").rows()
    assert told == [("left", "woo:2", "woo:2"), ("joined", "guest:ab", "woo:1")]
    assert directory.segment_events("vip", limit=1, offset=1)["kind"].to_list() == ["joined"]
    assert directory.segment_events(key="woo:1")["kind"].to_list() == ["joined", "first"]
    assert directory.segment_events(key="woo:2")["segment_id"].to_list() == ["new", "vip"]


def test_a_version_of_the_release_before_is_read_with_what_it_has(tmp_path: Path) -> None:
    """After an update the app opens before the next sync has ended: what is not known yet is said to be, and not 0."""
    version = tmp_path / publish_people(tmp_path, [a_buyer(1), a_buyer(2)], identities=[an_identity("woo:1", "woo:1")])
    as_the_release_before(version)

    directory = Directory(tmp_path, shop=SHOP)

    assert directory.people(PeopleQuery()).total == 2
    assert directory.everyone(PeopleQuery())["coupons"].to_list() == [[], []]
    assert directory.person("woo:1").row["median_days_between"] is None
    with pytest.raises(NotYetDerived, match="from the next sync on"):
        directory.count(parse("median_days_between > 3"))
    assert directory.identities_of("woo:1").is_empty()
    assert directory.segment_events("vip").is_empty()
    assert directory.rfm_cuts_history().is_empty()


def as_the_release_before(version: Path) -> None:
    """Make of a version one as it was published before there were identities, metrics and observed history."""
    remove_lookups(version)
    for table in ("identities", "identity_reviews", "person_tags", *OBSERVED):
        (version / f"{table}.parquet").unlink()
    for table, columns in {"customers": (*METRICS, "refund_rate"), "orders": ("identity",)}.items():
        file = version / f"{table}.parquet"
        pl.read_parquet(file).drop(columns).write_parquet(file)
    about = json.loads((version / "manifest.json").read_text())
    (version / "manifest.json").write_text(json.dumps(about | {"schema_version": 1}))
