-- What sells best?
-- Grain: an item, of the twenty that most customers bought. A guest's invoice counts as a customer.
SELECT
  stock_code,
  max_by(description, time) AS name,
  count(DISTINCT if(customer = '', invoice, customer)) AS customers,
  sum(quantity) AS pieces,
  sum(quantity * unit_price) AS sales
FROM orders
WHERE fate IN ('sale', 'guest')
GROUP BY stock_code
ORDER BY customers DESC, sales DESC, stock_code
LIMIT 20
