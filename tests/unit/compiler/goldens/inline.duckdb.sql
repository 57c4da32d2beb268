-- name.given
WITH patient AS MATERIALIZED (
  SELECT key, resource FROM (SELECT key, UNNEST(CAST([CAST($fhir4ds_resource AS JSON)] AS JSON[])) AS resource FROM (SELECT CAST(NULL AS VARCHAR) AS key) AS given) AS given
),
name_given AS (
  SELECT key, JSON_EXTRACT_STRING(resource, '$."name"[*]."given"[*]') AS items FROM patient ORDER BY key
)
SELECT * FROM (SELECT key AS "id", UNNEST(items) AS value FROM name_given) WHERE value IS NOT NULL
