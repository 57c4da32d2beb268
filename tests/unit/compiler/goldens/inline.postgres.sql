-- name.given
WITH patient AS MATERIALIZED (
  SELECT CAST(NULL AS text) AS key, CAST(%(fhir4ds_resource)s AS jsonb) AS resource
),
name_given AS (
  SELECT key, (item.value #>> '{}') AS value, item.ordinal FROM patient CROSS JOIN LATERAL jsonb_path_query(resource, '$."name"[*] ? (@."given".type() != "null")."given"[*]') WITH ORDINALITY AS item (value, ordinal) OFFSET 0
)
SELECT key AS "id", value FROM name_given WHERE value IS NOT NULL ORDER BY key COLLATE "C", ordinal
