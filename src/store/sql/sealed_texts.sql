-- Reads the texts of the next $2 seals behind the number $1.
SELECT seq, sealed
FROM audit_seals
WHERE seq > $1
ORDER BY seq
LIMIT $2
