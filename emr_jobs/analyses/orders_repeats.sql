-- How much of what customers buy have they bought before?
-- Grain: a month. A repeat is an item on another invoice of the same customer, later than its first.
WITH purchases AS (
  SELECT customer, stock_code, invoice, min(time) AS time
  FROM orders
  WHERE fate = 'sale'
  GROUP BY customer, stock_code, invoice
),
numbered AS (
  SELECT *, row_number() OVER (PARTITION BY customer, stock_code ORDER BY time, invoice) AS place
  FROM purchases
)
SELECT
  CAST(date_trunc('MONTH', time) AS DATE) AS month,
  count(*) AS purchases,
  count_if(place > 1) AS repeats,
  count_if(place > 1) / count(*) AS share
FROM numbered
GROUP BY ALL
ORDER BY month
