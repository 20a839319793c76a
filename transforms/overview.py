"""The shop's figures for a period, for the period before it, and day by day, week by week or month by month.

Terms. A *period* is a run of whole shop days, from its first day up to, not including, its end. The *period before* is
the one of equal length that ends where the period starts; all time has none. All figures but those of people in general
go over counted orders and counted refunds (see `transforms.orders`).

* `people`: everybody known before the period's end (the account was made, or the guest first ordered, before it; where
  that is unknown, too), buyers or not; `accounts` and `guests` add up to it.
* `active`: people with an order in the period. `new`: those of them whose first order ever lies in the period.
  `returning`: active and not new. `repeat`: active people who had ordered before the period, or ordered in it twice or
  more; `repeat_rate` is their share of the active. These four go over all currencies.
* `orders`, `gross`, `refunded`, `net`: in one currency. Gross sums the orders of the period's days, refunded the refunds
  of the period's days, whenever their orders were made; net is gross less refunded and may be negative. (The net of an
  order in a list is another thing: it belongs to the order, whenever the refund came.) `average_order` is net divided
  by orders, rounded half to even at the sixth decimal, None without orders.

The *series* gives the same for each day, week (from Monday) or month of the period, cut off at the period's ends, by the
same definitions with the bucket as the period. So orders, gross, refunded, net and new add up to the figure; people who
come back in several buckets are active and returning in each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

import polars as pl

from transforms.days import EPOCH, shop_day
from transforms.identity import ACCOUNT
from transforms.schemas import MONEY

Grain = Literal["day", "week", "month"]

ORDER_COLUMNS = ("customer_key", "counted", "total", "currency", "order_day")
REFUND_COLUMNS = ("customer_key", "counted", "amount", "currency", "refund_day")
PERSON_COLUMNS = ("customer_key", "created_at")

DAYS_BY_DAY, DAYS_BY_WEEK = 45, 200  # the longest periods that are told by day, and by week
MONDAY = 4  # the first one, in days since 1970-01-01
SIXTH = Decimal("0.000001")
NOTHING = pl.lit(Decimal(0), dtype=MONEY)


@dataclass(frozen=True)
class Period:
    """A run of shop days, as days since 1970-01-01: from `start` up to `end`. `before` is where the one before starts."""

    start: int
    end: int
    before: int | None = None

    @property
    def grain(self) -> Grain:
        """How the period is told: by day, week or month."""
        days = self.end - self.start
        return "day" if days <= DAYS_BY_DAY else "week" if days <= DAYS_BY_WEEK else "month"

    @property
    def edges(self) -> list[int]:
        """The first day of each bucket, and the period's end."""
        days = range(self.start + 1, self.end)
        return [self.start, *(day for day in days if _begins(day, self.grain)), self.end]


@dataclass(frozen=True)
class PeriodFigures:
    """The figures of one period, as the module defines them. Money is exact, in the overview's currency."""

    people: int
    accounts: int
    guests: int
    active: int
    new: int
    repeat: int
    orders: int
    gross: Decimal
    refunded: Decimal

    @property
    def returning(self) -> int:
        """Active people who are not new."""
        return self.active - self.new

    @property
    def net(self) -> Decimal:
        """Gross less refunded."""
        return self.gross - self.refunded

    @property
    def average_order(self) -> Decimal | None:
        """Net an order, None without orders."""
        return (self.net / self.orders).quantize(SIXTH, ROUND_HALF_EVEN) if self.orders else None

    @property
    def repeat_rate(self) -> float | None:
        """The share of active people who came back, 0 to 1; None where nobody was active."""
        return self.repeat / self.active if self.active else None


@dataclass(frozen=True)
class Overview:
    """Figures of a period and of the one before it (None for all time).

    `first_day` and `last_day` are the period's, both inside it. `series` has one row a bucket: `start` and `end` (dates;
    `end` is the day after), `orders, gross, refunded, net` in `currency`, and `active, new, returning` people.
    """

    first_day: date
    last_day: date
    currency: str
    grain: Grain
    now: PeriodFigures
    before: PeriodFigures | None
    series: pl.DataFrame


def period(days: int | None, *, end: int, first_day: int | None) -> Period:
    """Return the period of the last `days` days before `end`; None means all time, from `first_day` on."""
    if days is None:
        return Period(min(end - 1, first_day if first_day is not None else end - 1), end)
    return Period(end - days, end, end - 2 * days)


def overview_frames(
    orders: pl.LazyFrame, refunds: pl.LazyFrame, people: pl.LazyFrame, *, period: Period, timezone: str, currency: str
) -> dict[str, pl.LazyFrame]:
    """Return what `overview` needs, to be collected together.

    `orders`, `refunds` and `people` have ORDER_COLUMNS, REFUND_COLUMNS and PERSON_COLUMNS; in `orders` the rows of a
    person lie together, as published.
    """
    counted = orders.filter("counted").with_columns(person=pl.col("customer_key").rle_id(), day=pl.col("order_day"))
    placed = counted.filter(pl.col("day") < period.end)
    back = refunds.filter(pl.col("counted"), pl.col("currency") == currency).rename({"refund_day": "day"})
    starts = [start for start in (period.start, period.before) if start is not None]
    return {
        "sold": placed.filter(pl.col("currency") == currency)
        .group_by("day")
        .agg(orders=pl.len().cast(pl.Int64), gross=pl.col("total").sum()),
        "back": back.group_by("day").agg(refunded=pl.col("amount").sum()),
        "buyers": _buyers(placed, starts, period.end),
        "active": _active(placed.filter(pl.col("day") >= period.start), period.edges),
        "people": _known(people, [period.end, period.start], timezone),
    }


