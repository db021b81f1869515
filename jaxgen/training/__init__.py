"""Training: the state, the optimisers, the train step, the loop, checkpoints, the log."""
