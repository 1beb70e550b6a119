-- Finds the number of a seal.
SELECT seq
FROM audit_seals
WHERE seal = $1
