"""A made-up shop of any size, published as the product publishes: the same people for the same size, every time.

Orders follow a shop's usual shape: many people who bought once, a few who buy all the time, some accounts that never
did; amounts are log-normal, one order in thirty does not count, one in twenty-five has a refund. Totals, scores and
segments come from the product's own transforms, so that figures agree with the orders.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from regulars.directory.publish import publish
from transforms.days import shop_day
from transforms.metrics import currency_totals, customer_totals
from transforms.rfm import rfm_cuts, score
from transforms.rules import STARTING_SEGMENTS
from transforms.schemas import BILLING, MONEY, PUBLISHED, SHIPPING, TIME, empty
from transforms.segments import SegmentRule, assign_segments

SHOP = "big"
TIMEZONE = "Europe/Berlin"
AS_OF = datetime(2026, 11, 11, 23, tzinfo=UTC)
YEARS = 4
SEED = 7

FIRST = (
    "Anna Ben Clara David Emma Finn Greta Hugo Ida Jonas Klara Liam Mia Noah Olga Paul Quirin Rosa Sofia Tom Ute Vera "
    "Walter Xenia Yara Zoe Ærøskøbing José Zoë Łukasz Øyvind Şirin Иван Мария שרה דוד محمد فاطمة 美咲 太郎"
).split()
LAST = (
    "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Bauer Koch Richter Klein Wolf Schröder "
    "Neumann Schwarz Zimmermann Braun Hartmann Krüger Lange Werner Krause Lehmann Köhler Walter König Mayer Huber Kaiser "
    "Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Dupont Rossi Silva García Nowak Jensen Hansen Smith O’Brien Петров"
).split()
PLACES = (
    ("DE", "Berlin", "EUR"),
    ("DE", "Hamburg", "EUR"),
    ("DE", "München", "EUR"),
    ("AT", "Wien", "EUR"),
    ("FR", "Paris", "EUR"),
    ("IT", "Milano", "EUR"),
    ("ES", "València", "EUR"),
    ("US", "New York", "USD"),
    ("US", "Portland", "USD"),
    ("GB", "London", "GBP"),
)
STATUSES = ("completed", "processing", "refunded", "cancelled", "failed")
STATUS_SHARES = (0.90, 0.05, 0.02, 0.02, 0.01)
KINDS = "Green Black White Mint Ginger Rose Winter Summer Smoked Wild Royal Garden Ärzte Élan Fjord Чай".split()
GOODS = "tea pot cup tin filter kettle spoon sampler gift-box subscription tray cosy whisk scale book voucher".split()
SHELVES = ("Tea", "Ware", "Gifts", "Tools", "Books", "Garden")
MAILS = ("example.com", "example.org", "mail.example.net", "büro.example.de")


def publish_shop(folder: Path, *, people: int = 1_000_000, orders: int = 5_000_000) -> str:
    """Publish a shop of this size under `folder` (a shop's published folder) and return the version."""
    chance = np.random.default_rng(SEED)
    profiles = _profiles(chance, people)
    placed = _orders(chance, profiles, orders)
    refunds = _refunds(chance, placed)
    tables = _marts(profiles, placed, refunds)
    about = {
        "shop": SHOP,
        "shop_name": "Big & Sons",
        "as_of": AS_OF,
        "timezone": TIMEZONE,
        "published_at": AS_OF - timedelta(hours=8),
        "synced_at": AS_OF - timedelta(hours=8, seconds=14),
        "live": False,
    }
    return publish(folder, tables, about, keep=2)


def _profiles(chance: np.random.Generator, people: int) -> pl.DataFrame:
    """Return one row a person, sorted by key: seven in ten have an account. `place` is an index into PLACES."""
    number = np.arange(1, people + 1)
    made = AS_OF - timedelta(days=365 * YEARS)
    frame = pl.DataFrame(
        {
            "number": number,
            "account": chance.random(people) < 0.7,
            "first": chance.integers(0, len(FIRST), people),
            "last": chance.integers(0, len(LAST), people),
            "place": chance.choice(len(PLACES), people, p=_falling(len(PLACES))),
            "mail": chance.choice(len(MAILS), people, p=_falling(len(MAILS))),
            "made": (chance.random(people) * 365 * YEARS * 86_400).astype(np.int64),
            "bulk": chance.random(people) < 0.08,
        }
    )
    first, last = _one_of(FIRST, "first"), _one_of(LAST, "last")
    mailbox = pl.format(
        "{}.{}{}@{}", first.str.to_lowercase(), last.str.to_lowercase(), "number", _one_of(MAILS, "mail")
    )
    key = pl.when("account").then(pl.format("woo:{}", "number")).otherwise(pl.format("guest:{}", _hex("number")))
    return frame.select(
        "account",
        "place",
        "number",
        customer_key=key,
        woocommerce_id=pl.when("account").then("number"),
        email=mailbox,
        first_name=first,
        last_name=last,
        company=pl.when("bulk").then(pl.format("{} & Söhne GmbH", last)),
        phone=pl.when(pl.col("number") % 3 > 0).then(pl.format("+49 30 {}", pl.col("number") * 7919 % 10_000_000)),
        username=pl.when("account").then(pl.format("{}{}", first.str.to_lowercase(), "number")),
        role=pl.when("account").then(pl.lit("customer")),
        country=_one_of([place[0] for place in PLACES], "place"),
        city=_one_of([place[1] for place in PLACES], "place"),
        created_at=(pl.lit(made) + pl.duration(seconds="made")).cast(TIME),
    ).sort("customer_key")


def _orders(chance: np.random.Generator, profiles: pl.DataFrame, orders: int) -> pl.DataFrame:
    """Return the orders, a person's together and the newest first, as published but for what was refunded."""
    weights = np.minimum(chance.pareto(1.4, profiles.height) + 0.3, 150)  # the best order some hundred times
    weights[chance.random(profiles.height) < 0.12] = 0
    owner = np.repeat(np.arange(profiles.height), chance.multinomial(orders, weights / weights.sum()))
    cents = (np.exp(chance.normal(3.6, 0.8, orders)) * 100).astype(np.int64) + 100
    frame = pl.DataFrame(
        {
            "owner": owner.astype(np.uint32),
            "since": chance.random(orders),
            "cents": cents,
            "state": chance.choice(len(STATUSES), orders, p=STATUS_SHARES).astype(np.uint8),
            "items": chance.integers(1, 6, orders),
        }
    )
    people = profiles.select("customer_key", "place", made="created_at").with_row_index("owner")
    alive = (pl.lit(AS_OF).cast(TIME) - pl.col("made")).dt.total_seconds()
    told = (
        frame.join(people, on="owner", how="left", maintain_order="left")
        .with_columns(created_at=pl.col("made") + pl.duration(seconds=(alive * pl.col("since")).cast(pl.Int64)))
        .sort("owner", "created_at", descending=[False, True])
        .with_row_index("row")
    )
    total = (pl.col("cents").cast(pl.Decimal(18, 2)) / pl.lit(100).cast(pl.Decimal(18, 2))).cast(MONEY)
    return told.select(
        order_id=pl.col("row").cast(pl.Int64) * 48_271 % orders
        + 1_000,  # not in the order of people: 48,271 is a prime
        customer_key="customer_key",
        status=_one_of(STATUSES, "state"),
        counted=pl.col("state") < 3,
        total=total,
        currency=_one_of([place[2] for place in PLACES], "place"),
        items=pl.col("items").cast(pl.Int64),
        created_at="created_at",
        order_day=shop_day(pl.col("created_at"), TIMEZONE),
    )


def _refunds(chance: np.random.Generator, orders: pl.DataFrame) -> pl.DataFrame:
    some = orders.filter(pl.Series(chance.random(orders.height) < 0.04), pl.col("counted"))
    days = pl.Series("after", chance.integers(1, 30, some.height))
    at = pl.min_horizontal(
        pl.col("created_at") + pl.duration(days="after"), pl.lit(AS_OF - timedelta(hours=1)).cast(TIME)
    )
    refunds = some.with_columns(days).with_columns(created_at=at).with_row_index("row")
    return refunds.select(
        pl.lit(SHOP).alias("shop"),
        "order_id",
        "customer_key",
        "currency",
        "counted",
        "created_at",
        refund_id=pl.col("row").cast(pl.Int64) + 900_000_000,
        amount=(pl.col("total") / pl.lit(2).cast(MONEY)).round(2).cast(MONEY),
        reason=pl.lit("did not fit"),
        refund_day=shop_day(pl.col("created_at"), TIMEZONE),
    )


def _lines(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Return the lines: one an order, two where it has more than three pieces; they sum to the order's total."""
    two = pl.col("items") > 3
    told = orders.select(
        "order_id", "items", total=pl.when(two).then(pl.col("total") / 2).otherwise("total").cast(MONEY)
    )
    lines = pl.concat([told.with_columns(place=1), told.filter(two).with_columns(place=2)])
    count = len(KINDS) * len(GOODS)
    return lines.with_columns(
        # Squared, so that some products sell a hundred times as often as others.
        product=((pl.col("order_id") * 7_919 + pl.col("place") * 104_729) % 10_007 / 10_007) ** 2 * count
    ).select(
        "order_id",
        line_id=pl.col("order_id") * 10 + pl.col("place"),
        product_id=pl.col("product").cast(pl.Int64) + 1,
        sku=pl.format("SKU-{}", pl.col("product").cast(pl.Int64) + 1),
        name=_product_name(pl.col("product").cast(pl.Int64)),
        quantity=(pl.col("items") + pl.col("place") - 1) // 2 + 1,
        total="total",
    )


def _products() -> pl.DataFrame:
    numbers = pl.DataFrame({"product_id": range(1, len(KINDS) * len(GOODS) + 1)}, schema={"product_id": pl.Int64})
    return numbers.with_columns(
        name=_product_name(pl.col("product_id") - 1),
        sku=pl.format("SKU-{}", "product_id"),
        categories=pl.concat_list(_shelf("product_id")),
    )


def _product_name(number: pl.Expr) -> pl.Expr:
    names = pl.lit(pl.Series([f"{kind} {good}" for good in GOODS for kind in KINDS]))
    return names.gather(number)


def _shelf(product: str) -> pl.Expr:
    return pl.lit(pl.Series(SHELVES)).gather(pl.col(product) % len(SHELVES))


def _marts(
    profiles: pl.DataFrame, placed: pl.DataFrame, refunds: pl.DataFrame
) -> dict[str, pl.DataFrame | pl.LazyFrame]:
    """Return every published table, figures and segments by the product's transforms."""
    currencies = currency_totals(placed.lazy(), refunds.lazy()).collect()
    totals = customer_totals(currencies.lazy(), as_of=AS_OF, timezone=TIMEZONE)
    shop = pl.lit(SHOP).alias("shop")
    zero = pl.lit(0).cast(MONEY)
    lines = _lines(placed.lazy())
    bought = placed.lazy().filter("counted").select("order_id", "customer_key").join(lines, on="order_id")
    shelves = bought.group_by("customer_key").agg(categories=_shelf("product_id").unique().sort())
    known = profiles.lazy().join(score(totals, rfm_cuts(totals).collect()), on="customer_key", how="left")
    told = _with_columns_of(
        known.drop("categories", strict=False).join(shelves, on="customer_key", how="left"), "customers"
    )
    customers = told.with_columns(
        shop,
        pl.col("categories", "coupons").fill_null([]),
        pl.col("orders_count").fill_null(0),
        pl.col("gross", "refunded", "net", "average_order").fill_null(zero),
        as_of=pl.lit(AS_OF).cast(TIME),
        modified_at=pl.coalesce("last_order_at", "created_at"),
        billing=_address(BILLING),
        shipping=_address(SHIPPING),
    )
    rules = [SegmentRule(each.id, each.name, each.rule) for each in STARTING_SEGMENTS]
    assigned = assign_segments(customers.collect().lazy(), rules, shop=SHOP, as_of=AS_OF, timezone=TIMEZONE)
    back = refunds.lazy().group_by("order_id").agg(refunded=pl.col("amount").sum())
    orders = placed.lazy().join(back, on="order_id", how="left", maintain_order="left")
    orders = orders.with_columns(
        shop, refunded=pl.col("refunded").fill_null(zero), number=pl.col("order_id").cast(pl.String)
    )
    made: dict[str, pl.LazyFrame] = {
        **assigned._asdict(),
        "customer_currencies": currencies.lazy().with_columns(shop),
        "orders": orders.with_columns(
            net=pl.col("total") - pl.col("refunded"),
            payment_method=pl.lit("Credit card"),
            modified_at="created_at",
            paid_at="created_at",
        ),
        "order_lines": lines.with_columns(shop),
        "products": _products().lazy().with_columns(shop),
        "refunds": refunds.lazy(),
        "rfm_cuts": rfm_cuts(totals).with_columns(shop, as_of=pl.lit(AS_OF).cast(TIME)),
    }
    return {name: _with_columns_of(made.get(name, empty(PUBLISHED[name])), name) for name in PUBLISHED}


def _with_columns_of(frame: pl.LazyFrame, table: str) -> pl.LazyFrame:
    """Return `frame` with every column of a published table: those it lacks are unknown."""
    known = frame.collect_schema()
    schema: Mapping[str, pl.DataType] = PUBLISHED[table]
    return frame.with_columns(
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if name not in known
    )


def _address(shape: pl.Struct) -> pl.Expr:
    known = {"first_name", "last_name", "company", "city", "country", "email", "phone"}
    texts = {"address_1": pl.format("Hauptstraße {}", pl.col("number") % 200), "postcode": pl.lit("10115")}
    return pl.struct(
        (pl.col(field.name) if field.name in known else texts.get(field.name, pl.lit(None, dtype=pl.String))).alias(
            field.name
        )
        for field in shape.fields
    )


def _one_of(values: list[str] | tuple[str, ...], index: str) -> pl.Expr:
    return pl.lit(pl.Series(list(values))).gather(pl.col(index))


def _hex(number: str) -> pl.Expr:
    """Return what looks like the hash in a guest's key: 20 digits, no two the same."""
    mixed = pl.col(number).cast(pl.UInt64) * 2_654_435_761 % 2**32
    return pl.format("{}{}", mixed.cast(pl.String).str.zfill(10), pl.col(number).cast(pl.String).str.zfill(10))


def _falling(count: int) -> list[float]:
    weights = [1 / place for place in range(1, count + 1)]
    return [weight / sum(weights) for weight in weights]
