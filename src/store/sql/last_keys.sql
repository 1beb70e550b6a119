-- Reads the seals of the last keys, the newest first, and whether a checkpoint was kept at each of
-- them or behind it. Two runs at once may announce one key twice, so more than two are read.
SELECT s.sealed,
       EXISTS (
           SELECT FROM audit_anchors AS a
           WHERE a.kind = 'checkpoint'
             AND a.seq >= s.seq
       ) AS has_checkpoint
FROM audit_seals AS s
WHERE s.kind = 'key'
ORDER BY s.seq DESC
LIMIT 10
