"""Who is who: what a customer is made of and why, merging two, separating one, undoing that; shared addresses."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path

from regulars import models
from regulars.directory import who_is_who
from regulars.errors import RecordNotFound
from regulars.inbox.delivery import LARGEST_ID
from transforms.identity import LINKS
from webhook_receiver.api.asked import Author, CustomerKey, HouseGiven, PageAsked, ShopAsked, limit_of, no_body, paged
from webhook_receiver.api.house import House
from webhook_receiver.api.identity_models import (
    Decision,
    Decisions,
    Identities,
    MergeAsked,
    Reviews,
    SeparateAsked,
)
from webhook_receiver.api.models import row_of
from webhook_receiver.api.people import exists, find, name_of
from webhook_receiver.api.problems import READING, WRITING, FieldInvalid, documented

router = APIRouter(prefix="/api", tags=["who is who"])
SHOWN: Final = 20
DecisionId = Annotated[int, Path(ge=1, le=LARGEST_ID)]


@router.get("/customers/{key}/identities", response_model=Identities, responses=documented(*READING))
def identities(house: HouseGiven, asked: ShopAsked, key: CustomerKey) -> dict[str, Any]:
    """Return what a customer is made of, and why each belongs to them."""
    shop = house.shop(asked.shop)
    now = exists(house, shop, key)
    parts = who_is_who.parts_of(house.directory(shop), house.records, shop, now)
    return {"key": now, "identities": [_identity(part) for part in parts]}


@router.post("/customers/{key}/merge", status_code=201, response_model=Decision, responses=documented(*WRITING))
def merge(house: HouseGiven, author: Author, asked: ShopAsked, key: CustomerKey, given: MergeAsked) -> dict[str, Any]:
    """Decide that two customers are one person. The key of an account stays before a guest's, else the older one.

    Notes and tags of both show on the one that stays, and are back where they were once the decision is undone.
    """
    shop = house.shop(asked.shop)
    one = find(house, shop, key).person.row
    try:
        other = find(house, shop, given.other).person.row
    except RecordNotFound as error:
        raise FieldInvalid({"with": error.message}) from error
    if one["customer_key"] == other["customer_key"]:
        raise FieldInvalid({"with": "These two are one person already."})
    *_, decision = who_is_who.merge(house.directory(shop), house.records, shop, [one, other], author)
    return _decision(house, shop, decision)


@router.post("/customers/{key}/separate", status_code=201, response_model=Decision, responses=documented(*WRITING))
def separate(
    house: HouseGiven, author: Author, asked: ShopAsked, key: CustomerKey, given: SeparateAsked
) -> dict[str, Any]:
    """Decide that one of a customer's identities is a customer of its own. To take back a merge, undo that."""
    shop = house.shop(asked.shop)
    now = exists(house, shop, key)
    parts = who_is_who.parts_of(house.directory(shop), house.records, shop, now)
    if given.identity not in {part.identity for part in parts}:
        raise FieldInvalid({"identity": "This customer has no such identity."})
    decision = house.records.separate(shop, given.identity, author, of=now)
    return _decision(house, shop, decision)


@router.get("/identity-decisions", response_model=Decisions, responses=documented(401, 422, 503))
def decisions(house: HouseGiven, asked: PageAsked) -> dict[str, Any]:
    """Return a page of the decisions on who is who."""
    shop = house.shop(asked.shop)
    found = house.records.identity_decisions(shop)
    pagination, page = paged(asked, limit_of(house.settings, asked), len(found))
    return {"decisions": [_decision(house, shop, each) for each in found[page]], "pagination": pagination}


@router.delete(
    "/identity-decisions/{decision_id}",
    response_model=Decision,
    responses=documented(*READING, 400, 403, 408, 409, 413, 415),
    dependencies=[Depends(no_body)],
)
def undo(house: HouseGiven, author: Author, asked: ShopAsked, decision_id: DecisionId) -> dict[str, Any]:
    """Undo a decision: everything is as if it had never been made. 409 where somebody undid it before."""
    shop = house.shop(asked.shop)
    return _decision(house, shop, house.records.undo_identity_decision(shop, decision_id, author))


@router.get("/identity-reviews", response_model=Reviews, responses=documented(401, 422, 503))
def reviews(house: HouseGiven, asked: PageAsked) -> dict[str, Any]:
    """Return a page of the addresses that strangers share and nobody decided on.

    Merge the customers where they are one person; separate each identity where they are not.
    """
    shop = house.shop(asked.shop)
    found = who_is_who.reviews(house.directory(shop), house.records, shop)
    pagination, page = paged(asked, limit_of(house.settings, asked), len(found))
    return {"reviews": [_review(house, shop, each) for each in found[page]], "pagination": pagination}


def _identity(part: who_is_who.Part) -> dict[str, Any]:
    return {
        "identity": part.identity,
        "email": part.email,
        "orders": part.orders,
        "first_order": part.first_order_at,
        "last_order": part.last_order_at,
        "link": part.link,
        "why": LINKS.get(part.link, ""),
        "decision": part.decision.id if part.decision else None,
        "waits": part.waits,
    }


def _decision(house: House, shop: str, decision: models.IdentityDecision) -> dict[str, Any]:
    about = house.manifest(shop)
    waits = about is None or who_is_who.is_waiting(decision, about, house.records.change_token())
    return {**decision.model_dump(exclude={"shop"}), "waits": waits}


def _review(house: House, shop: str, review: who_is_who.Review) -> dict[str, Any]:
    directory = house.directory(shop)
    rows = []
    for key in review.customer_keys[:SHOWN]:
        try:
            person = directory.person(key)
        except RecordNotFound:  # merged into somebody whom no version has yet
            continue
        row = {**person.row, "name": name_of(person.row)}
        rows.append(row_of(shop, row, list(row["tags"]), list(person.segments)))
    return {
        "email": review.email,
        "reason": review.reason,
        "customers": rows,
        "people": len(review.customer_keys),
        "orders": review.orders,
        "last_order": review.last_order_at,
    }
