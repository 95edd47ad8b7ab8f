"""Stopping anywhere and going on: checkpoints, signals, signs of life, and the cause of a death."""
