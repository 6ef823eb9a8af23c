-- Which items rise?
-- Grain: an item, of the twenty that most outdid themselves: invoices of the last fortnight over those of the
-- fortnight before. Five are added to both, so that one invoice after none is no rise.
WITH newest AS (SELECT max(time) AS time FROM orders),
fortnights AS (
  SELECT
    stock_code,
    max_by(description, orders.time) AS name,
    count(DISTINCT if(orders.time > newest.time - INTERVAL 14 DAYS, invoice, NULL)) AS invoices,
    count(DISTINCT if(orders.time > newest.time - INTERVAL 14 DAYS, NULL, invoice)) AS before
  FROM orders CROSS JOIN newest
  WHERE fate IN ('sale', 'guest') AND orders.time > newest.time - INTERVAL 28 DAYS
  GROUP BY stock_code
)
SELECT stock_code, name, before, invoices, (invoices + 5) / (before + 5) AS rise
FROM fortnights
WHERE invoices > before
ORDER BY rise DESC, stock_code
LIMIT 20
