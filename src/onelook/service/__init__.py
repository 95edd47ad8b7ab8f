"""Answers HTTP: jobs, models, trainings and clients; one model a client, no job lost, none mixed up. Needs no torch."""
