-- How do sales and customers go from week to week?
-- Grain: a week, known by its Monday. The last one may not be over.
SELECT
  CAST(date_trunc('WEEK', time) AS DATE) AS week,
  count(DISTINCT invoice) AS invoices,
  count(DISTINCT nullif(customer, '')) AS customers,
  sum(quantity * unit_price) AS sales
FROM orders
WHERE fate IN ('sale', 'guest')
GROUP BY ALL
ORDER BY week
