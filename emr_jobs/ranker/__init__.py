"""The learned second stage: features of candidates, and the forest that puts them in order."""
