"""What each kind of section takes, gives and stores: a file a family of sections, one table."""
