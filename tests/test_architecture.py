"""The rooms as docs/architecture.md lays them out: who imports whom, what works without torch, how large things get."""

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "onelook"
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}

BASE = {"structures"}
ROOMS = {
    "structures": set[str](),
    "datasets": BASE,
    "models": BASE,
    "evaluation": BASE,
    "training": BASE | {"datasets", "models", "evaluation"},
    "inference": BASE | {"evaluation"},
    "experiments": BASE | {"datasets", "models", "evaluation", "training", "inference"},
    "service": BASE | {"inference", "datasets", "evaluation", "training", "experiments"},
    "cli": BASE | {"datasets", "models", "evaluation", "training", "inference", "experiments", "service", ""},
}
"""What each room may import, itself aside; "" is the package's own __init__."""

VERSION = "onelook.__version__"
"""Any room may say which onelook it is."""

WITHOUT_TORCH = ("structures", "datasets", "evaluation", "inference", "service")
WITH_TORCH = ("onelook.datasets.loader",)

BLOCKED = """
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchvision", "onnx", "matplotlib"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """Return the room of `onelook.room...`, "" for the package itself and its __main__."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (SOURCE / parts[1]).is_dir() else ""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the module of every import, inside functions too; `from a import b` counts as a and as a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from ((node.lineno, name.value) for name in node.args if isinstance(name, ast.Constant))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the name and the number of lines of every function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_a_room_imports_only_the_rooms_before_it(path: Path) -> None:
    room = room_of(module_name(path))
    if not room:
        return  # the package's own API and __main__ may name any room

    wrong = [
        f"{path}:{line}: {room} may not import {module}"
        for line, module in imports(path)
        if module.startswith((".", "onelook")) and module != VERSION and room_of(module) not in ROOMS[room] | {room}
    ]

    assert not wrong, "\n".join(wrong)


def test_every_room_is_one_of_the_design() -> None:
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}

    assert rooms <= set(ROOMS) | {"ui"}
    assert not list((SOURCE / "ui").rglob("*.py")), "the pages hold no Python"


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_a_room_imports_with_torch_and_all_that_the_base_install_lacks_absent(room: str) -> None:
    modules = [module_name(path) for path in FILES if room_of(module_name(path)) == room]
    names = [name for name in modules if name not in WITH_TORCH]

    done = subprocess.run([sys.executable, "-c", BLOCKED, *names], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = "import sys, onelook, onelook.cli.main; print(*sorted({'torch', 'cv2', 'numpy'} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout.strip() == "", done.stdout + done.stderr
    assert done.returncode == 0, done.stderr


def test_torchvision_is_absent() -> None:
    """It doesn't import beside the CPU build of torch, and breaks other packages once it is there."""
    assert importlib.util.find_spec("torchvision") is None


def test_no_file_or_room_has_a_name_that_says_nothing() -> None:
    wrong = [path for path in SOURCE.rglob("*") if path.stem.lower() in NAMELESS]

    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_files_and_functions_stay_small(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    long = [f"{name}: {count} lines" for name, count in functions(path) if count > LONGEST_FUNCTION]

    assert lines <= LONGEST_FILE
    assert not long
