"""Training: one Lightning module, its callbacks, the data module, recogniser training."""
