-- Counts what the history has of the attempts at the days of the sources $1 from $2 to $3.
SELECT array_position($1::text[], source) AS place,
       count(*) FILTER (WHERE action IN ('claim', 'takeover')) AS attempts,
       count(*) FILTER (WHERE action = 'fail') AS failures,
       count(*) FILTER (WHERE action = 'takeover') AS takeovers,
       coalesce(sum(requests), 0)::bigint AS requests
FROM audit_history
WHERE source = ANY ($1)
  AND process_date BETWEEN $2 AND $3
GROUP BY source
