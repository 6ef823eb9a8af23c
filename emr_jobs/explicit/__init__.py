"""What people rated, with stars: the file, the tables, four models beside each other, everybody's top."""
