"""Findings as one page that needs nothing else: a section a code, with some of the guilty images drawn."""

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path

from PIL import Image as Pillow

from onelook.datasets.checks.guilty import guilty_images
from onelook.datasets.dataset import Dataset
from onelook.datasets.findings import CODES, ERROR, Finding
from onelook.datasets.show import photographs
from onelook.structures.drawing import draw_boxes
from onelook.structures.errors import FormatError
from onelook.structures.files import write_text

MOST_DRAWN = 6
"""Pictures of one code that are drawn."""

MOST_TOLD = 200
"""Findings of one code that are listed."""

_SIDE = 320
_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222;background:#fff}
h2{margin-top:2em}figure{display:inline-block;margin:.5em;vertical-align:top;width:320px}figcaption{font-size:12px;overflow-wrap:anywhere}
li{overflow-wrap:anywhere}.error{color:#b00020}.warning{color:#8a5a00}"""


def write_findings_page(path: Path, dataset: Dataset, findings: Sequence[Finding]) -> None:
    """Write the page; names and words from the data are escaped, so that nothing in them is executed."""
    errors = sum(finding.severity == "error" for finding in findings)
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>onelook data check</title>",
        f"<style>{_STYLE}</style><h1>{escape(_plain(dataset.root))}</h1>",
        f"<p>{len(dataset)} images, {len(dataset.boxes)} boxes: {errors} errors, {len(findings) - errors} warnings</p>",
    ]
    gravest = sorted(CODES.items(), key=lambda item: item[1][0] != ERROR)
    there = [code for code, _ in gravest if any(finding.code == code for finding in findings)]
    parts.append(f"<p>{' · '.join(f'<a href=#{code}>{code}</a>' for code in there) or 'nothing was found'}</p>")
    for code, (severity, meaning) in gravest:
        own = [finding for finding in findings if finding.code == code]
        if own:
            parts.append(
                f"<h2 id={code}><span class={severity}>{severity}</span> {code}: {len(own)}</h2><p>{escape(meaning)}</p>"
            )
            parts += _figures(dataset, own)
            lines = [f"<li>{escape(_plain(finding))}</li>" for finding in own[:MOST_TOLD]]
            more = f"<p>and {len(own) - MOST_TOLD} more</p>" if len(own) > MOST_TOLD else ""
            parts.append(f"<ul>{''.join(lines)}</ul>{more}")
    write_text(path, "\n".join(parts) + "\n</html>\n")


def _plain(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode()


def _figures(dataset: Dataset, findings: Sequence[Finding]) -> list[str]:
    """Return the pictures that findings name, or whose label they name, and those that they are like, with their boxes."""
    found = [index for guilty in guilty_images(dataset, findings) for index in guilty]
    figures = []
    for index in list(dict.fromkeys(found))[:MOST_DRAWN]:
        try:
            sample = next(photographs(dataset, [index], _SIDE))
        except FormatError:
            continue  # it is the fault itself
        names = [dataset.names[place] for place in sample.classes]
        data = BytesIO()
        Pillow.fromarray(draw_boxes(sample.image, sample.boxes, sample.classes, names)).save(data, "JPEG", quality=80)
        uri = base64.b64encode(data.getvalue()).decode()
        caption = escape(_plain(Path(dataset.paths[index].parent.name, dataset.paths[index].name)))
        figures.append(
            f'<figure><img alt="" width={_SIDE} src="data:image/jpeg;base64,{uri}"><figcaption>{caption}</figcaption></figure>'
        )
    return figures
