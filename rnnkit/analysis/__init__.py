"""Interprets results: theory of gradients, the ledger of one pass, and the sentences about a run.

Works on Histories, arrays and Experiments, with numpy alone. rnnkit/studies has what must train or run a network.
"""
