-- What comes back?
-- Grain: an item, of the twenty of which most of the pieces came back, among those that sold a hundred. What
-- the shop itself took off its shelves, as damaged, has no customer and does not count.
SELECT
  stock_code,
  max_by(description, time) FILTER (WHERE fate <> 'return') AS name,
  sum(if(fate = 'return', 0, quantity)) AS sold,
  sum(if(fate = 'return', abs(quantity), 0)) AS returned,
  try_divide(sum(if(fate = 'return', abs(quantity), 0)), sum(if(fate = 'return', 0, quantity))) AS share
FROM orders
WHERE fate IN ('sale', 'guest') OR (fate = 'return' AND customer <> '')
GROUP BY stock_code
HAVING sold >= 100 AND returned > 0
ORDER BY share DESC, stock_code
LIMIT 20
