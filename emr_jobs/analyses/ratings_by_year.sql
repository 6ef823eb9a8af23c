-- How are ratings given from year to year?
-- Grain: a year and a rating, to the half; on a scale of more than five, to about its tenth. Ratings without a
-- time, which stand at 1970, are left out.
WITH scale AS (
  SELECT if(max(rating) - min(rating) <= 5, 0.5, ceil((max(rating) - min(rating)) / 10)) AS step FROM ratings
)
SELECT
  year(time) AS year,
  CAST(round(rating / step) * step AS DOUBLE) AS rating,
  count(*) AS ratings
FROM ratings CROSS JOIN scale
WHERE time > TIMESTAMP '1970-01-01 00:00:00Z'
GROUP BY ALL
ORDER BY year, rating
