"""What crosses a border between two folders. Standard library only: a Lambda and an agent carry it."""
