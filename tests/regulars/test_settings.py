"""Settings: every variable documented, every mistake named, no secret shown."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from regulars.errors import SettingsError
from regulars.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
ALIASES = sorted(str(field.alias) for field in Settings.model_fields.values())
SHOP = {
    "WOOCOMMERCE_URL": "https://shop.example.com",
    "WOOCOMMERCE_CONSUMER_KEY": "ck_very_secret",
    "WOOCOMMERCE_CONSUMER_SECRET": "cs_very_secret",
    "WOOCOMMERCE_WEBHOOK_SECRET": "hook_very_secret",
}
SHOPS_FILE = """
[shops.north]
url = "https://north.example.com/"
consumer_key = "NORTH_KEY"
consumer_secret = "NORTH_SECRET"
webhook_secret = "NORTH_HOOK"
timezone = "Europe/Oslo"

[shops.south]
url = "https://south.example.com/wp-json/"
consumer_key = "SOUTH_KEY"
consumer_secret = "SOUTH_SECRET"
requests_per_minute = 25
"""
Set = Callable[..., None]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder without any variable of ours."""
    for name in ALIASES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Return a way to set variables."""

    def set_all(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_all


@pytest.mark.parametrize("alias", ALIASES)
def test_the_example_file_documents_every_variable(alias: str) -> None:
    """A setting that only the code knows is a setting nobody can use."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    (index,) = [number for number, line in enumerate(lines) if re.match(rf"#?{alias}=", line)]

    above = list(reversed(lines[:index]))
    explained = next((line for line in above if not re.match(r"#?[A-Z_]+=", line)), "")
    assert explained.startswith("# "), f"nothing explains {alias}"


def test_the_example_file_names_nothing_that_does_not_exist() -> None:
    """A variable that was renamed would be set, and silently do nothing."""
    named = re.findall(r"^#?([A-Z]+_[A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)

    assert sorted(named) == ALIASES


def test_the_example_files_defaults_are_the_codes(folder: Path) -> None:
    """Whoever uncomments a line must not change anything by it."""
    wanted = load_settings().model_dump()
    text = (ROOT / ".env.example").read_text()
    shown = {name for name in ALIASES if re.search(rf"^#{name}=.+", text, re.MULTILINE)}
    examples = {"REGULARS_CA_FILE", "REGULARS_SHOP_TIMEZONE", "REGULARS_PUBLIC_URL", "MONGODB_URI"}
    lines = [line[1:] for line in text.splitlines() if re.match(r"#[A-Z_]+=.+", line)]
    (folder / ".env").write_text("\n".join(line for line in lines if line.partition("=")[0] not in examples))

    assert len(shown) > 10
    assert load_settings().model_dump() == wanted


def test_an_empty_folder_gives_defaults_and_no_shop() -> None:
    """Everything but a shop has a default; `doctor` and `sync` then say what to set."""
    settings = load_settings()

    assert (settings.shops, settings.data_dir, settings.app_port) == ({}, Path("data"), 8501)
    with pytest.raises(
        SettingsError, match=r"WOOCOMMERCE_URL, WOOCOMMERCE_CONSUMER_KEY and WOOCOMMERCE_CONSUMER_SECRET"
    ):
        settings.shop()


def test_the_env_file_is_read_and_the_environment_wins(folder: Path, variables: Set) -> None:
    """The README tells people to fill in `.env`; a service manager's variables must still override it."""
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in SHOP.items()) + "REGULARS_SHOP=file\n")
    assert load_settings().shop().url == "https://shop.example.com"

    variables(REGULARS_SHOP="environment")

    assert list(load_settings().shops) == ["environment"]


def test_several_shops_take_their_secrets_from_named_variables(folder: Path, variables: Set) -> None:
    """The file may be committed or shared: it holds names, never secrets. Some variables stand in `.env`."""
    (folder / "shops.toml").write_text(SHOPS_FILE)
    (folder / ".env").write_text("SOUTH_KEY=ck_s\nSOUTH_SECRET=cs_s\n")
    variables(NORTH_KEY="ck_n", NORTH_SECRET="cs_n", NORTH_HOOK="hook_n")

    north, south = (load_settings().shop(name) for name in ("north", "south"))

    assert (north.url, north.timezone, north.requests_per_minute) == ("https://north.example.com", "Europe/Oslo", 0)
    assert north.webhook_secret is not None
    assert north.webhook_secret.get_secret_value() == "hook_n"
    assert (south.url, south.webhook_secret, south.requests_per_minute) == ("https://south.example.com", None, 25)
    assert (south.consumer_key.get_secret_value(), south.consumer_secret.get_secret_value()) == ("ck_s", "cs_s")


