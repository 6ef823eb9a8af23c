-- How large is a basket?
-- Grain: baskets of so many different items; the last row has all of fifty and more.
WITH baskets AS (
  SELECT
    invoice,
    count(DISTINCT stock_code) AS items,
    sum(quantity * unit_price) AS sales
  FROM orders
  WHERE fate IN ('sale', 'guest')
  GROUP BY invoice
)
SELECT least(items, 50) AS items, count(*) AS baskets, sum(sales) AS sales
FROM baskets
GROUP BY ALL
ORDER BY items
