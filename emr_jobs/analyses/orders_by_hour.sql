-- When do customers order?
-- Grain: an hour of the week, UTC. Monday is 0.
SELECT
  weekday(time) AS weekday,
  hour(time) AS hour,
  count(DISTINCT invoice) AS invoices,
  count(DISTINCT nullif(customer, '')) AS customers,
  sum(quantity * unit_price) AS sales
FROM orders
WHERE fate IN ('sale', 'guest')
GROUP BY ALL
ORDER BY weekday, hour
