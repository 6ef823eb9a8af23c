"""How good lists are: by what was bought after them, beside simple baselines, and if they may go live."""
