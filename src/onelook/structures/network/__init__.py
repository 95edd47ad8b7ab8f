"""Darknet's description of a network, without torch: the `.cfg`, its shapes, the `.weights`, and how outputs become boxes."""
