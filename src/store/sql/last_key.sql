-- Reads the seal of the key that signs at present.
SELECT sealed
FROM audit_seals
WHERE kind = 'key'
ORDER BY seq DESC
LIMIT 1
