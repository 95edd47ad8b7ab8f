"""A bundle and an image in, detections in that image's pixels out; exports bundles; needs no torch."""