def overview(period: Period, frames: Mapping[str, pl.DataFrame], *, currency: str) -> Overview:
    """Return the overview from the collected `overview_frames`."""
    money = _money(frames)
    return Overview(
        first_day=_date(period.start),
        last_day=_date(period.end - 1),
        currency=currency,
        grain=period.grain,
        now=_figures(frames, money, period.start, period.end),
        before=None if period.before is None else _figures(frames, money, period.before, period.start),
        series=_series(frames, money, period.edges),
    )


def _buyers(placed: pl.LazyFrame, starts: Sequence[int], end: int) -> pl.LazyFrame:
    """Return by day of first order (`first`): how many people, and in each period how many were active and came once."""
    ends = [end, *starts]
    inside = [
        pl.col("day").is_between(start, ends[index], closed="left").sum().alias(f"in_{start}")
        for index, start in enumerate(starts)
    ]
    each = placed.group_by("person").agg(pl.col("day").min().alias("first"), *inside)
    counts = [
        expression
        for start in starts
        for expression in (
            (pl.col(f"in_{start}") > 0).sum().cast(pl.Int64).alias(f"active_{start}"),
            (pl.col(f"in_{start}") == 1).sum().cast(pl.Int64).alias(f"once_{start}"),
        )
    ]
    return each.group_by("first").agg(pl.len().cast(pl.Int64).alias("people"), *counts)


def _active(placed: pl.LazyFrame, edges: Sequence[int]) -> pl.LazyFrame:
    """Return how many people ordered in each bucket: `bucket` (its first day), `active`."""
    return (
        placed.select("person", bucket=_bucket(pl.col("day"), edges))
        .group_by("bucket")
        .agg(active=pl.col("person").n_unique().cast(pl.Int64))
    )


def _known(people: pl.LazyFrame, ends: Sequence[int], timezone: str) -> pl.LazyFrame:
    """Return how many people were known before each of `ends`: one row, columns `accounts_<end>` and `guests_<end>`."""
    account = pl.col("customer_key").str.starts_with(ACCOUNT)
    since = people.select(account=account, day=shop_day(pl.col("created_at"), timezone))
    return since.select(
        ((pl.col("day") < end).fill_null(value=True) & (pl.col("account") == own)).sum().alias(f"{name}_{end}")
        for end in ends
        for name, own in (("accounts", True), ("guests", False))
    )


def _money(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return `day, orders, gross, refunded`, one row for each day that has any."""
    joined = frames["sold"].join(frames["back"], on="day", how="full", coalesce=True)
    return joined.select(
        "day", pl.col("orders").fill_null(0), pl.col("gross", "refunded").cast(MONEY).fill_null(NOTHING)
    )


def _figures(frames: Mapping[str, pl.DataFrame], money: pl.DataFrame, start: int, end: int) -> PeriodFigures:
    inside = money.filter(pl.col("day").is_between(start, end, closed="left"))
    buyers, known = frames["buyers"], frames["people"]
    fresh = buyers.filter(pl.col("first").is_between(start, end, closed="left"))
    active = int(buyers[f"active_{start}"].sum())
    accounts, guests = (int(known[f"{name}_{end}"].item()) for name in ("accounts", "guests"))
    return PeriodFigures(
        people=accounts + guests,
        accounts=accounts,
        guests=guests,
        active=active,
        new=int(fresh["people"].sum()),
        repeat=active - int(fresh[f"once_{start}"].sum()),
        orders=int(inside["orders"].sum()),
        gross=_sum(inside["gross"]),
        refunded=_sum(inside["refunded"]),
    )


def _series(frames: Mapping[str, pl.DataFrame], money: pl.DataFrame, edges: Sequence[int]) -> pl.DataFrame:
    days = pl.Int32
    buckets = pl.DataFrame({"bucket": edges[:-1], "until": edges[1:]}, schema={"bucket": days, "until": days})

    def inside(frame: pl.DataFrame, day: str) -> pl.DataFrame:
        within = frame.filter(pl.col(day).is_between(edges[0], edges[-1], closed="left"))
        return within.with_columns(bucket=_bucket(pl.col(day), edges))

    sums = inside(money, "day").group_by("bucket").agg(pl.col("orders", "gross", "refunded").sum())
    new = inside(frames["buyers"], "first").group_by("bucket").agg(new=pl.col("people").sum())
    told = buckets
    for frame in (sums, new, frames["active"]):
        told = told.join(frame, on="bucket", how="left", maintain_order="left")
    counts = pl.col("orders", "active", "new").fill_null(0)
    amounts = pl.col("gross", "refunded").cast(MONEY).fill_null(NOTHING)
    return told.with_columns(counts, amounts).select(
        pl.col("bucket").cast(pl.Date).alias("start"),
        pl.col("until").cast(pl.Date).alias("end"),
        "orders",
        "gross",
        "refunded",
        (pl.col("gross") - pl.col("refunded")).alias("net"),
        "active",
        "new",
        (pl.col("active") - pl.col("new")).alias("returning"),
    )


def _bucket(day: pl.Expr, edges: Sequence[int]) -> pl.Expr:
    """Return the first day of the bucket that `day` lies in; no day may lie outside."""
    starts = pl.Series(edges[:-1], dtype=pl.Int32)
    return pl.lit(starts).gather(pl.lit(starts).search_sorted(day, side="right") - 1)


def _begins(day: int, grain: Grain) -> bool:
    if grain == "month":
        return _date(day).day == 1
    return grain == "day" or (day - MONDAY) % 7 == 0


def _date(day: int) -> date:
    return EPOCH + timedelta(days=day)


def _sum(amounts: pl.Series) -> Decimal:
    return Decimal(amounts.sum() or 0)
