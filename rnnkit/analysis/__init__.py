"""Says what numbers mean: theory beside measured gradients, the ledger of one pass, and a run's result in sentences.

Works on Histories, arrays and Experiments, with numpy alone. What needs a network to be trained or run is in rnnkit/studies.
"""
