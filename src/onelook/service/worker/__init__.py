"""The process that computes: takes a batch, fetches its images, predicts, writes the results."""
