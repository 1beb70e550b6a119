-- Reads the last kept edge of the tree of seals.
SELECT seq, anchor
FROM audit_anchors
WHERE kind = 'edge'
ORDER BY seq DESC, at DESC
LIMIT 1
