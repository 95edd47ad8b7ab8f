"""Many trainings as one: a plan becomes runs, runs become rows, each with what was asked, what came of it and what it took."""
