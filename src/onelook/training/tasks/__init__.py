"""Kinds of training behind one seam: detectors and classifiers, and how what a user named becomes one of them."""
