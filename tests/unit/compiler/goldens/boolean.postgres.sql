-- Patient.active
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_active AS (
  SELECT key, item.value FROM patient CROSS JOIN LATERAL (SELECT CAST((resource ->> 'active') AS boolean) AS value OFFSET 0) AS item
)
SELECT key AS "id", value FROM patient_active WHERE value IS NOT NULL ORDER BY key COLLATE "C"
