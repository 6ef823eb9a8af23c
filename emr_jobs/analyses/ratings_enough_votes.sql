-- What do people rate highest, of what many rated?
-- Grain: an item, of the twenty with the best average among those with enough votes: the ninety-fifth
-- percentile of all items' votes.
WITH voted AS (
  SELECT item, count(*) AS votes, avg(rating) AS average
  FROM ratings
  GROUP BY item
),
enough AS (SELECT percentile(votes, 0.95) AS votes FROM voted)
SELECT voted.item, coalesce(items.title, voted.item) AS title, voted.votes, average
FROM voted CROSS JOIN enough LEFT JOIN items ON items.item = voted.item
WHERE voted.votes >= enough.votes
ORDER BY average DESC, voted.votes DESC, voted.item
LIMIT 20
