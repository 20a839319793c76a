"""Invented people: names from many scripts, places in several countries, e-mails at example domains."""

import random
import re
import unicodedata
from typing import NamedTuple

from demo_shop.model import Address


class Place(NamedTuple):
    """A city with what an address there needs."""

    city: str
    postcode: str
    country: str
    state: str = ""
    prefix: str = ""


class Culture(NamedTuple):
    """Names that go together, and where their bearers live; ``weight`` is how common they are among buyers."""

    weight: int
    first: tuple[str, ...]
    last: tuple[str, ...]
    places: tuple[Place, ...]


_GERMANY = (
    Place("Berlin", "10115", "DE", "DE-BE", "+49 30"),
    Place("München", "80331", "DE", "DE-BY", "+49 89"),
    Place("Köln", "50667", "DE", "DE-NW", "+49 221"),
    Place("Leipzig", "04109", "DE", "DE-SN", "+49 341"),
    Place("Hamburg", "20095", "DE", "DE-HH", "+49 40"),
)
_AUSTRIA = (Place("Wien", "1010", "AT", "", "+43 1"), Place("Graz", "8010", "AT", "", "+43 316"))
_FRANCE = (Place("Lyon", "69001", "FR", "", "+33 4"), Place("Orléans", "45000", "FR", "", "+33 2"))
_NETHERLANDS = (
    Place("Utrecht", "3511 AA", "NL", "", "+31 30"),
    Place("’s-Hertogenbosch", "5211 AB", "NL", "", "+31 73"),
)
_POLAND = (Place("Łódź", "90-001", "PL", "", "+48 42"), Place("Kraków", "30-001", "PL", "", "+48 12"))
_AMERICA = (
    Place("New York", "10001", "US", "NY", "+1 212"),
    Place("Portland", "97201", "US", "OR", "+1 503"),
)
_BRITAIN = (Place("Leeds", "LS1 1UR", "GB", "", "+44 113"), Place("Glasgow", "G1 1XQ", "GB", "", "+44 141"))
_SPAIN = (Place("Sevilla", "41001", "ES", "SE", "+34 95"), Place("A Coruña", "15001", "ES", "C", "+34 981"))

