"""The list of a session's runs on the page Compare: its table, and the charts that draw several runs together.

pages/state/run_list.py holds the list itself.
"""
