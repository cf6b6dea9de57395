"""Trains runs for many viewers at once: a pool of worker processes, a fair queue, limits, the event log.

run_pool.py is what the dashboard calls; worker.py runs in the processes. The server's side never imports torch.
"""
