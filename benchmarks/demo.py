"""The demo's training: AP50 of at least 0.90 on its held-out images in at most 4 minutes on two cores.

.venv/bin/python benchmarks/demo.py
"""

import json
import os
import subprocess
import sys
import tempfile
import time

from record import record


def main() -> None:
    """Run `onelook demo` and record what it says of itself."""
    load, began = os.getloadavg(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "onelook", "demo", "--out", f"{folder}/demo", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    record(
        "demo",
        load,
        {"ap50": said["ap50"], "train_seconds": said["seconds"], "whole_seconds": time.monotonic() - began},
    )


if __name__ == "__main__":
    main()
