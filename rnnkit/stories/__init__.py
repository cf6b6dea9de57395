"""Experiments that show something: presets, remedies, pairs and guided tours, each with the claims that its text makes.

A test trains every claim on fresh seeds. What a page draws around a story is in pages/.
"""
