"""ONNX nodes for every kind of section: a file a family, one table."""
