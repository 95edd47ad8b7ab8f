"""Data that clients upload and the trainings on it: each in a folder of its own, run as `onelook train` in a process of its own."""
