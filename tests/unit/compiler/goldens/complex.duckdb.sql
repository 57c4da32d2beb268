-- Patient.name
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_name AS (
  SELECT key, JSON_EXTRACT(resource, '$."name"[*]') AS items FROM patient ORDER BY key
)
SELECT key AS "id", UNNEST(items) AS value FROM patient_name
