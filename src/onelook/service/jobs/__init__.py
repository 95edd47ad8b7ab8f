"""The job table: how a job comes in, is taken, ends and is forgotten."""
