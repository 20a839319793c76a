"""Aliases: keys that people had before, or were given by hand. They come from the records.

A row is `alias_key, customer_key, link`. Links: 'registered' (an earlier run found that the guest has an account now),
'merged' (a person decided that the two are one), 'separated' (a person decided that `alias_key` is a person of its own:
a *pin*, with `customer_key` the same; no rule and no other alias moves it). Rows without a link count as registered.
"""

from collections.abc import Mapping

import polars as pl

ALIASES: Mapping[str, pl.DataType] = {"alias_key": pl.String(), "customer_key": pl.String()}
LINKED_ALIASES: Mapping[str, pl.DataType] = {**ALIASES, "link": pl.String()}
REGISTERED, MERGED, SEPARATED = "registered", "merged", "separated"
_BY_RULE = "rule"  # a step that no alias makes


def resolve_aliases(aliases: pl.LazyFrame) -> pl.LazyFrame:
    """Return each alias with the end of its chain, columns `alias_key, customer_key`.

    Pins are left out, and whatever else is said of a pinned key; a chain that leads to one ends there. An alias on a
    loop, or leading into one, is left out.

    >>> rows = {"alias_key": ["guest:a", "woo:1", "x", "y"], "customer_key": ["woo:1", "woo:2", "y", "x"]}
    >>> resolve_aliases(pl.LazyFrame(rows)).collect().rows()
    [('guest:a', 'woo:2'), ('woo:1', 'woo:2')]
    """
    return resolve_links(aliases).select(*ALIASES)


def resolve_links(aliases: pl.LazyFrame) -> pl.LazyFrame:
    """Return `resolve_aliases` with the `link` of each alias, the word of its first step."""
    return with_links(aliases).map_batches(_resolved, schema=dict(LINKED_ALIASES))


def resolve_by_rules(aliases: pl.LazyFrame, based: pl.LazyFrame) -> pl.LazyFrame:
    """Return `resolve_links` with chains that go on where the rules give their end to somebody else.

    `based` has `identity` and `base`, whom the rules give it to. Ends that go on stand there themselves, with a null for
    `link`. A chain that would then lead in a circle ends as the aliases alone say. Collected here: aliases are few.
    """
    alone = resolve_links(aliases).collect()
    ends = alone.lazy().select(identity="customer_key").unique()
    free = ends.join(pins(aliases), left_on="identity", right_on="alias_key", how="anti")
    moved = based.filter(pl.col("base") != pl.col("identity")).join(free, on="identity", how="semi")
    steps = moved.select(alias_key="identity", customer_key="base", link=pl.lit(_BY_RULE)).collect().lazy()
    further = resolve_links(pl.concat([with_links(aliases), steps])).collect()
    circular = alone.join(further, on="alias_key", how="anti")
    by_alias = pl.when(pl.col("link") != _BY_RULE).then("link")
    return pl.concat([further, circular]).lazy().with_columns(link=by_alias)


def pins(aliases: pl.LazyFrame) -> pl.LazyFrame:
    """Return the separated identities, one column `alias_key`."""
    return with_links(aliases).filter(pl.col("link") == SEPARATED).select("alias_key").unique()


def with_links(aliases: pl.LazyFrame) -> pl.LazyFrame:
    """Return the aliases with the columns of `LINKED_ALIASES`."""
    known = aliases.collect_schema().names()
    link = pl.col("link").cast(pl.String).fill_null(REGISTERED) if "link" in known else pl.lit(REGISTERED)
    return aliases.select(pl.col("alias_key", "customer_key").cast(pl.String), link=link).drop_nulls()


def follow_aliases(frame: pl.LazyFrame, resolved: pl.LazyFrame) -> pl.LazyFrame:
    """Return `frame` with its `customer_key` replaced where `resolved` has an alias for it."""
    return frame.join(
        resolved.select("alias_key", aliased="customer_key"), left_on="customer_key", right_on="alias_key", how="left"
    ).select(
        pl.coalesce("aliased", "customer_key").alias("customer_key") if name == "customer_key" else name
        for name in frame.collect_schema().names()
    )


def _resolved(aliases: pl.DataFrame) -> pl.DataFrame:
    """Walk each chain to its end. Of two rows for one alias the smaller key counts, so that row order does not."""
    pinned = set(aliases.filter(pl.col("link") == SEPARATED)["alias_key"])
    ordered = aliases.sort("alias_key", "customer_key", "link", descending=True)
    links = {alias: (key, link) for alias, key, link in ordered.iter_rows() if alias not in pinned}
    step = {alias: key for alias, (key, _) in links.items()}
    ends: dict[str, str | None] = {}
    for alias in step:
        walked: dict[str, None] = {}
        here = alias
        while here in step and here not in ends and here not in walked:
            walked[here] = None
            here = step[here]
        end = None if here in walked else ends.get(here, here)
        ends.update(dict.fromkeys(walked, end))
    rows = sorted((alias, end, links[alias][1]) for alias, end in ends.items() if end is not None)
    return pl.DataFrame(rows, schema=dict(LINKED_ALIASES), orient="row")
