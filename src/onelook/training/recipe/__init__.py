"""How weights change from step to step: rates, optimizers, what is frozen, when it ends."""
