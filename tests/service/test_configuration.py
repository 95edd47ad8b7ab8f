"""The service's settings: a file, the environment and the command line, later ones winning."""

from pathlib import Path

import pytest

from onelook.service.configuration import AllSettings, read_settings
from onelook.structures.errors import UserError

TEXT = """
[service]
database = "sqlite:///file.db"
batch = 8

[http]
port = 9000

[fetching]
allowed_networks = ["10.20.0.0/16"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "onelook.toml"
    path.write_text(TEXT)
    return path


def test_nothing_given_is_every_default() -> None:
    assert read_settings(environment={}) == AllSettings()


def test_later_ones_win(file: Path) -> None:
    environment = {
        "ONELOOK__SERVICE__DATABASE": "sqlite:///env.db",
        "ONELOOK__HTTP__PORT": "9001",
        "ONELOOK_CACHE": "x",
    }

    settings = read_settings(
        file, ["http.port=9002", "decoding.seconds=3"], {"http.host": "::1", "http.port": None}, environment
    )

    assert settings.service.database == "sqlite:///env.db"
    assert settings.service.batch == 8
    assert (settings.http.port, settings.http.host) == (9002, "::1")
    assert settings.fetching.allowed_networks == ("10.20.0.0/16",)
    assert settings.decoding.seconds == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[servise]\n", r"expected tables service, http, fetching, decoding, got 'servise'; did you mean 'service'\?"),
        ("port = 3\n", "expected tables .*, got 'port'"),
        ("[http]\nprot = 3\n", r"\[http\]: unknown setting 'prot'; did you mean 'port'\?"),
        ("[http]\nport = 'many'\n", r"\[http\]: port: expected a whole number, got 'many'"),
        ("[http]\nport = 99999\n", r"\[http\]: port: expected 0 to 65535, got 99999"),
        ("[fetching]\nallowed_networks = ['10.0.0.0/99']\n", r"allowed networks: expected such as 10\.1\.0\.0/16"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "onelook.toml").write_text(text)

    with pytest.raises(UserError, match=told) as caught:
        read_settings(tmp_path / "onelook.toml", environment={})
    assert str(caught.value).startswith(str(tmp_path / "onelook.toml"))


@pytest.mark.parametrize("pair", ["port=3", "web.port=3", "http=3"])
def test_a_wrong_pair_is_one_line(pair: str) -> None:
    with pytest.raises(
        UserError, match=r"--set: expected one of service\.KEY, http\.KEY, fetching\.KEY, decoding\.KEY, got"
    ):
        read_settings(pairs=[pair], environment={})


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(UserError, match="ONELOOK__WEB__PORT: expected one of"):
        read_settings(environment={"ONELOOK__WEB__PORT": "3"})
