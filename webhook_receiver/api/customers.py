"""The customers themselves: list, read, create, edit (both in the shop first), delete (here alone), restore."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Response

from regulars.directory.not_derived import NotYetDerived
from regulars.directory.published import Directory
from regulars.directory.query import PeoplePage, PeopleQuery
from regulars.directory.written import show_again
from regulars.errors import RegularsError
from regulars.shop.customers import create_customer, edit_customer
from regulars.shop.fields import CustomerFields, NewCustomer
from transforms.rules import RuleError, parse
from webhook_receiver.api.asked import (
    Author,
    CustomerKey,
    HouseGiven,
    ListAsked,
    OfList,
    ShopAsked,
    limit_of,
    paged,
)
from webhook_receiver.api.house import House
from webhook_receiver.api.models import Customer, CustomerPage, HiddenState, row_of
from webhook_receiver.api.people import Found, customer, find, made, mark
from webhook_receiver.api.problems import READING, WRITING, FieldInvalid, documented
from webhook_receiver.api.versions import IfMatch, etag, expected_text, tagged

router = APIRouter(prefix="/api/customers", tags=["customers"])
SHOP_SAYS = (502, 504)
ETAG = {"ETag": {"description": "The version, for `If-Match`", "schema": {"type": "string"}}}
LOCATION = {"Location": {"description": "Where it is", "schema": {"type": "string"}}}


@router.get("", response_model=CustomerPage, responses=documented(401, 422, 503))
def list_customers(house: HouseGiven, asked: ListAsked) -> dict[str, Any]:
    """Return a page of customers, filtered and sorted; every customer is on exactly one page."""
    shop = house.shop(asked.shop)
    limit = limit_of(house.settings, asked)
    directory = house.directory(shop)
    found = _found(directory, _query(house, shop, asked, limit))
    pagination, _ = paged(asked, limit, found.total)
    shown = found.rows.to_dicts() if asked.page <= found.pages else []
    segments = directory.segments_of([row["customer_key"] for row in shown])
    customers = [row_of(shop, row, row["tags"], list(segments[row["customer_key"]])) for row in shown]
    return {"customers": customers, "pagination": pagination}


def _found(directory: Directory, query: PeopleQuery) -> PeoplePage:
    """Return a page of the list. Raises RuleError for the rule that was asked for, FieldInvalid for a saved one."""
    try:
        return directory.people(query)
    except NotYetDerived:
        raise
    except RuleError as error:
        if query.segments and (query.rule is None or _fails(directory, replace(query, rule=None))):
            raise FieldInvalid({"segment": error.message}) from error
        raise


def _fails(directory: Directory, query: PeopleQuery) -> bool:
    try:
        directory.people(query)
    except RuleError:
        return True
    return False


def _query(house: House, shop: str, asked: OfList, limit: int) -> PeopleQuery:
    known = {segment.id for segment in house.records.segments(shop)}
    if missing := [segment for segment in asked.segment if segment not in known]:
        raise FieldInvalid({"segment": f"There is no segment {missing[0][:80]!r}."})
    return PeopleQuery(
        search=asked.search,
        rfm_groups=tuple(asked.rfm),
        segments=tuple(asked.segment),
        tags=tuple(asked.tag),
        rule=parse(asked.rule) if asked.rule.strip() else None,
        sort=asked.sort.removeprefix("-"),
        descending=asked.sort.startswith("-"),
        page=asked.page,
        page_size=limit,
        hidden=asked.hidden,
    )


@router.post(
    "",
    status_code=201,
    response_model=Customer,
    responses={**documented(*WRITING, *SHOP_SAYS), 201: {"description": "Created", "headers": {**ETAG, **LOCATION}}},
)
def create(
    *, house: HouseGiven, author: Author, asked: ShopAsked, fields: NewCustomer, response: Response
) -> dict[str, Any]:
    """Create a customer in the shop. Its own complaints come back at the field; nothing is tried twice."""
    shop = house.configured(asked.shop)
    saved = create_customer(shop, fields, records=house.records, inbox=house.inbox, author=author)
    found = made(house, shop.name, saved)
    response.headers["Location"] = f"/api/customers/{saved.key}"
    tagged(response, found.version)
    return customer(shop.name, found, saved.late)


@router.get(
    "/{key}",
    response_model=Customer,
    responses={**documented(*READING), 200: {"description": "The customer", "headers": ETAG}},
)
def read(house: HouseGiven, asked: ShopAsked, key: CustomerKey, response: Response) -> dict[str, Any]:
    """Return one customer, as of the last change that arrived; also one who was deleted here."""
    shop = house.shop(asked.shop)
    found = find(house, shop, key)
    tagged(response, found.version)
    return customer(shop, found)


@router.put(
    "/{key}",
    response_model=Customer,
    responses={
        **documented(*WRITING, *SHOP_SAYS, 409, 428),
        200: {"description": "The customer as the shop has it now", "headers": ETAG},
    },
)
def edit(
    *,
    house: HouseGiven,
    author: Author,
    asked: ShopAsked,
    key: CustomerKey,
    fields: CustomerFields,
    response: Response,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Change a customer in the shop; fields that are not given stay. With `If-Match` only the state that you saw."""
    expected = expected_text(if_match)
    shop = house.configured(asked.shop)
    before = find(house, shop.name, key)
    saved = edit_customer(
        shop,
        before.person.row["woocommerce_id"],
        fields,
        records=house.records,
        inbox=house.inbox,
        author=author,
        expected=expected,
    )
    response.headers["ETag"] = etag(saved.fingerprint)
    return customer(shop.name, _after(house, shop.name, before), saved.late)


def _after(house: House, shop: str, before: Found) -> Found:
    """Return the person as of now; where a store is away, as they were (`notice` tells)."""
    try:
        return find(house, shop, before.key)
    except RegularsError:  # the shop has obeyed: that must not read as a failure
        return before


@router.delete("/{key}", response_model=HiddenState, responses=documented(*READING, 403))
def delete(house: HouseGiven, author: Author, asked: ShopAsked, key: CustomerKey) -> Mapping[str, Any]:
    """Delete a customer here: in no list, count or segment until restored. The shop keeps them."""
    shop = house.shop(asked.shop)
    found = find(house, shop, key)
    hidden = found.person.hidden or house.records.hide(shop, found.key, author)
    return {"shop": shop, "key": found.key, "hidden": mark(hidden)}


@router.post("/{key}/restore", response_model=HiddenState, responses=documented(*WRITING))
def restore(house: HouseGiven, author: Author, asked: ShopAsked, key: CustomerKey) -> Mapping[str, Any]:
    """Show a customer again who was deleted here."""
    shop = house.shop(asked.shop)
    now = find(house, shop, key).key
    show_again(house.records, shop, house.directory(shop).known_as(now), author)
    return {"shop": shop, "key": now, "hidden": None}
