"""Serving from MongoDB: each publish brings its collections along, and is none the worse where it cannot."""

from pathlib import Path

from regulars.mongo.serving import Serving
from regulars.settings import load_settings
from tests.mongod import Mongod
from tests.pipelines.shop_house import NAME, House


def told(house: House, job: str = "derive") -> str:
    """Run a job, which must end well, and return what it tells of MongoDB."""
    result = house.run(job)
    assert result.success
    (made,) = result.asset_materializations_for_node("published__marts")
    return str(made.metadata["mongodb"].value)


def test_a_publish_brings_the_collections_to_its_version(house: House, mongod: Mongod, monkeypatch) -> None:
    """Readers are served from MongoDB only where it holds what is published."""
    monkeypatch.setenv("MONGODB_URI", mongod.uri("mirrored"))

    said = told(house)

    assert said.endswith(" s")
    assert not said.startswith("0 documents")
    uri = load_settings().mongodb_uri
    assert uri is not None
    with Serving(uri) as serving:
        assert serving.mirrored(NAME) == house.manifest().version


def test_a_mirror_that_fails_takes_no_publish_back(house: House, monkeypatch, tmp_path: Path) -> None:
    """The files are whole; a server that is away for an hour must not stop the shop's figures."""
    from pipelines.assets import published
    from regulars.errors import DirectoryUnavailable

    def away(*arguments: object) -> None:
        raise DirectoryUnavailable("MongoDB does not answer.")

    monkeypatch.setattr("regulars.mongo.serving.mirror", away)
    monkeypatch.setattr(type(house.deployment), "settings", settings_with_mongodb())
    progress = house.deployment.progress(NAME, "run")

    said = published.mirror_shop(house.deployment, NAME, house.manifest().version, progress)

    assert said["mongodb"].startswith("Not written: MongoDB does not answer.")


def settings_with_mongodb() -> property:
    """Return settings that name a server, which nobody calls."""
    uri = "mongodb://127.0.0.1:9/none"
    return property(lambda _: load_settings(mongodb_uri=uri))


def test_without_mongodb_nothing_is_told_of_it(house: House) -> None:
    """Most deployments have none."""
    result = house.run("derive")
    (made,) = result.asset_materializations_for_node("published__marts")
    assert "mongodb" not in made.metadata
