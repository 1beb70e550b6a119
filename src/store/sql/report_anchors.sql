-- Counts the anchors that the database keeps, by their kinds.
SELECT kind, count(*) AS anchors, max(seq) AS last_seq,
       greatest('0001-01-01Z', least('9999-12-31Z', max(at))) AS last_at
FROM audit_anchors
WHERE kind <> 'edge'
GROUP BY kind
ORDER BY kind COLLATE "C"
