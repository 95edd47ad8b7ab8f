"""Labelled images: read, checked, converted, split, counted, augmented and loaded; formats/ holds one file a format."""
