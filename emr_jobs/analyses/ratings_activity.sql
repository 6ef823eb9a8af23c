-- How active are the raters?
-- Grain: a month. Ratings without a time, which stand at 1970, are left out.
SELECT
  CAST(date_trunc('MONTH', time) AS DATE) AS month,
  count(*) AS ratings,
  count(DISTINCT user) AS users,
  avg(rating) AS average
FROM ratings
WHERE time > TIMESTAMP '1970-01-01 00:00:00Z'
GROUP BY ALL
ORDER BY month
