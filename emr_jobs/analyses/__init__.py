"""Questions to the lake, an SQL file each: its first line is the question, its name begins with the table's.

Spark answers them: `emr_jobs/report.py` draws the answers, `cadabra sql -f FILE` prints one.
"""
