-- Where do customers live?
-- Grain: a country.
SELECT
  country,
  count(DISTINCT nullif(customer, '')) AS customers,
  count(DISTINCT invoice) AS invoices,
  sum(quantity * unit_price) AS sales
FROM orders
WHERE fate IN ('sale', 'guest')
GROUP BY country
ORDER BY sales DESC, country
