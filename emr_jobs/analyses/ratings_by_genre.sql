-- Which genres are rated how?
-- Grain: a genre and a rating, to the half. An item of several genres counts for each.
SELECT
  genre,
  round(rating * 2) / 2 AS rating,
  count(*) AS ratings
FROM ratings JOIN (SELECT item, explode(genres) AS genre FROM items) USING (item)
GROUP BY ALL
ORDER BY genre, rating
