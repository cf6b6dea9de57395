"""The list of a session's runs on the page Compare: its table, and the charts that draw several runs together.

Which runs are in it is kept in pages/state/run_list.py.
"""
