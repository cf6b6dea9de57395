"""A run to take home: pictures, tables, a handout, a script and a notebook."""
