"""The drawings. Each is a Streamlit component: a Python file sends its data, a .js and a .css file draw it.

drawing.py registers a component. Several share drawing.js, frame_codec.js, numbers.js, place.js and viridis.js. frame.js reads
and writes what only the browser knows, such as its history.
"""
