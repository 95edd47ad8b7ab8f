"""Charts by matplotlib, which is no part of the base install: with what it needs it is 56 MB, and predicting draws none."""

from typing import TYPE_CHECKING, Literal

from onelook.structures.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def blank_figure(
    inches: tuple[float, float], dots: int = 100, layout: Literal["constrained"] | None = None
) -> "Figure":
    """Return a white figure of so many inches, and dots an inch, that needs no screen.

    Raises UserError where matplotlib is not installed.
    """
    require_charts()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, dpi=dots, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    return figure


def require_charts() -> None:
    """Raise UserError where matplotlib is not installed; for long work to say so at its beginning."""
    try:
        import matplotlib.figure  # noqa: F401 - whether it can be
    except ImportError as error:
        raise UserError(f"charts: expected matplotlib installed, got {error}; pip install 'onelook[charts]'") from None
