"""Write docs/openapi.json, the description of the HTTP API: `make docs`. A test compares it with what the app says."""

import json
from pathlib import Path

from onelook.service.api.app import create_app

PAGE = Path(__file__).with_name("openapi.json")


def document() -> str:
    """Return the OpenAPI 3.1 document as it is committed."""
    return json.dumps(create_app().openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
    print(f"wrote {PAGE}")
