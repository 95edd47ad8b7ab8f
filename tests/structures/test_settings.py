"""Settings: types from text, unknown keys refused, TOML both ways."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from onelook.structures.errors import FormatError, UserError
from onelook.structures.settings import as_values, make_settings, parse_overrides, read_toml, to_toml


@dataclass(frozen=True)
class Example:
    """One field of every type."""

    epochs: int = 1
    rate: float = 0.5
    flip: bool = True
    name: str = "a"
    folder: Path = Path()
    steps: tuple[int, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.epochs < 0:
            raise UserError(f"epochs: expected at least 0, got {self.epochs}")


def made(**values: object) -> Example:
    return make_settings(Example, values, "x.toml")


def test_text_becomes_the_field_s_type() -> None:
    values = {"epochs": "3", "rate": "1e-3", "flip": "no", "folder": "a/b", "steps": "1,2", "seed": "none"}

    assert made(**values) == Example(3, 0.001, flip=False, folder=Path("a/b"), steps=(1, 2), seed=None)


@pytest.mark.parametrize(
    ("given", "value"), [("1e3", 1000), (2.0, 2), ("9007199254740993", 9007199254740993), (-1, -1)]
)
def test_whole_numbers_stay_exact(given: object, value: int) -> None:
    assert made(seed=given).seed == value


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch": 3}, "x.toml: unknown setting 'epoch'; did you mean 'epochs'"),
        ({"epochs": 2.5}, "x.toml: epochs: expected a whole number, got 2.5"),
        ({"epochs": "many"}, "expected a whole number, got 'many'"),
        ({"epochs": "inf"}, "expected a whole number"),
        ({"epochs": True}, "expected a whole number, got True"),
        ({"rate": "fast"}, "rate: expected a number, got 'fast'"),
        ({"flip": "maybe"}, "flip: expected true or false, got 'maybe'"),
        ({"steps": 3}, "steps: expected a list, got 3"),
        ({"steps": "1,x"}, "steps: expected a whole number, got 'x'"),
        ({"epochs": -1}, "x.toml: epochs: expected at least 0, got -1"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_was_expected(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        made(**values)


def test_overrides_are_key_and_value() -> None:
    assert parse_overrides(["epochs=3", "name = a=b "]) == {"epochs": "3", "name": "a=b"}
    for wrong in ("epochs", "=3"):
        with pytest.raises(UserError, match="expected key=value"):
            parse_overrides([wrong])


def test_settings_survive_toml(tmp_path: Path) -> None:
    settings = Example(7, 1e-05, flip=False, name='say "hi"\\\n\U0001f600\x07', steps=(3, 4))
    (tmp_path / "x.toml").write_text(to_toml(as_values(settings)), encoding="utf-8")

    assert make_settings(Example, read_toml(tmp_path / "x.toml"), "x.toml") == settings


def test_numbers_of_numpy_lists_and_nested_tables_survive_toml() -> None:
    metrics = {
        "ap": np.float64(0.5),
        "count": np.int64(3),
        "fine": np.bool_(True),
        "undefined": None,
        "per_class": [{"class": "a b", "ap": np.float32(0.25), "none": None}],
        "odd key!": float("nan"),
    }

    back = tomllib.loads(to_toml({"width": 3, "metrics": metrics}))

    assert back["width"] == 3
    assert (back["metrics"]["ap"], back["metrics"]["count"], back["metrics"]["fine"]) == (0.5, 3, True)
    assert back["metrics"]["per_class"] == [{"class": "a b", "ap": 0.25}]
    assert "undefined" not in back["metrics"]
    assert np.isnan(back["metrics"]["odd key!"])


@pytest.mark.parametrize("text", [b"a = ", b"\xff\xfe"])
def test_what_is_no_toml_is_told_with_the_file(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "x.toml").write_bytes(text)

    with pytest.raises(FormatError, match=r"x\.toml: expected TOML, got"):
        read_toml(tmp_path / "x.toml")
    with pytest.raises(FormatError, match="expected a TOML file, got No such file"):
        read_toml(tmp_path / "absent.toml")
