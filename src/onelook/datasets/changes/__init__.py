"""One data set made of another: classes mapped, sets joined, parts taken, divided into splits, mended."""
