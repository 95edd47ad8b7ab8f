"""Turns predictions and truth into numbers, curves and intervals under named rules; knows neither networks nor files."""
