-- Whether a day has a seal.
SELECT EXISTS (
    SELECT
    FROM audit_seals
    WHERE source = $1
      AND process_date = $2
) AS has_seal