CULTURES = (
    Culture(
        30,
        ("Jürgen", "Anna", "Käthe", "Björn", "Sophie", "Lukas", "Mia", "Götz", "Renate", "Finn"),
        ("Müller", "Weiß", "Schröder", "Köhler", "Brandt", "von der Heide", "Groß", "Lindner"),
        _GERMANY,
    ),
    Culture(8, ("Leopold", "Resi", "Matthäus", "Hannah"), ("Gruber", "Pölzl", "Wögerbauer"), _AUSTRIA),
    Culture(
        9,
        ("Renée", "Jean-Luc", "Zoé", "François", "Anaïs"),
        ("Dupont", "L’Hôpital", "Lefèvre", "Gagné"),
        _FRANCE,
    ),
    Culture(7, ("Sjoerd", "Fleur", "Daniël"), ("van ’t Hoff", "de Vries", "IJsselstein"), _NETHERLANDS),
    Culture(6, ("Łukasz", "Zofia", "Grażyna", "Paweł"), ("Nowak", "Wójcik", "Żółtowska"), _POLAND),
    Culture(
        10,
        ("Emily", "Kim", "D'Angelo", "Noah", "Grace"),
        ("Brown", "O'Neil", "Doe, Jr.", "Smith-Jones"),
        _AMERICA,
    ),
    Culture(6, ("Oliver", "Siân", "Isla", "Rhys"), ("Taylor", "MacLeod", "ffoulkes"), _BRITAIN),
    Culture(5, ("José", "Begoña", "Íñigo", "Ana-María"), ("Muñoz", "Pérez", "Ibáñez"), _SPAIN),
    Culture(2, ("Þóra", "Ægir"), ("Jónsdóttir", "Sigurðsson"), (Place("Reykjavík", "101", "IS", "", "+354"),)),
    Culture(2, ("Zdeněk", "Růžena"), ("Dvořák", "Němcová"), (Place("Brno", "602 00", "CZ", "", "+420"),)),
    Culture(2, ("Ayşe", "İbrahim"), ("Yılmaz", "Güneş"), (Place("İzmir", "35000", "TR", "", "+90 232"),)),
    Culture(
        3,
        ("Олена", "Дмитро", "Ірина"),
        ("Шевченко", "Коваль"),
        (Place("Київ", "01001", "UA", "", "+380 44"),),
    ),
    Culture(2, ("Γιώργος", "Ελένη"), ("Παπαδόπουλος", "Νικολάου"), (Place("Αθήνα", "105 57", "GR", "", "+30 21"),)),
    Culture(2, ("فاطمة", "محمد", "ليلى"), ("الأحمد", "حداد"), (Place("دبي", "", "AE", "", "+971 4"),)),
    Culture(2, ("יעל", "משה"), ("כהן", "לוי"), (Place("תל אביב", "6100000", "IL", "", "+972 3"),)),
    Culture(2, ("伟", "秀英", "小明"), ("王", "李", "欧阳"), (Place("上海", "200000", "CN", "", "+86 21"),)),
    Culture(
        2,
        ("さくら", "ケンジ", "美咲"),
        ("たなか", "スズキ", "渡邊"),
        (Place("大阪", "530-0001", "JP", "JP27", "+81 6"),),
    ),
    Culture(2, ("지우", "민준"), ("김", "이"), (Place("서울", "04524", "KR", "", "+82 2"),)),
    Culture(2, ("प्रिया", "अर्जुन"), ("शर्मा", "गुप्ता"), (Place("मुंबई", "400001", "IN", "MH", "+91 22"),)),
    Culture(1, ("สมชาย", "มาลี"), ("ใจดี", "ศรีสุข"), (Place("กรุงเทพฯ", "10200", "TH", "", "+66 2"),)),
    Culture(1, ("Nguyễn", "Đặng"), ("Thị Hường", "Văn Đức"), (Place("Hà Nội", "100000", "VN", "", "+84 24"),)),
    Culture(1, ("🦄 Uni", "Max 🚲"), ("Corn", "N/A"), _GERMANY),
)
_WEIGHTS = tuple(culture.weight for culture in CULTURES)
_DOMAINS = ("example.com", "example.org", "example.net")
_STREETS = (
    "Hauptstraße",
    "Rue de l’Église",
    "Station Road",
    "ul. Długa",
    "Calle Mayor",
    "Market Street",
    "Lindenweg",
)


class Person(NamedTuple):
    """One invented person."""

    address: Address
    email: str
    username: str


def invent(rng: random.Random, number: int, country: str | None = None) -> Person:
    """Invent the person with this number; ``country`` moves them to another country, under the same name."""
    culture = rng.choices(CULTURES, _WEIGHTS)[0]
    first, last = rng.choice(culture.first), rng.choice(culture.last)
    place = rng.choice(culture.places)
    if country is not None:
        place = Place("", "", country)
    username = f"{_ascii(first, last) or 'person'}{number}"
    email = f"{username}@{_DOMAINS[number % 3]}"
    street = f"{rng.choice(_STREETS)} {rng.randint(1, 180)}"
    phone = f"{place.prefix} {rng.randint(100000, 999999)}" if place.prefix and rng.random() < 0.8 else ""
    company = f"{last} & Co." if rng.random() < 0.06 else ""
    address = Address(
        first, last, company, street, "", place.city, place.state, place.postcode, place.country, email, phone
    )
    return Person(address, email, username)


def _ascii(first: str, last: str) -> str:
    """Return what of a name can stand in an e-mail address everywhere; empty for most scripts."""
    plain = unicodedata.normalize("NFKD", f"{first}.{last}").casefold()
    return re.sub(r"[^a-z.]", "", plain.replace("ß", "ss")).strip(".").replace("..", ".")
