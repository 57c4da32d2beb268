-- Patient.birthDate
WITH patient AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Patient'
),
patient_birthdate AS (
  SELECT key, item.value FROM patient CROSS JOIN LATERAL (SELECT (resource ->> 'birthDate') AS value OFFSET 0) AS item
)
SELECT key AS "id", value FROM patient_birthdate WHERE value IS NOT NULL ORDER BY key COLLATE "C"
