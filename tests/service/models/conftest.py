"""Stores to test on: a folder, and S3 as moto answers it."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.structures.small_models import small_bundle

from onelook.service.models.store import ModelStore, open_store
from onelook.structures.bundle import write_bundle

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Return the address of a server that answers as S3 does."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_place(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return `s3://...` of an empty bucket, with what is needed to reach it in the environment."""
    import boto3

    words = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
    for name, value in {**words, "AWS_ENDPOINT_URL": s3_endpoint}.items():
        monkeypatch.setenv(name, value)
    bucket = f"models-{next(NUMBERS)}"
    boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/served"


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ModelStore:
    """Give an empty store of each kind."""
    if request.param == "folder":
        return open_store(str(tmp_path / "store"))
    return open_store(request.getfixturevalue("s3_place"))


@pytest.fixture
def bundle(tmp_path: Path) -> Callable[[int], Path]:
    """Return what writes a small detector: each seed another one."""

    def write(seed: int) -> Path:
        folder = tmp_path / f"bundle-{seed}"
        if not folder.exists():
            made = small_bundle()
            arrays = {name: array + seed / 100 for name, array in made.arrays.items()}
            write_bundle(folder, replace(made, arrays=arrays))
        return folder

    return write
