"""Training data over HTTP: what is wrong with it, its pictures with their boxes, new splits, folders of the server."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow
from tests.service.api.conftest import Api, Start, problem
from tests.service.api.test_trainings import ZIP, blood, started, uploaded

from onelook.datasets.generated import make_blood
from onelook.service.trainings.looking import thumbnail

__all__ = ["blood"]


def darknet_zip(pictures: dict[str, tuple[bytes, str | None]]) -> bytes:
    """Return a zip of a Darknet folder: by name a picture's bytes and its labels, None for a picture without any."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("obj.names", "square\ncircle\n")
        archive.writestr("obj.data", "classes=2\ntrain=train.txt\nvalid=val.txt\nnames=obj.names\n")
        names = list(pictures)
        archive.writestr("train.txt", "".join(f"{name}.jpg\n" for name in names[:-1]))
        archive.writestr("val.txt", f"{names[-1]}.jpg\n")
        for name, (data, labels) in pictures.items():
            archive.writestr(f"{name}.jpg", data)
            if labels is not None:
                archive.writestr(f"{name}.txt", labels)
    return file.getvalue()


def jpeg(size: tuple[int, int], shade: int) -> bytes:
    file = io.BytesIO()
    Pillow.effect_noise(size, shade).convert("RGB").save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def faulty() -> bytes:
    """Return data with a picture that breaks off, one without labels, and a box of no class that there is."""
    whole = jpeg((64, 48), 40)
    return darknet_zip(
        {
            "whole": (whole, "0 .5 .5 .5 .5\n1 .25 .25 .5 .5\n"),
            "broken": (jpeg((64, 48), 60)[:-300], "0 .5 .5 .2 .2\n"),
            "bare": (jpeg((64, 48), 80), None),
            "last": (jpeg((64, 48), 90), "1 .5 .5 .2 .2\n"),
        }
    )


def test_the_check_tells_every_fault_its_pictures_and_the_counts(api: Api, faulty: bytes) -> None:
    id_ = uploaded(api, faulty)

    told = api.ask("GET", f"/v1/data/{id_}/check").json()

    found = {each["code"]: each for each in told["findings"]}
    assert {"truncated-image", "unlabelled"} <= set(found)
    assert (found["truncated-image"]["path"], found["truncated-image"]["images"]) == ("broken.jpg", [1])
    assert told["errors"] == sum(each["severity"] == "error" for each in told["findings"])
    assert [each["severity"] for each in told["codes"]] == sorted(each["severity"] for each in told["codes"])
    assert told["statistics"]["classes"] == {"square": 2, "circle": 2}
    assert told["statistics"]["splits"] == {"train": 3, "val": 1}
    assert "trainings" not in str(told), "no folder of ours is told"
    problem(api.ask("GET", f"/v1/data/{id_}/check", "bert"), 404, "no_data")


@pytest.mark.parametrize(
    ("asked", "files"),
    [
        ({}, ["whole.jpg", "broken.jpg", "bare.jpg", "last.jpg"]),
        ({"split": "val"}, ["last.jpg"]),
        ({"class": "circle"}, ["whole.jpg", "last.jpg"]),
        ({"class": "circle", "split": "train"}, ["whole.jpg"]),
        ({"code": "truncated-image"}, ["broken.jpg"]),
        ({"start": 1, "limit": 2}, ["broken.jpg", "bare.jpg"]),
        ({"class": "horse"}, []),
        ({"split": "test"}, []),
    ],
)
def test_pictures_are_listed_by_split_class_and_fault(
    api: Api, faulty: bytes, asked: dict[str, Any], files: list[str]
) -> None:
    id_ = uploaded(api, faulty)

    told = api.ask("GET", f"/v1/data/{id_}/images", params=asked).json()

    assert [each["file"] for each in told["images"]] == files
    assert told["total"] == (4 if "start" in asked else len(files))


def test_a_picture_has_its_boxes_in_fractions_and_its_splits(api: Api, faulty: bytes) -> None:
    id_ = uploaded(api, faulty)

    first, _, bare, _ = api.ask("GET", f"/v1/data/{id_}/images").json()["images"]

    assert (first["number"], first["width"], first["height"], first["splits"]) == (0, 64, 48, ["train"])
    assert [each["class"] for each in first["boxes"]] == ["square", "circle"]
    assert first["boxes"][0]["box"] == pytest.approx([0.25, 0.25, 0.75, 0.75], abs=1e-3)
    assert (bare["labelled"], bare["boxes"]) == (False, [])


