"""A torch module for every kind of section: a file a family, one table."""
