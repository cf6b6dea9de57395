"""Computes a training step: cells, initial weights, fixes, optimizers, losses, and backpropagation through time by hand.

trainer.py puts them together and yields Records; history.py holds the Records of one run. Only what computes imports torch.
"""
