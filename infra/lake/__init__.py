"""The lake from the command line: its tables, whether they add up, SQL, a report, erasing."""
