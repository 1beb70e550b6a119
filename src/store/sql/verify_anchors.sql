-- Reads the anchors of the seals $1 to $2, without those limits where they are NULL.
SELECT seq, at, kind, anchor
FROM audit_anchors
WHERE ($1::bigint IS NULL OR seq >= $1)
  AND ($2::bigint IS NULL OR seq <= $2)
ORDER BY seq, kind, at
