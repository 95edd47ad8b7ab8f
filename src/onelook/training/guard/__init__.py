"""Looks at every step, says what is wrong with it and why, and does something about it."""
