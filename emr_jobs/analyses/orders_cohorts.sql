-- Do customers come back?
-- Grain: the customers whose first order was in a month, so many months later.
WITH months AS (
  SELECT DISTINCT customer, CAST(date_trunc('MONTH', time) AS DATE) AS month
  FROM orders
  WHERE fate = 'sale'
),
firsts AS (
  SELECT customer, min(month) AS cohort FROM months GROUP BY customer
),
sizes AS (
  SELECT cohort, count(*) AS customers FROM firsts GROUP BY cohort
)
SELECT
  cohort,
  CAST(months_between(month, cohort) AS INT) AS later,
  count(*) AS customers,
  count(*) / max(sizes.customers) AS share
FROM months JOIN firsts USING (customer) JOIN sizes USING (cohort)
GROUP BY cohort, later
ORDER BY cohort, later