def test_where_several_shops_are_configured_one_must_be_named(folder: Path, variables: Set) -> None:
    """Guessing would sync or show the wrong one; who types a command reads how to say which."""
    (folder / "shops.toml").write_text(SHOPS_FILE)
    variables(NORTH_KEY="a", NORTH_SECRET="b", SOUTH_KEY="c", SOUTH_SECRET="d")
    settings = load_settings()

    with pytest.raises(SettingsError, match=r"name one of: north, south \(--shop NAME\)"):
        settings.shop()
    with pytest.raises(SettingsError, match="No shop is called 'west'; there is: north, south"):
        settings.shop("west")


def test_a_variable_that_a_shop_lacks_is_named(folder: Path, variables: Set) -> None:
    """The name in the file is what has to be set."""
    (folder / "shops.toml").write_text(SHOPS_FILE)
    variables(NORTH_KEY="a", NORTH_SECRET="b", SOUTH_KEY="c")

    with pytest.raises(SettingsError, match="'south' has an address but no SOUTH_SECRET"):
        load_settings().shop("south")


def test_half_a_shop_does_not_hold_up_the_others(folder: Path, variables: Set) -> None:
    """A typing error in the second shop's table must not stop the sync of the first."""
    (folder / "shops.toml").write_text(f'{SHOPS_FILE}\n[shops."No Slug"]\nurl = "https://x.example.com"\n')
    variables(NORTH_KEY="a", NORTH_SECRET="b", SOUTH_KEY="c")
    settings = load_settings()

    assert list(settings.shops) == ["north"]
    assert settings.shop("north").url == "https://north.example.com"
    assert sorted(settings.broken_shops) == ["No Slug", "south"]
    assert "use up to 40 of a-z" in settings.broken_shops["No Slug"]
    with pytest.raises(SettingsError, match="name one of: No Slug, north, south"):  # one is left, and not the only one
        settings.shop()


def test_where_every_shop_is_broken_nothing_is_served_in_silence(folder: Path) -> None:
    """No shop at all would read as if none were configured."""
    (folder / "shops.toml").write_text(SHOPS_FILE)

    with pytest.raises(SettingsError, match=r"no NORTH_KEY and no NORTH_SECRET.*no SOUTH_KEY"):
        _ = load_settings().shops


@pytest.mark.parametrize(("everywhere", "here"), [("true", ""), ("false", "keys_in_query = true")])
def test_keys_travel_in_the_address_over_https_alone(folder: Path, variables: Set, everywhere: str, here: str) -> None:
    """Over http they would lie open on the wire, and WooCommerce ignores them there."""
    secure = SHOPS_FILE.replace('url = "https://south', 'url = "http://south')
    (folder / "shops.toml").write_text(f"{secure}{here}\n")
    variables(NORTH_KEY="a", NORTH_SECRET="b", SOUTH_KEY="c", SOUTH_SECRET="d", WOOCOMMERCE_KEYS_IN_QUERY=everywhere)
    settings = load_settings()

    assert settings.shop("north").keys_in_query is (everywhere == "true")
    if here:
        assert "needs an https address" in settings.broken_shops["south"]
    else:
        assert settings.shop("south").keys_in_query is False


def test_the_one_shop_over_http_refuses_keys_in_its_address(variables: Set) -> None:
    """Whoever set it meant it, and must hear that it cannot be."""
    variables(**{**SHOP, "WOOCOMMERCE_URL": "http://shop.example.com"}, WOOCOMMERCE_KEYS_IN_QUERY="true")

    with pytest.raises(SettingsError, match="WOOCOMMERCE_KEYS_IN_QUERY needs an https address"):
        load_settings().shop()


@pytest.mark.parametrize("text", ["", "shops = 3", "[shops", "[shop.north]\nurl = 'x'"])
def test_a_broken_shops_file_is_refused_in_a_sentence(folder: Path, text: str) -> None:
    """Falling back to another shop would be worse than stopping."""
    (folder / "shops.toml").write_text(text)

    with pytest.raises(SettingsError, match=r"shops.toml cannot be read as shops: .*\[shops.<name>\]"):
        load_settings().shop()


