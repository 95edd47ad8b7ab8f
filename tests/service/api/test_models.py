"""Models over HTTP: uploaded, promoted, rolled back; one's own and shared ones apart."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.service.api.conftest import Api, problem
from tests.structures.small_models import small_bundle

from onelook.service.messages import ModelAnswer, PublishedVersion
from onelook.service.models.store import StoreDownError
from onelook.structures.bundle import write_bundle
from onelook.structures.network.cfg import format_cfg
from onelook.structures.network.weights_file import write_weights

ZIP = {"Content-Type": "application/zip"}


def packed(folder: Path, inside: str = "") -> bytes:
    """Return a folder as a zip, its files below `inside`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, f"{inside}{path.relative_to(folder)}")
    return file.getvalue()


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Return two bundles as zips; they differ in one weight."""
    folder = tmp_path_factory.mktemp("two")
    write_bundle(folder / "a", small_bundle(1))
    write_bundle(folder / "b", small_bundle(2))
    return [packed(folder / "a"), packed(folder / "b", "inside/")]


def upload(api: Api, data: bytes, name: str = "cells", by: str = "anna", **query: Any) -> PublishedVersion:
    answer = api.ask("POST", f"/v1/models/{name}/versions", by, content=data, headers=ZIP, params=query)
    assert answer.status_code == 201, answer.text
    return PublishedVersion.model_validate_json(answer.content)


def seen(api: Api, name: str = "cells", by: str = "anna", **query: Any) -> ModelAnswer:
    answer = api.ask("GET", f"/v1/models/{name}", by, params=query)
    assert answer.status_code == 200, answer.text
    return ModelAnswer.model_validate_json(answer.content)


def test_versions_are_uploaded_promoted_and_rolled_back(api: Api, versions: list[bytes]) -> None:
    first = upload(api, versions[0])
    second = upload(api, versions[1])
    assert (first.promoted, second.promoted) == (True, False), "the first serves by itself, a later one when told to"
    assert seen(api).current == first.version

    promoted = api.ask("POST", f"/v1/models/cells/versions/{second.version}/promote").json()
    assert (promoted["current"], promoted["history"]) == (second.version, [first.version])
    back = api.ask("POST", "/v1/models/cells/rollback").json()

    assert back["current"] == first.version
    assert {each.version for each in seen(api).versions} == {first.version, second.version}
    assert api.ask("DELETE", f"/v1/models/cells/versions/{second.version}").status_code == 204
    told = problem(api.ask("DELETE", f"/v1/models/cells/versions/{first.version}"), 422, "invalid")
    assert told["errors"][0]["field"] == "version"
    problem(api.ask("POST", "/v1/models/cells/rollback"), 422, "invalid")


def test_darknets_files_become_a_version(api: Api, tmp_path: Path) -> None:
    bundle = small_bundle()
    cfg, weights = format_cfg(bundle.cfg).encode(), tmp_path / "m.weights"
    write_weights(weights, bundle.layers(), bundle.arrays)
    files = {"cfg": cfg, "weights": weights.read_bytes(), "names": "".join(f"{n}\n" for n in bundle.names).encode()}

    answer = api.ask("POST", "/v1/models/dark/versions", files=files)

    assert answer.status_code == 201, answer.text
    assert seen(api, "dark").current == answer.json()["version"]
    told = problem(api.ask("POST", "/v1/models/dark/versions", files={"cfg": cfg, "weights": b"x"}), 422, "invalid")
    assert "/tmp" not in told["detail"]
    problem(api.ask("POST", "/v1/models/dark/versions", files={"cfg": cfg}), 422, "invalid")


def test_models_of_clients_are_apart_and_shared_ones_for_all(api: Api, versions: list[bytes]) -> None:
    upload(api, versions[0], "mine")
    shared = f"all{api.clients['anna'].id}"
    upload(api, versions[0], shared, "admin", shared=True)

    names = {
        by: {each["name"] for each in api.ask("GET", "/v1/models", by).json()["models"]} for by in ("anna", "bert")
    }

    assert names["anna"] - names["bert"] == {"mine"}
    assert shared in names["bert"]
    problem(api.ask("GET", "/v1/models/mine", "bert"), 404, "no_model")
    for path in (f"/v1/models/{shared}/rollback", f"/v1/models/{shared}/versions/v1/promote"):
        problem(api.ask("POST", path, "bert", params={"shared": True}), 403, "no_admin")
    answer = api.ask(
        "POST", f"/v1/models/{shared}/versions", "bert", content=versions[1], headers=ZIP, params={"shared": True}
    )
    problem(answer, 403, "no_admin")
    assert seen(api, shared, "bert", shared=True).shared


def zipped(**entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name.replace("__", "/"), data)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"no zip", zipped(), zipped(readme=b"x"), zipped(**{"..__..__evil": b"x"}), zipped(**{"bundle.toml": b"x"})],
)
def test_what_is_no_bundle_is_refused_and_leaves_nothing(api: Api, data: bytes) -> None:
    told = problem(api.ask("POST", "/v1/models/bad/versions", content=data, headers=ZIP), 422, "invalid")

    assert "/tmp" not in told["detail"]
    problem(api.ask("GET", "/v1/models/bad"), 404, "no_model")


def test_a_broken_version_of_a_zip_is_refused(api: Api, versions: list[bytes]) -> None:
    data = bytearray(versions[0])
    data[len(data) // 2] ^= 255

    problem(api.ask("POST", "/v1/models/bad/versions", content=bytes(data), headers=ZIP), 422, "invalid")


@pytest.mark.parametrize("name", ["UPPER", "a b", "-x", "a" * 65])
def test_a_name_that_is_none_is_refused(api: Api, name: str) -> None:
    told = problem(api.ask("GET", f"/v1/models/{name}"), 422, "invalid")

    assert told["errors"][0]["field"] == "name"


def test_a_store_that_is_away_is_no_mistake_of_the_upload(
    api: Api, versions: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreDownError("models: expected an answer of the store, got none; try again")

    monkeypatch.setattr("onelook.service.api.publishing.publish", away)

    answer = api.ask("POST", "/v1/models/cells/versions", content=versions[0], headers=ZIP)

    problem(answer, 503, "no_store")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_a_version_that_is_not_there_is_404(api: Api, versions: list[bytes]) -> None:
    upload(api, versions[0])

    problem(api.ask("POST", "/v1/models/cells/versions/v123/promote"), 404, "no_version")
    problem(api.ask("DELETE", "/v1/models/cells/versions/v123"), 404, "no_version")
    problem(api.ask("POST", "/v1/models/none/rollback"), 404, "no_model")


def test_another_kind_of_upload_is_415(api: Api) -> None:
    problem(api.ask("POST", "/v1/models/x/versions", json={}), 415, "media_type")
