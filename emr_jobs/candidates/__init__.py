"""What may stand in a customer's lists: each source of candidates is a module, `sources` gathers them."""
