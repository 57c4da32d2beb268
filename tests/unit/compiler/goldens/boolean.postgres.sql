-- Patient.active
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_active AS (
  SELECT key, CAST(NULLIF(resource -> 'active', 'null') AS boolean) AS value FROM patient OFFSET 0
)
SELECT key AS "id", value FROM patient_active WHERE value IS NOT NULL ORDER BY key COLLATE "C"
