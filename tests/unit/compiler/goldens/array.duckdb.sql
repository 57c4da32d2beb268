-- Patient.name.given
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_name_given AS (
  SELECT key, JSON_EXTRACT_STRING(resource, '$."name"[*]."given"[*]') AS items FROM patient ORDER BY key
)
SELECT * FROM (SELECT key AS "id", UNNEST(items) AS value FROM patient_name_given) WHERE value IS NOT NULL
