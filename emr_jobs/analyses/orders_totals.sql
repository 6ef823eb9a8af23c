-- How large is the shop?
-- Grain: all that the lake holds.
SELECT
  count(*) AS order_lines,
  count(DISTINCT invoice) AS invoices,
  count(DISTINCT nullif(customer, '')) AS customers,
  count(DISTINCT stock_code) AS items,
  min(time) AS first_order,
  max(time) AS newest_order
FROM orders