def test_a_variable_left_empty_is_not_set(variables: Set) -> None:
    """Who copies the example file and forgets the key must read its name, not that the shop refuses an empty one."""
    variables(**{**SHOP, "WOOCOMMERCE_CONSUMER_KEY": ""}, REGULARS_AS_OF="", REGULARS_CA_FILE="")

    with pytest.raises(SettingsError, match="has an address but no WOOCOMMERCE_CONSUMER_KEY"):
        load_settings().shop()


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ('timezone = "Mars/Olympus"', "timezone: .*Europe/Berlin"),
        ('requests_per_minute = "many"', "requests_per_minute"),
        ("requests_per_minute = -5", "requests_per_minute"),
        ('webook_secret = "HOOK"', "webook_secret"),
        ("webhook_secret = 3", "webhook_secret"),
    ],
)
def test_what_is_wrong_in_a_shops_table_is_named(folder: Path, variables: Set, field: str, named: str) -> None:
    """A misspelt field would be passed over in silence, a wrong zone would fail in the middle of a run."""
    table = '[shops.a]\nurl = "https://a.example.com"\nconsumer_key = "K"\nconsumer_secret = "S"\n'
    (folder / "shops.toml").write_text(table + field + "\n")
    variables(K="ck_very_secret", S="cs_very_secret")

    with pytest.raises(SettingsError, match=rf"shops.toml: the shop 'a' cannot be read: {named}"):
        load_settings().shop()


@pytest.mark.parametrize("table", ["[shops]\na = 3", "[shops.a]\nurl = 3", '[shops.a]\nurl = "https://a.example.com"'])
def test_half_a_shops_table_is_refused_in_a_sentence(folder: Path, table: str) -> None:
    """It is written by hand."""
    (folder / "shops.toml").write_text(table)

    with pytest.raises(SettingsError, match="the shop 'a' cannot be read"):
        load_settings().shop()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://shop.example.com/", "https://shop.example.com"),
        (" http://localhost:8080 ", "http://localhost:8080"),
        ("https://example.com/shop/", "https://example.com/shop"),
        ("https://example.com/shop/wp-json/", "https://example.com/shop"),
    ],
)
def test_an_address_is_taken_as_people_type_it(variables: Set, typed: str, kept: str) -> None:
    """People copy it from the browser, or from an API manual."""
    variables(**{**SHOP, "WOOCOMMERCE_URL": typed})

    assert load_settings().shop().url == kept


@pytest.mark.parametrize(
    "url",
    [
        "shop.example.com",
        "ftp://shop.example.com",
        "https://",
        "https://user:pw@shop.example.com",
        "https://x/?a=1",
        "https://shop.example.com:eighty",
        "https://[shop.example.com",
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_it(variables: Set, url: str) -> None:
    """It may hold a password."""
    variables(**{**SHOP, "WOOCOMMERCE_URL": url})

    with pytest.raises(SettingsError, match="WOOCOMMERCE_URL must") as error:
        load_settings().shop()
    assert "pw@" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("REGULARS_SHOP_TIMEZONE", "Mars/Olympus", "Europe/Berlin"),
        ("REGULARS_APP_PORT", "99999", "65535"),
        ("REGULARS_AS_OF", "yesterday", "date"),
        ("REGULARS_SHOP", "My Shop", "a-z"),
        ("WOOCOMMERCE_REQUESTS_PER_MINUTE", "-1", "0"),
        ("REGULARS_STATUSES_NOT_COUNTED", '{"a": 1}', "tuple"),
        ("REGULARS_STATUSES_NOT_COUNTED", "pending,failed", "JSON list"),
        ("REGULARS_SYNC_CRON", "every hour", "five fields"),
        ("REGULARS_HOST", "::1", "127.0.0.1"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(variables: Set, name: str, value: str, right: str) -> None:
    """One sentence, the variable's own name in it."""
    variables(**{name: value})

    with pytest.raises(SettingsError, match=name) as error:
        load_settings()
    assert right in str(error.value)
    assert "\n" not in str(error.value)


def test_no_secret_shows_in_a_repr_or_an_error(variables: Set) -> None:
    """Objects end up in logs, tracebacks and Dagster's metadata."""
    variables(**SHOP, REGULARS_HTTP_PORT="8000")
    settings = load_settings()
    shown = f"{settings!r} {settings} {settings.shop()!r} {settings.shops} {settings.model_dump()}"

    assert "very_secret" not in shown
    variables(REGULARS_HTTP_PORT="cs_very_secret_in_the_wrong_place")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert "very_secret" not in f"{error.value!r}"


def test_settings_cannot_be_changed(variables: Set) -> None:
    """One object a process: nobody else's view of it may change under them."""
    settings = load_settings()

    with pytest.raises(ValueError, match="frozen"):
        settings.app_port = 1
