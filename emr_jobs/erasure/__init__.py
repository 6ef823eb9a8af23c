"""What is known of a customer is taken out of every place it lies in: what stands behind `cadabra erase`.

requests     which erasures are asked for, and the receipts of those that are done
raw_objects  the order lines in S3, replaced by marks
tables       orders, rejects and ledger; no file of theirs is left that held the customer
places       lists, models, publications and Firehose's error objects
work         all of it in order, inside a run and under its lease; called by ingest
"""
