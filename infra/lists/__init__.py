"""The lists from the command line: looked up, explained, put live, taken back."""
