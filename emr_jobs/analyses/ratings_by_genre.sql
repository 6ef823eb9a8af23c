-- Which genres are rated how?
-- Grain: a genre and a rating, to the half; on a scale of more than five, to about its tenth. An item of several
-- genres counts for each.
WITH scale AS (
  SELECT if(max(rating) - min(rating) <= 5, 0.5, ceil((max(rating) - min(rating)) / 10)) AS step FROM ratings
)
SELECT
  genre,
  CAST(round(rating / step) * step AS DOUBLE) AS rating,
  count(*) AS ratings
FROM ratings JOIN (SELECT item, explode(genres) AS genre FROM items) USING (item) CROSS JOIN scale
GROUP BY ALL
ORDER BY genre, rating
