"""Writes a run into files to take home: charts as SVG and PNG, tables, a handout, a PyTorch script and a notebook.

Each function takes an Experiment or a History and returns text or bytes. Nothing here trains.
"""
