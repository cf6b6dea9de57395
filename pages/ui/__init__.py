"""What pages are made of: the registry of pages, sidebar, header, layout, live run, charts, downloads and errors.

Files here draw parts that several pages share. They import no page, except through registry.py.
"""
