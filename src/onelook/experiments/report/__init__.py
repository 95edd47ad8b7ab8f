"""Finished runs become tables, intervals, statements and one page."""
