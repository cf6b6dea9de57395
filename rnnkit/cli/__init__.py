"""The command line, `rnnkit` or `python -m rnnkit`. main.py parses the arguments; each subcommand has a file of its name.

The other files are parts of `train`: options, input files, output files, progress bar, signals and exit codes.
"""
