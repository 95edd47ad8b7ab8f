"""How data lies on the disk: read in bounds, laid out in folders, packed in archives, placed in new folders."""
