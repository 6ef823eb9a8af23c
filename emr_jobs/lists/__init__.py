"""Every customer's and item's lists: scored, picked, explained, and as the rows that are served."""
