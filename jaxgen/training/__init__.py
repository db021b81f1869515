"""Training: the state, the optimisers, the step by turns, the loop, checkpoints, the log."""
