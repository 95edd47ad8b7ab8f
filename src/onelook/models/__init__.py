"""Networks from Darknet cfg files, their weights and their losses."""
