-- name.given
WITH patient AS MATERIALIZED (
  SELECT CAST(NULL AS VARCHAR) AS key, CAST($fhir4ds_resource AS JSON) AS resource
),
name_given AS (
  SELECT key, JSON_EXTRACT_STRING(resource, '$."name"[*]."given"[*]') AS items FROM patient ORDER BY key
)
SELECT * FROM (SELECT key AS "id", UNNEST(items) AS value FROM name_given) WHERE value IS NOT NULL
