"""The words every room speaks: boxes, detections, truth, images and how they fit a network, classes, errors, files."""
