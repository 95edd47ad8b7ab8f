"""Pages that stand alone: one look, light and dark, for a run's report and for whatever else is reported."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onelook.evaluation.bootstrap import Interval

TEMPLATES = Path(__file__).parent
"""Where page.html.jinja lies, which all pages extend."""


def render_page(template: str, context: Mapping[str, Any], folder: Path = TEMPLATES) -> str:
    """Return the page as HTML; the template lies in `folder`, and may extend those of this room."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(share=share, percent=percent, span=span, plain=plain)
    return environment.get_template(template).render(context)


def share(value: float | None) -> str:
    """Return a number from 0 to 1 with three digits, a dash for none."""
    return "-" if value is None else f"{value:.3f}"


def percent(value: float | None) -> str:
    """Return a share as a percentage, a dash for none."""
    return "-" if value is None else f"{100 * value:.0f} %"


def span(interval: Interval | None) -> str:
    """Return both ends of an interval, nothing where it has none."""
    return "" if interval is None or interval.low is None else f"{interval.low:.3f} to {interval.high:.3f}"


def plain(value: Any) -> str:
    """Return a setting's value as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int) and abs(value) >= 10_000:
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    return str(value)
