"""What Darknet itself does while training: its losses, and the batch normalisation of its CPU code."""
