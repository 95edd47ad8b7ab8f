"""Turns a network and a data set into a run: settings, schedule, loop, checkpoints, chart and report."""
