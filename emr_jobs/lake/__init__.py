"""From raw objects to the Iceberg tables orders, rejects, ledger: what stands behind emr_jobs/ingest.py."""
