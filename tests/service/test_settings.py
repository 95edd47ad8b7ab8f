import re
from dataclasses import fields
from pathlib import Path

import pytest

from onelook.service.api.settings import RANGES as HTTP_RANGES
from onelook.service.api.settings import HttpSettings
from onelook.service.decoding import DecodeSettings
from onelook.service.fetching import FetchSettings
from onelook.service.settings import RANGES, ServiceSettings
from onelook.structures.errors import UserError

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
    with pytest.raises(UserError, match=f"{name}: expected "):
        ServiceSettings(**{name: RANGES[name][0] - 1})


HTTP_PAGE = PAGE.with_name("service.md")


@pytest.mark.parametrize("kind", [HttpSettings, FetchSettings, DecodeSettings])
def test_every_setting_of_the_http_side_stands_on_its_page(kind: type) -> None:
    for field in fields(kind):
        default = (
            "none"
            if field.default == ()
            else f"{field.default:g}"
            if isinstance(field.default, float)
            else field.default
        )
        assert f"| `{field.name}` | {default} |" in HTTP_PAGE.read_text(), field.name


@pytest.mark.parametrize("name", HTTP_RANGES)
def test_a_number_of_the_http_side_out_of_range_is_told(name: str) -> None:
    with pytest.raises(UserError, match=f"{name}: expected "):
        HttpSettings(**{name: HTTP_RANGES[name][1] + 1})
