-- Why were lines refused?
-- Grain: a reason.
SELECT reason, count(*) AS lines, max(arrived) AS newest, min(detail) AS example
FROM rejects
GROUP BY reason
ORDER BY lines DESC, reason
