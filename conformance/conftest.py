"""One server for the session, and a fresh one for tests that kill it.

With `--blobs sagewright` or `--blobs seaweedfs` they keep their blobs in such an outside store.
"""
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from harness.accounts import administrator
from harness.api import Api, unique
from harness.client import Client
from harness.outside import STORES, Place
from harness.server import Server


def pytest_addoption(parser):
    parser.addoption(
        "--blobs", choices=["folder", *STORES], default="folder", help="where the servers' blobs lie")


@pytest.fixture(scope="session")
def keep_blobs(request, tmp_path_factory):
    """Says to a server, before its first start, where its blobs lie."""
    kind = request.config.getoption("--blobs")
    if kind == "folder":
        yield lambda server: None
        return
    store = STORES[kind](tmp_path_factory.mktemp("outside"))
    store.start()
    yield lambda server: server.keep_blobs_at(Place(store))
    store.stop()


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """A data folder into which XGBoost was fetched."""
    server = Server(tmp_path_factory.mktemp("library") / "data")
    server.data.mkdir()
    server.command("runtimes", "prefetch", "xgboost")
    return server.data


@pytest.fixture(scope="session")
def server(tmp_path_factory, library, keep_blobs):
    server = Server(tmp_path_factory.mktemp("server") / "data")
    server.take_library(library)
    keep_blobs(server)
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def api(server):
    return Api(server)


@pytest.fixture(scope="module")
def stranger(server):
    """The administrator of another account."""
    return administrator(server, "Strangers")


@pytest.fixture(scope="module")
def nobody(api):
    """Who does not sign."""
    return api.client("s3", config=Config(signature_version=UNSIGNED))


@pytest.fixture
def own_server(tmp_path, library, keep_blobs):
    """For tests that kill or restart it."""
    server = Server(tmp_path / "data")
    server.take_library(library)
    keep_blobs(server)
    yield server.start()
    server.stop()


@pytest.fixture
def client(server, tmp_path):
    """Makes a real client: client("sdk_v2"), client("boto3_1_26", route="proxy")."""
    return lambda name, route="both": Client(server, name, tmp_path, route)


@pytest.fixture(scope="session")
def trained(api):
    """A training job that completed, on 500 rows; its description."""
    from harness.data import table

    name = unique("trained")
    uri = api.put("trained/train.csv", table(500))
    api.train(name, {"train": uri}, {"num_round": 20, "max_depth": 4})
    job = api.finished(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job


@pytest.fixture(scope="session")
def model_data(trained):
    return trained["ModelArtifacts"]["S3ModelArtifacts"]
