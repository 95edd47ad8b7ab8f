"""The pages in a real Chromium, served by `onelook serve` as a user starts it; screenshots go to build/screens."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.structures.small_models import random_arrays, small_bundle
from tests.ui.uploads import make_uploads

from onelook.service.client import Service
from onelook.service.pages.places import UI
from onelook.service.serving import WELCOME
from onelook.structures.bundle import Bundle, BundleSettings, darknet_bundle, write_bundle
from onelook.structures.network.cfg import parse_cfg
from onelook.structures.network.layers import describe

ROOT = Path(__file__).resolve().parents[2]
STREET = UI / "static" / "samples" / "street.jpg"
SCREENS = ROOT / "build" / "screens"
CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
]
"""What Chromium needs as root and in a closed network; its camera is a made-up one."""

CLASSIFIER = """[net]
width=32
height=32
channels=3
[convolutional]
filters=3
size=3
stride=2
pad=1
activation=linear
[avgpool]
[softmax]
"""
MOST_DATA = 30_000_000
"""Bytes of data that the service of most tests keeps: little enough to send more."""
MOST_PIXELS = 24_500_000
"""Of a picture: as many as a phone's, and few enough to exceed."""
ARCHIVE = "127.0.0.2"
"""The address that it may fetch pictures from."""
OWN = {
    "http.most_trainings": 0,
    "http.most_data": MOST_DATA,
    "decoding.most_pixels": MOST_PIXELS,
    "fetching.allowed_networks": ARCHIVE,
}
SIZES = {"phone": (390, 844), "laptop": (1280, 800), "large": (1920, 1080)}
QUICK = [
    "--port",
    "0",
    "--set",
    "http.notice_seconds=0",
    "--set",
    "http.key_seconds=0",
    "--set",
    "http.drain_seconds=5",
]


@dataclass
class Served:
    """A service that runs, and the folder that it runs in."""

    process: subprocess.Popen[str]
    address: str
    welcome: str
    folder: Path

    @property
    def key(self) -> str:
        """The administrator's."""
        return (self.folder / "key").read_text()


def serve(folder: Path, *words: str) -> Served:
    """Start `onelook serve` in a folder, with words of its command line, and wait until it answers."""
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "onelook", "serve", *QUICK, *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    told: list[str] = []
    while not told or not told[-1].startswith("http://"):
        line = process.stdout.readline()
        assert line, (folder / "log").read_text()
        told.append(line.strip())
        if line.startswith("first key"):
            (folder / "key").write_text(line.split()[-1])
    (welcome,) = (line.removeprefix(WELCOME) for line in told if line.startswith(WELCOME))
    return Served(process, told[-1], welcome, folder)


def stop(served: Served) -> None:
    """End a service, its workers with it."""
    served.process.terminate()
    served.process.wait(30)
    assert served.process.stdout is not None
    served.process.stdout.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a service with three shared models: yolo-fastest where its weights are at hand, a small one, and a classifier."""
    folder = tmp_path_factory.mktemp("served")
    service = serve(folder, *(word for key, value in OWN.items() for word in ("--set", f"{key}={value}")))
    real = ROOT.parent / "shared" / "weights" / "yolo-fastest" / "yolo-fastest-1.1_coco"
    small = small_bundle()
    write_bundle(folder / "small", small)
    cfg, weights, names = (real / name for name in ("yolo-fastest-1.1.cfg", "yolo-fastest-1.1.weights", "coco.names"))
    write_bundle(folder / "default", darknet_bundle(cfg, weights, names) if real.is_dir() else small)
    cfg = parse_cfg(CLASSIFIER, "judge.cfg")
    judge = Bundle(cfg, ("ant", "bee", "cat"), random_arrays(describe(cfg)), BundleSettings(32, 32))
    write_bundle(folder / "judge", judge)
    with service_of(service) as api:
        for name in ("default", "small", "judge"):
            api.publish(name, folder / name, shared=True)
            api.detect(STREET, name)  # from here on the worker lives, and has them loaded
    yield service
    stop(service)


@pytest.fixture(scope="session")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what tests upload: cells.zip, broken.zip, tiny.cfg, and the cells themselves below blood/."""
    return make_uploads(tmp_path_factory.mktemp("uploads"))


@pytest.fixture(scope="session")
def data(served: Served, uploads: Path) -> str:
    """Return the id of the cells as they were uploaded under the name `smears`; they stay."""
    with service_of(served) as api:
        return api.upload_data(uploads / "cells.zip", "smears").id


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Give a browser; skip, loudly, where none is installed."""
    if CHROMIUM is None:
        pytest.skip("CHROMIUM ABSENT: apt-get install chromium; the pages were not tried in a browser")
    playwright = pytest.importorskip("playwright.sync_api", reason="PLAYWRIGHT ABSENT: pip install 'onelook[dev]'")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


Open = Callable[..., Any]


@pytest.fixture
def open_page(chromium: Any, served: Served) -> Iterator[Open]:
    """Return a function that opens a path in a new browser that has signed in; whatever its console says is a mistake."""
    contexts, said = [], []

    def opened(path: str = "/", size: str = "laptop", sign_in: bool = True, **options: Any) -> Any:
        width, height = SIZES[size]
        context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-GB", **options)
        contexts.append(context)
        if sign_in:
            signed_in(context, served)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda line: said.append(line.text) if "Content Security Policy" in line.text else None)
        page.goto(served.address + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


def service_of(served: Served, key: str = "") -> Service:
    """Return a client of the service, by default by the administrator's key."""
    return Service(served.address, key or served.key)


def signed_in(context: Any, served: Served) -> None:
    """Sign a browser in by the administrator's key."""
    answer = context.request.post(
        f"{served.address}/session", form={"key": served.key}, headers={"Accept": "application/json"}
    )
    assert answer.ok, answer.text()


def sign_in_again(page: Any, served: Served) -> None:
    """Give the key to the dialog that asks for it over the page."""
    page.locator("#sign-in-key").fill(served.key)
    page.keyboard.press("Enter")


def keep_screen(page: Any, name: str) -> None:
    """Keep a picture of the whole page in build/screens."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{name}.png", full_page=True)


def keep_numbers(name: str, numbers: dict[str, float]) -> None:
    """Keep what was measured beside the screens."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    (SCREENS / f"{name}.json").write_text(json.dumps(numbers, indent=1) + "\n")


def serious_issues(page: Any, *rules: str) -> list[str]:
    """Return what axe finds on the page that is serious or critical, a line an element; by some of its rules, or by all."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="AXE ABSENT: pip install 'onelook[dev]'")
    found = axe.Axe().run(page, options={"runOnly": list(rules)} if rules else None).response["violations"]
    return [
        f"{each['id']}: {node['html']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
