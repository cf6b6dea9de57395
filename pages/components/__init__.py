"""The drawings: a Streamlit component each, with a Python file that packs its data and a .js and a .css file that draw it.

A component knows nothing of pages or viewers. frame.js, place.js, numbers.js and viridis.js are shared by the others.
"""
