"""Models that are served: versions that never change, and a pointer to the one in use."""
