-- What do people rate highest?
-- Grain: an item, of the twenty best by Bayesian average: each item is given fifty votes of the mean of all
-- beforehand, so that few votes prove little. `average` is the plain one.
WITH every AS (SELECT avg(rating) AS mean FROM ratings),
voted AS (
  SELECT item, count(*) AS votes, avg(rating) AS average
  FROM ratings
  GROUP BY item
)
SELECT
  voted.item,
  coalesce(items.title, voted.item) AS title,
  votes,
  average,
  (votes * average + 50 * every.mean) / (votes + 50) AS bayesian
FROM voted CROSS JOIN every LEFT JOIN items ON items.item = voted.item
ORDER BY bayesian DESC, votes DESC, voted.item
LIMIT 20
