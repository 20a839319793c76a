"""The invented shop's catalogue of some forty products, and its taxes."""

from demo_shop.changes import Shop
from demo_shop.model import Product, TaxRate
from demo_shop.money import micros

RATES = (
    TaxRate(1, "DE-MWST.-1", "MwSt.", 19, "DE"),
    TaxRate(5, "DE-MWST. ERM.-1", "MwSt. erm.", 7, "DE", reduced=True),
    TaxRate(2, "AT-UST.-1", "USt.", 20, "AT"),
    TaxRate(3, "FR-TVA-1", "TVA", 20, "FR"),
    TaxRate(4, "NL-BTW-1", "BTW", 21, "NL"),
    TaxRate(6, "PL-VAT-1", "VAT", 23, "PL"),
    TaxRate(7, "ES-IVA-1", "IVA", 21, "ES"),
    TaxRate(8, "CZ-DPH-1", "DPH", 21, "CZ"),
    TaxRate(9, "GR-ΦΠΑ-1", "ΦΠΑ", 24, "GR"),
)

# By category: name, price, taxed at the reduced rate.
_SIMPLE = {
    "Coffee": (
        ('Kaffeebohnen "Äthiopien" 1kg', "19.92", True),
        ("Espresso Röstung Nr. 5", "14.50", True),
        ("Decaf Blend 500g", "9.90", True),
    ),
    "Tea": (
        ("Grüner Tee Sencha", "12.80", True),
        ("Earl Grey, loose", "8.40", True),
        ("Rooibos & Vanille", "7.20", True),
    ),
    "Pantry": (
        ("Granola 750g", "8.30", True),
        ("Olive Oil 0.5l", "13.90", True),
        ("Honey (Linden) 500g", "9.50", True),
        ("Dark Chocolate 85%", "4.20", True),
        ("Salt & Pepper", "5.00", True),
    ),
    "Equipment": (
        ("Hand Grinder", "64.00", False),
        ("French Press 1l", "34.90", False),
        ("Espresso Machine", "489.00", False),
        ("Milk Frother", "39.00", False),
        ("Kettle, gooseneck", "79.00", False),
        ("Scale 0.1g", "29.00", False),
        ("Filter Papers, 100", "4.90", False),
    ),
    "Cups & pots": (
        ("Mug <blue>", "13.50", False),
        ("Cup & Saucer", "18.00", False),
        ("Glass Carafe", "27.00", False),
        ("Tea Pot 1.2l", "42.00", False),
    ),
    "Gifts": (
        ("Notebook <grid>", "7.99", False),
        ("Sticker Pack", "4.00", False),
        ("Water Bottle", "21.00", False),
        ("Beanie", "17.90", False),
        ("Socks 3-Pack", "13.50", False),
        ("Candle", "12.32", False),
        ("Tote Bag", "8.90", False),
        ("Kitchen Towel", "6.66", False),
        ("Apron", "24.00", False),
        ("Soap Bar", "2.66", False),
        ("Poster A2", "15.00", False),
        ("Gift Wrap", "2.50", False),
        ("Plant Pot, 陶器", "22.00", False),
        ("Gift Card 50", "50.00", False),
    ),
}
# What carries several, so that a product may be found under each.
_ALSO = {"Espresso Machine": ("Gifts",), "Mug <blue>": ("Gifts",)}
_SIZED = (("Hoodie", "39.00"), ("Cap", "51.00"), ("Sneaker", "59.00"))
EBOOK = "E-Book: Brewing"


def stock(shop: Shop, created: int) -> None:
    """Fill an empty shop with the catalogue, created at that instant."""

    def add(name: str, sku: str, price: str, **more: object) -> Product:
        product = Product(shop.take_id("post"), name, sku, micros(price), created)
        for field, value in more.items():
            setattr(product, field, value)
        shop.products[product.id] = product
        return product

    shop.start_ids("post", 10)
    simple = [(category, *product) for category, products in _SIMPLE.items() for product in products]
    for place, (category, name, price, reduced) in enumerate(simple):
        categories = (category, *_ALSO.get(name, ()))
        add(name, f"SKU-{1000 + place}", price, reduced=reduced, categories=categories)
    add(EBOOK, "EBOOK-1", "9.00", virtual=True)
    for place, (name, price) in enumerate(_SIZED):
        parent = add(name, "", price, categories=("Clothing",))
        sizes = [
            add(f"{name} - {size}", f"VAR-{place}-{size}", price, parent_id=parent.id, size=size)
            for size in ("S", "M", "L")
        ]
        parent.variations = tuple(size.id for size in sizes)
