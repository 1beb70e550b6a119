-- Reads the last seal of the chain.
SELECT sealed
FROM audit_seals
ORDER BY seq DESC
LIMIT 1
