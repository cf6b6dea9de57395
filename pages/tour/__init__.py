"""The guided tour: its panel and menu, where a viewer is in it, and how it points at parts of a page.

tour.toml holds the texts of the built-in tour; docs/tours.md explains the format of a tour's file.
"""
