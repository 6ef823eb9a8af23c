-- How soon can a line be learnt from?
-- Grain: an hour of arrival, of the last hundred and sixty-eight: minutes from an object's arrival in S3 until
-- its lines stood in the lake.
SELECT
  date_trunc('HOUR', arrived) AS hour,
  count(*) AS objects,
  percentile(timestampdiff(SECOND, arrived, ingested) / 60, 0.5) AS median,
  max(timestampdiff(SECOND, arrived, ingested) / 60) AS longest
FROM ledger
GROUP BY ALL
ORDER BY hour DESC
LIMIT 168
