"""Experiments over experiments: grids of trainings, their results, the store, and what carries them out (executors/)."""
