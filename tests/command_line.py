"""What tests of the command line share."""

SMALL = ["--length", "10", "--hidden", "8", "--batch", "8", "--replicas", "2", "--steps", "12", "--quiet"]
