"""What a run will take, measured and counted before and while it goes: hours, memory, disk, and settings that contradict."""