def test_a_picture_is_reduced_to_what_is_asked_for(api: Api, faulty: bytes) -> None:
    id_ = uploaded(api, faulty)

    answer = api.ask("GET", f"/v1/data/{id_}/images/0", params={"side": 32})

    assert answer.headers["Content-Type"] == "image/jpeg"
    assert Pillow.open(io.BytesIO(answer.content)).size == (32, 24)
    problem(api.ask("GET", f"/v1/data/{id_}/images/4"), 404, "no_picture")
    problem(api.ask("GET", f"/v1/data/{id_}/images/0", params={"side": 9999}), 422, "invalid")
    problem(api.ask("GET", f"/v1/data/{id_}/images/1"), 422, "invalid")
    problem(api.ask("GET", f"/v1/data/{id_}/images/0", "bert"), 404, "no_data")


def test_a_turned_picture_is_reduced_as_it_is_shown(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.new("RGB", (80, 40)).save(tmp_path / "turned.jpg", exif=exif)

    assert Pillow.open(io.BytesIO(thumbnail(tmp_path / "turned.jpg", 40, 10_000))).size == (20, 40)


def test_data_is_divided_anew_and_the_old_stays(api: Api, blood: bytes) -> None:
    id_ = uploaded(api, blood)

    answer = api.ask("POST", f"/v1/data/{id_}/split", json={"ratios": [0.4, 0.4, 0.2], "seed": 3})

    made = answer.json()
    assert answer.status_code == 201, answer.text
    assert (made["images"], made["boxes"]) == tuple(
        api.ask("GET", f"/v1/data/{id_}").json()[key] for key in ("images", "boxes")
    )
    told = api.ask("GET", f"/v1/data/{made['id']}/check").json()
    assert told["statistics"]["splits"] == {"train": 2, "val": 2, "test": 1}
    assert api.ask("GET", f"/v1/data/{made['id']}/images/0").status_code == 200
    assert {each["id"] for each in api.ask("GET", "/v1/data").json()["data"]} == {id_, made["id"]}


@pytest.mark.parametrize("ratios", [[0.5, 0.6], [1.0, 0.0], [1.0], [0.25] * 4])
def test_shares_that_are_none_name_the_field(api: Api, blood: bytes, ratios: list[float]) -> None:
    id_ = uploaded(api, blood)

    told = problem(api.ask("POST", f"/v1/data/{id_}/split", json={"ratios": ratios}), 422, "invalid")

    assert told["errors"][0]["field"].startswith("ratios")


def test_a_folder_of_the_server_is_used_where_that_is_allowed(start: Start, tmp_path: Path) -> None:
    make_blood(tmp_path / "archive" / "blood", {"train": 2, "val": 1}, seed=1, size=(96, 72))
    make_blood(tmp_path / "private" / "blood", {"train": 2, "val": 1}, seed=2, size=(96, 72))
    api = start(data_roots=(str(tmp_path / "archive"),))
    path = str(tmp_path / "archive" / "blood")

    answer = api.ask("POST", "/v1/data", json={"path": path, "name": "mine"})

    assert answer.status_code == 201, answer.text
    data = answer.json()
    assert (data["path"], data["images"], data["bytes"]) == (path, 3, 0)
    assert api.ask("GET", f"/v1/data/{data['id']}/images").json()["total"] == 3
    for other in ("../private/blood", str(tmp_path / "private" / "blood"), f"{path}/../../private/blood", "/etc"):
        told = problem(api.ask("POST", "/v1/data", json={"path": other}), 422, "invalid")
        assert told["errors"][0]["field"] == "path"
    assert api.ask("DELETE", f"/v1/data/{data['id']}").status_code == 204
    assert (tmp_path / "archive" / "blood").is_dir(), "what is not ours is never removed"


def test_without_such_a_setting_no_folder_is_used(api: Api, tmp_path: Path) -> None:
    told = problem(api.ask("POST", "/v1/data", json={"path": str(tmp_path)}), 422, "invalid")

    assert "http.data_roots" in told["detail"]


def test_a_training_whose_data_was_removed_is_not_resumed(api: Api, blood: bytes) -> None:
    id_ = started(api, blood)
    api.ask("POST", f"/v1/trainings/{id_}/stop")
    api.ask("DELETE", f"/v1/data/{api.ask('GET', f'/v1/trainings/{id_}').json()['data']}")

    problem(api.ask("POST", f"/v1/trainings/{id_}/resume"), 409, "no_data")


def test_the_zip_s_media_type_is_told(api: Api) -> None:
    told = problem(api.ask("POST", "/v1/data", content=b"x", headers={"Content-Type": "text/plain"}), 415, "media_type")

    assert ZIP["Content-Type"] in told["detail"]
