"""How people moved between RFM groups from one day to another: one row for each pair of groups and currency.

Both days are worked out from the same version (see `transforms.as_of`), each with its own cuts. A person without a
counted order before a day has no group on it, written as null. Somebody who has none on both days is left out.
"""

import polars as pl

from transforms.schemas import MONEY

KEYS = ("from_group", "to_group", "currency")


def migration(before: pl.LazyFrame, after: pl.LazyFrame) -> pl.LazyFrame:
    """Return `from_group, to_group, currency, people, net_before, net_after` of two `customers_as_of` frames, sorted.

    `currency` is a person's main one on the later day, else that of the earlier, and `net_before` and `net_after` are
    sums of the net in it on each day: 0 for people whose main currency was another one on that day, since money is
    never added across currencies. Add `people` over currencies for the whole of a pair of groups.
    """
    columns = ("customer_key", "rfm_group", "currency", "net")
    both = before.select(columns).join(
        after.select(columns), on="customer_key", how="full", coalesce=True, suffix="_after"
    )
    main = pl.coalesce("currency_after", "currency")
    net_before, net_after = (
        pl.when(pl.col(currency) == main).then(net).fill_null(0).sum().cast(MONEY)
        for currency, net in (("currency", "net"), ("currency_after", "net_after"))
    )
    return (
        both.filter(pl.any_horizontal(pl.col("rfm_group", "rfm_group_after").is_not_null()))
        .group_by(from_group="rfm_group", to_group="rfm_group_after", currency=main)
        .agg(people=pl.len().cast(pl.Int64), net_before=net_before, net_after=net_after)
        .sort(KEYS, nulls_last=True)
    )
