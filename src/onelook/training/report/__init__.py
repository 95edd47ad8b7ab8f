"""What a run shows: chart, report, pictures and the predictions that they are made of."""
