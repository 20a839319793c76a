"""The way to the server: away and back, wrong addresses and logins, and that no message holds a secret."""

import logging
import multiprocessing
import os
import signal
import time
import traceback

import pytest
from pydantic import SecretStr

from regulars.errors import RecordInvalid, RecordsUnavailable, SettingsError
from regulars.mongo.client import Connection
from regulars.mongo.records import MongoRecords, open_mongo_records
from regulars.settings import load_settings
from tests.mongod import running_mongod, why_not

ROOT_USER = {"roles": ["root"], "pwd": "rootpw"}


def opened(uri):
    """Return the records at an address."""
    return MongoRecords(SecretStr(uri))


def everything_said(caught):
    """Return the error as a log would show it, with whatever it came from."""
    return "".join(traceback.format_exception(caught.value)) + repr(caught.value)


@pytest.mark.deep
def test_a_server_that_is_away_is_one_sentence_soon_and_works_again_without_a_restart(own_mongod):
    """Nobody should have to start the app anew because the database was restarted."""
    with opened(own_mongod.uri("x")) as records:
        kept = records.add_note("s", "woo:1", "kept", "ana")
        own_mongod.kill()
        for attempt in (lambda: records.notes("s", "woo:1"), lambda: records.add_note("s", "woo:1", "lost", "ana")):
            begun = time.monotonic()
            with pytest.raises(RecordsUnavailable) as caught:
                attempt()
            assert time.monotonic() - begun < 8
            assert caught.value.retry
            assert caught.value.message == (
                f"MongoDB at 127.0.0.1:{own_mongod.port} does not answer: the connection is refused. "
                "Is it running, and is MONGODB_URI right?"
            )
        own_mongod.start()
        assert records.notes("s", "woo:1") == [kept]
        assert records.add_note("s", "woo:1", "new", "ana").id == kept.id + 1


def test_a_restart_between_two_calls_goes_unnoticed(own_mongod):
    """Every pooled connection is dead then; the driver and whole transactions try once more."""
    with opened(own_mongod.uri("x")) as records:
        for number in range(2):
            own_mongod.kill()
            own_mongod.start()
            records.add_note("s", "woo:1", str(number), "ana")
            own_mongod.kill()
            own_mongod.start()
            assert len(records.notes("s", "woo:1")) == number + 1


@pytest.mark.deep
def test_a_server_that_hangs_is_given_up(own_mongod):
    """A frozen machine accepts connections and never answers; a person must not wait for ever."""
    with opened(own_mongod.uri("x")) as records:
        os.kill(own_mongod.process.pid, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            with pytest.raises(RecordsUnavailable):
                records.add_note("s", "woo:1", "x", "ana")
            assert time.monotonic() - begun < 45
        finally:
            os.kill(own_mongod.process.pid, signal.SIGCONT)
        assert records.add_note("s", "woo:1", "x", "ana").text == "x"


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("nonsense", "not an address of MongoDB"),
        ("mongodb://", "not an address of MongoDB"),
        ("mongodb://ana:p@ss-hidden@127.0.0.1/x", "%40"),
        ("mongodb://ana:hidden@127.0.0.1:99999/x", "the port"),
        ("mongodb://ana:hidden@127.0.0.1/a b", "the database"),
        ("mongodb://ana:hidden@127.0.0.1/x?hidden=1", "an option"),
        ("mongodb://ana:hidden@127.0.0.1/x?readPreference=hidden", "not an address"),
        ("https://ana:hidden@127.0.0.1/x", "not an address of MongoDB"),
    ],
)
def test_an_address_that_cannot_be_read_is_named_without_being_shown(uri, says):
    """The address holds a password; the sentence names the variable and what would be right."""
    with pytest.raises(SettingsError, match="MONGODB_URI cannot be read") as caught:
        opened(uri)
    assert says in caught.value.message
    assert "hidden" not in everything_said(caught)


def test_nothing_shows_user_or_password(mongod, caplog):
    """Reprs end in tracebacks, tracebacks in logs."""
    caplog.set_level(logging.DEBUG)
    connection = Connection(SecretStr(mongod.uri("x", user="ana:hidden")))
    assert repr(connection) == f"Connection(127.0.0.1:{mongod.port})"
    for uri in (mongod.uri("x", user="ana:hidden"), "mongodb://ana:hidden@127.0.0.1:1/x?serverSelectionTimeoutMS=100"):
        with pytest.raises((SettingsError, RecordsUnavailable)) as caught:
            opened(uri)
        assert "hidden" not in everything_said(caught)
        assert "ana" not in caught.value.message
    assert "hidden" not in "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("regulars")
    )


def test_errors_hold_nothing_of_what_was_written(mongo_uri, mongod):
    """The driver's errors quote documents and keys; they end in logs."""
    with opened(mongo_uri) as records:
        with mongod.admin() as client:
            client[mongo_uri.rsplit("/", 1)[1]]["notes"].create_index("text", unique=True)
        written = " ".join(("secret", "words"))  # the traceback shows this line, and may
        records.add_note("s", "woo:1", written, "ana")
        with pytest.raises(RecordsUnavailable) as caught:
            records.add_note("s", "woo:1", written, "ana")
        assert written not in everything_said(caught)
        assert len(records.notes("s", "woo:1")) == 1


@pytest.fixture
def locked_mongod(tmp_path):
    """A server that asks for a login: `root`, and `reader`, who may only read the database `x`."""
    if why_not():
        pytest.skip(why_not())
    key = tmp_path / "key"
    key.write_text("a2V5a2V5a2V5a2V5")
    key.chmod(0o600)
    with running_mongod(tmp_path / "mongod", "--auth", "--keyFile", str(key)) as server:
        with server.admin() as client:
            client.admin.command("createUser", "root", **ROOT_USER)
        with server.client(user="root:rootpw") as client:
            client.admin.command("createUser", "reader", pwd="readerpw", roles=[{"role": "read", "db": "x"}])
        yield server


