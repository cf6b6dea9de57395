"""Named experiments with texts: presets, pairs, remedies and guided tours.

A Claim states what a text says about its networks, and a test trains it on fresh seeds. The drawings are in pages/.
"""
