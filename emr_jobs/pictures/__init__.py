"""What the report shows: a picture for each question, how good the lists were, and the page around them."""
