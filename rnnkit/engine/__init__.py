"""Computes a training step: cells, initial weights, fixes, optimizers, losses, and backpropagation through time by hand.

step.py holds the two functions of a training step, learners/ what turns gradients into new weights, recorder.py what makes
Records, and trainer.py the loop. history.py holds the Records of one run. Only what computes imports torch.
"""
