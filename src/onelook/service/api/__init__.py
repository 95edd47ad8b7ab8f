"""What answers HTTP: the app, who may ask, what is counted and logged."""
