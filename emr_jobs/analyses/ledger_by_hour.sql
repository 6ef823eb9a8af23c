-- What became of every line that landed?
-- Grain: an hour of arrival, of the last hundred and sixty-eight in which anything came; lines by fate.
SELECT
  date_trunc('HOUR', arrived) AS hour,
  count(*) AS objects,
  sum(landed) AS landed,
  sum(sale) AS sale,
  sum(`return`) AS `return`,
  sum(fee) AS fee,
  sum(guest) AS guest,
  sum(duplicate) AS duplicate,
  sum(erased) AS erased,
  sum(rejected) AS rejected
FROM ledger
GROUP BY ALL
ORDER BY hour DESC
LIMIT 168
