"""The command line, `rnnkit` or `python -m rnnkit`: main.py reads the arguments, and each subcommand is a file of its name.

The other files are parts of `train`: its options, input and output files, progress bar, signals and exit codes.
"""
