"""What looks on while a run goes: pace, the machine's resources, the live table."""
