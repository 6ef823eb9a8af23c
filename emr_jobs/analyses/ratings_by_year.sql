-- How are ratings given from year to year?
-- Grain: a year and a rating, to the half. Ratings without a time, which stand at 1970, are left out.
SELECT
  year(time) AS year,
  round(rating * 2) / 2 AS rating,
  count(*) AS ratings
FROM ratings
WHERE time > TIMESTAMP '1970-01-01 00:00:00Z'
GROUP BY ALL
ORDER BY year, rating
