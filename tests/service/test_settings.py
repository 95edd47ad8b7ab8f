import re
from dataclasses import fields
from pathlib import Path

import pytest

from onelook.service.settings import RANGES, ServiceSettings
from onelook.service.worker.settings import read_worker_settings
from onelook.structures.errors import UserError
from onelook.structures.settings import to_toml

PAGE = Path(__file__).resolve().parents[2] / "docs" / "jobs.md"


@pytest.mark.parametrize("field", fields(ServiceSettings), ids=lambda field: field.name)
def test_every_setting_stands_on_the_page_with_its_default(field: object) -> None:
    name, default = field.name, field.default
    row = next((line for line in PAGE.read_text().splitlines() if re.match(rf"\|[^|]*`{name}`", line)), None)

    assert row is not None, f"docs/jobs.md says nothing of {name}"
    names, defaults = (cell.replace("`", "").split(",") for cell in row.split("|")[1:3])
    said = defaults[[each.strip() for each in names].index(name)].strip()
    assert said == (f"{default:g}" if isinstance(default, float) else str(default))


@pytest.mark.parametrize("name", RANGES)
def test_a_number_out_of_range_is_told(name: str) -> None:
    with pytest.raises(UserError, match=f"{name}: expected a number from"):
        ServiceSettings(**{name: RANGES[name][0] - 1})


def test_a_file_and_the_command_line_are_joined(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text(to_toml({"service": {"lease": 5, "batch": 4}, "fetching": {"deadline": 3.0}, "http": {"port": 1}}))

    read = read_worker_settings(file, {"database": "sqlite:///x.db"})

    assert (read.service.lease, read.service.batch, read.service.database) == (5.0, 4, "sqlite:///x.db")
    assert read.fetching.deadline == 3
    for text, words in (("[servce]\nlease=1", "expected the tables"), ("[service]\nleese=1", "did you mean 'lease'")):
        file.write_text(text)
        with pytest.raises(UserError, match=words):
            read_worker_settings(file, {})
