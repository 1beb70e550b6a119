-- Keeps anchors of the seal $1.
INSERT INTO audit_anchors (seq, kind, anchor)
SELECT $1, kind, anchor
FROM unnest($2::text[], $3::bytea[]) AS a (kind, anchor)
