"""How much disk `pip install onelook` takes: the files of every package that the base requirements bring, this one included."""

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


def base_install(bytecode: bool = False) -> dict[str, int]:
    """Return bytes by package, the largest first; packages are as they are installed here.

    Python's compiled files, which pip writes beside what it installs, count only with `bytecode`.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = [Requirement(text) for text in project["dependencies"]]
    sizes = {"onelook": sum(path.stat().st_size for path in (ROOT / "src").rglob("*") if _counts(path, bytecode))}
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name in sizes or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        try:
            found = distribution(wanted.name)
        except PackageNotFoundError:
            sys.exit(f"{wanted}: is not installed here")
        places = (Path(str(found.locate_file(file))) for file in found.files or ())
        sizes[name] = sum(place.stat().st_size for place in places if _counts(place, bytecode))
        waiting += [Requirement(text) for text in found.requires or () if not re.search(r"extra\s*==", text)]
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _counts(path: Path, bytecode: bool) -> bool:
    return path.is_file() and (bytecode or "__pycache__" not in path.parts)


if __name__ == "__main__":
    print({name: round(size / 1e6, 1) for name, size in base_install().items()})
    plain, compiled = (sum(base_install(bytecode).values()) / 1e6 for bytecode in (False, True))
    print(f"{plain:.0f} MB, {compiled:.0f} MB with Python's bytecode")
