-- Patient.active
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_active AS MATERIALIZED (
  SELECT key, CAST(NULLIF(RTRIM(JSON_EXTRACT(resource, '$."active"'), '01'), 'null') AS BOOLEAN) AS value FROM patient
)
SELECT key AS "id", value FROM patient_active WHERE value IS NOT NULL ORDER BY key
