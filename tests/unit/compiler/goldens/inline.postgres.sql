-- name.given
WITH patient AS MATERIALIZED (
  SELECT key, resource FROM (SELECT key, resource_row.resource FROM (SELECT CAST(NULL AS text) AS key) AS given CROSS JOIN LATERAL UNNEST(CAST(ARRAY[CAST(%(fhir4ds_resource)s AS jsonb)] AS jsonb[])) AS resource_row (resource)) AS given
),
name_given AS (
  SELECT key, (item.value #>> '{}') AS value, item.ordinal FROM patient CROSS JOIN LATERAL jsonb_path_query(resource, '$."name"[*] ? (@."given".type() != "null")."given"[*]') WITH ORDINALITY AS item (value, ordinal) OFFSET 0
)
SELECT key AS "id", value FROM name_given WHERE value IS NOT NULL ORDER BY key COLLATE "C", ordinal
