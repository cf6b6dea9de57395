"""What the command line (rnnkit/__main__.py) is made of: its files, its end, its progress bar."""