def test_logins_and_rights_that_do_not_do_are_named(locked_mongod):
    """Waiting does not mend a password; the sentence says which setting to look at."""
    with opened(locked_mongod.uri("x", user="root:rootpw", authSource="admin")) as records:
        assert records.add_note("s", "woo:1", "x", "ana").id == 1
    for user, says in (("root:wrongpw", "refuses the user or the password"), ("reader:readerpw", "readWrite")):
        with pytest.raises(SettingsError, match="MONGODB_URI") as caught:
            opened(locked_mongod.uri("y", user=user, authSource="admin"))
        assert says in caught.value.message
        assert user.split(":")[1] not in everything_said(caught)


def test_a_login_that_is_taken_away_later_is_unavailable(locked_mongod):
    """The store was usable; who changed the password may change it back, and nothing needs a restart."""
    with opened(locked_mongod.uri("x", user="root:rootpw", authSource="admin")) as records:
        with locked_mongod.client(user="root:rootpw") as client:
            client.admin.command("createUser", "admin", **ROOT_USER)
        with locked_mongod.client(user="admin:rootpw") as client:
            client.admin.command("updateUser", "root", roles=[])
            with pytest.raises(RecordsUnavailable, match="readWrite"):
                records.add_note("s", "woo:1", "x", "ana")
            client.admin.command("updateUser", "root", roles=["root"])
        assert records.add_note("s", "woo:1", "x", "ana").text == "x"


def test_a_standalone_server_is_refused_with_the_way_out(tmp_path):
    """Its first transaction would fail later, in the middle of somebody's work."""
    if why_not():
        pytest.skip(why_not())
    with (
        running_mongod(tmp_path / "mongod", replica_set=False) as server,
        pytest.raises(SettingsError, match=r"--replSet rs0.*rs\.initiate\(\)"),
    ):
        opened(server.uri("x"))


def test_another_replica_set_is_named(mongod):
    """The name in the address is a guard against writing to the wrong servers."""
    with pytest.raises(SettingsError, match="another replica set"):
        opened(mongod.uri("x", replicaSet="other", serverSelectionTimeoutMS="500"))


def test_one_client_serves_a_process_and_closes_with_its_last_user(mongo_uri):
    """A hundred open profiles must not be a hundred pools."""
    first, second = Connection(SecretStr(mongo_uri)), Connection(SecretStr(mongo_uri))
    client = first.client
    assert second.client is client
    first.close()
    first.close()
    assert second.database.command("ping")["ok"] == 1
    second.close()
    assert first.client is not client
    first.close()


def test_closed_records_open_again_by_themselves(mongo_uri):
    """The port says so; a cached store outlives the page that closed it."""
    records = opened(mongo_uri)
    records.close()
    assert records.add_note("s", "woo:1", "x", "ana").id == 1
    records.close()


def write_in_child(records, answers):
    """Write through a store that the parent had opened."""
    answers.put(records.add_note("s", "woo:1", "child", "ana").id)
    records.close()


def test_a_forked_child_has_a_client_of_its_own(mongo_uri):
    """Sockets shared with a parent mix up answers: somebody would read what another one asked for."""
    fork = multiprocessing.get_context("fork")
    with opened(mongo_uri) as records:
        records.add_note("s", "woo:1", "parent", "ana")
        answers = fork.Queue()
        child = fork.Process(target=write_in_child, args=(records, answers))
        child.start()
        assert answers.get(timeout=30) == 2
        child.join(30)
        assert child.exitcode == 0
        assert [note.text for note in records.notes("s", "woo:1")] == ["child", "parent"]


@pytest.mark.parametrize("operator", [{"$ne": None}, {"$gt": ""}, {"$where": "sleep(9999)"}, ["$ne"]])
def test_operators_from_outside_are_refused_or_are_data(mongo_uri, operator):
    """An address or a JSON body may carry them; one that got into a filter would match everybody."""
    with opened(mongo_uri) as records:
        note = records.add_note("s", "woo:1", "kept", "ana")
        for attempt in (
            lambda: records.notes("s", operator),
            lambda: records.notes(operator, "woo:1"),
            lambda: records.tags_of("s", operator),
            lambda: records.segment("s", operator),
            lambda: records.hide("s", operator, "ana"),
            lambda: records.tag_people("s", [operator], "vip", "ana"),
            lambda: records.set_tags("s", "woo:1", [operator], "ana"),
        ):
            with pytest.raises((RecordInvalid, TypeError)):
                attempt()
        for text in ("$ne", "$where", '{"$ne": null}', "a.b", "$"):
            assert records.notes("s", text) == []
            records.add_tag(text, text, text, text)
            assert records.tags(text) == {text: (text,)}
        assert records.notes("s", "woo:1") == [note]


def test_the_factory_opens_the_database_of_the_settings(mongo_settings, mongo_uri):
    """Every process finds the same records from the same setting."""
    with open_mongo_records(mongo_settings) as records:
        records.add_note("s", "woo:1", "x", "ana")
    with opened(mongo_uri) as again:
        assert len(again.notes("s", "woo:1")) == 1


def test_without_a_name_the_database_is_regulars(mongod):
    """The shortest address must do."""
    settings = load_settings(mongodb_uri=mongod.uri(""), _env_file=None)
    connection = Connection(settings.mongodb_uri)
    assert connection.database.name == "regulars"
    connection.close()
