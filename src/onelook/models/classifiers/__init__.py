"""Networks that say what an image shows: one file each, under the names that published weights have."""
