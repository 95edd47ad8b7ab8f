"""onelook turns labelled images into a served detector, and says why when it cannot."""

__version__ = "0.1.0"
